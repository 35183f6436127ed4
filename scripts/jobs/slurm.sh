#!/usr/bin/env bash
# Train and test under SLURM, on one machine or several; preempted jobs are queued again and resume.
#
#   sbatch [SBATCH FLAGS] scripts/jobs/slurm.sh -c CONFIG [flags] [-- KEY VALUE ...]
#   sbatch --nodes 2 --gpus-per-node 4 --time 2-0 scripts/jobs/slurm.sh -c configs/AVA/VSSL/NAME.yaml
#
#   -c CONFIG   the .yaml file; configs of AVA and Charades get the keys that train_on_ava.sh and
#               train_on_charades.sh give them
#   -n GPUS     per machine; 0 works on the CPU (default: what SLURM gave, SLURM_GPUS_ON_NODE)
#   -b -d -o -w -e -h   as for train_on_ava.sh; -b counts over one machine
#
# Flags of sbatch win over the #SBATCH lines below; each site may want a partition and an account.
# Two minutes before the end SLURM sends USR1 to this script, which sends the run TERM: it saves its
# state and ends, and the job is queued again. One that fails by itself or is cancelled is not.
# Preempted jobs are told TERM and queued again by SLURM itself (--requeue).
# All is logged to logs/train_logs.txt in the run's folder and to slurm-NAME-ID.out.

#SBATCH --job-name=slowfast
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-node=4
#SBATCH --time=1-00:00:00
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=slurm-%x-%j.out
set -euo pipefail

# SLURM runs a copy of this file from a folder of its own, so the repository has to be found.
command=""
[ -z "${SLURM_JOB_ID:-}" ] || command=$(scontrol show job -o "$SLURM_JOB_ID" 2>/dev/null |
    sed -n 's/.* Command=\(.*slurm\.sh\).*/\1/p') || true
for jobs in "$(dirname "${BASH_SOURCE[0]}")" "$(dirname "${command:-/}")" \
    "${SLURM_SUBMIT_DIR:-$PWD}/scripts/jobs"; do
    [ ! -f "$jobs/training.sh" ] || break
done
# shellcheck source=scripts/jobs/training.sh
. "$jobs/training.sh"

stopped=""
trap 'stopped=yes' USR1 # while the run is prepared
queue_again() {
    echo "Stopped by SIGUSR1: queueing job $id again."
    scontrol requeue "$id"
}

gpus=${SLURM_GPUS_ON_NODE:-0}
gpus=${gpus##*:}
read_flags "$@"
nodes=${SLURM_JOB_NUM_NODES:-1} id=${SLURM_JOB_ID:?this script is for sbatch (see -h)}
case "$(dataset_of_config)" in
    ava) prepare_run ava data/AVA outputs/AVA ;;
    charades) prepare_run charades data/charades outputs/charades ;;
    any) prepare_run any "" outputs ;;
esac
host=localhost
if [ "$nodes" -gt 1 ]; then
    host=$(scontrol show hostnames "$SLURM_JOB_NODELIST")
    host=${host%%$'\n'*} # the first
fi

if [ -n "$stopped" ]; then
    queue_again
    exit
fi
# torchrun hands TERM on to its processes, but dies of USR1.
trap 'stopped=yes; trap "" USR1; scancel --signal=TERM "$id.0"' USR1
# Saving takes time; torchrun kills after 30 seconds if this is not set.
export TORCH_ELASTIC_SHUTDOWN_TIMEOUT=${TORCH_ELASTIC_SHUTDOWN_TIMEOUT:-100}
# Jobs on one machine must not meet at one port, and all machines of a job must.
srun --nodes "$nodes" --ntasks "$nodes" --ntasks-per-node 1 --kill-on-bad-exit=1 \
    "$python" -m torch.distributed.run \
    --nnodes "$nodes" --nproc_per_node "$((gpus > 0 ? gpus : 1))" \
    --rdzv_id "$id-${SLURM_RESTART_COUNT:-0}" --rdzv_backend c10d \
    --rdzv_endpoint "$host:$((15000 + id % 15000))" "${run[@]}" &
status=0
wait $! || status=$?
if [ -n "$stopped" ]; then # a signal ends "wait", not the run
    status=0
    wait $! || status=$?
fi
if [ -n "$stopped" ] && [ "$status" -ne 0 ]; then
    queue_again
fi
exit "$status"
