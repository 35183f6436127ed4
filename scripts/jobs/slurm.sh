#!/usr/bin/env bash
# Train and test under SLURM, on one machine or several; preempted jobs are queued again and go on.
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
# Two minutes before the end SLURM sends USR1 to this script, which hands it on: the run saves its
# state and ends, and the job is queued again. One that fails by itself or is cancelled is not.
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

# Until there is something to hand it on to, it must not end this script.
early=""
trap 'early=USR1 stopped_by=USR1' USR1

# SLURM runs a copy of this file from a folder of its own, so the repository has to be found.
find_jobs() {
    local command folder
    command=$(scontrol show job -o "${SLURM_JOB_ID:-}" 2>/dev/null |
        sed -n 's/.* Command=\(.*slurm\.sh\).*/\1/p') || true
    for folder in "$(dirname "${BASH_SOURCE[0]}")" "$(dirname "${command:-/}")" \
        "${SLURM_SUBMIT_DIR:-$PWD}/scripts/jobs" "${SLURM_SUBMIT_DIR:-$PWD}"; do
        if [ -f "$folder/on_node.sh" ]; then
            (CDPATH='' cd -- "$folder" && pwd -P)
            return
        fi
    done
    echo "error: scripts/jobs of the repository was not found; call sbatch from the repository" >&2
    return 1
}

jobs=$(find_jobs)
# shellcheck source=scripts/jobs/training.sh
. "$jobs/training.sh"
stopped_by=$early

launch() { # sets $launch: what every machine runs
    local nodes=${SLURM_JOB_NUM_NODES:-1} id=${SLURM_JOB_ID:?this script is for sbatch (see -h)}
    local host=localhost
    if [ "$nodes" -gt 1 ]; then
        host=$(scontrol show hostnames "$SLURM_JOB_NODELIST")
        host=${host%%$'\n'*} # the first
    fi
    # Jobs on one machine must not meet at one port, and all machines of a job must.
    launch=(srun --nodes "$nodes" --ntasks "$nodes" --ntasks-per-node 1 --kill-on-bad-exit=1
        bash "$jobs/on_node.sh" "$python" -m torch.distributed.run
        --nnodes "$nodes" --nproc_per_node "$((gpus > 0 ? gpus : 1))"
        --rdzv_id "$id-${SLURM_RESTART_COUNT:-0}" --rdzv_backend c10d
        --rdzv_endpoint "$host:$((15000 + id % 15000))")
}

# A job that SLURM itself is ending, because its owner cancelled it or its time is over, is no longer
# running. One that is preempted for good is queued again by SLURM.
queue_again() {
    local state
    state=$(scontrol show job -o "$SLURM_JOB_ID" | grep -o 'JobState=[A-Z_]*') || state=""
    case "${state#JobState=}" in
        RUNNING | '')
            echo "Stopped by SIG$stopped_by: queueing job $SLURM_JOB_ID again." | tee -a "$log"
            scontrol requeue "$SLURM_JOB_ID"
            ;;
        *) echo "SLURM ends this job ($state), so it is not queued again." | tee -a "$log" ;;
    esac
}

gpus=${SLURM_GPUS_ON_NODE:-0}
gpus=${gpus##*:}
read_flags "$@"
find_config
prepare_run "$(dataset_of "$cfg")"
launch
export PYTHONUNBUFFERED=1
set -- "${launch[@]}" tools/run_net.py --cfg "$cfg" "${keys[@]}" ${overrides[@]+"${overrides[@]}"}
start_log "$@"
status=0
# srun kills its processes when it is told TERM, so it is always told USR1.
run_logged "$log" USR1 "$@" || status=$?
end_run "$status"
if [ "$status" -ne 0 ] && [ -n "$stopped_by" ]; then
    queue_again
fi
exit "$status"
