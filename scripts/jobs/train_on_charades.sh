#!/usr/bin/env bash
# Train a network on Charades and test it at the end.
#
#   bash scripts/jobs/train_on_charades.sh -c CONFIG [flags] [-- KEY VALUE ...]
#
#   -c CONFIG   the .yaml file, e.g. configs/demo/charades.yaml (its data are made when they are
#               missing)
#   -n GPUS     how many of this machine; 0 works on the CPU (default: 4)
#   -b BATCH    clips per training step on this machine (default: TRAIN.BATCH_SIZE of the config)
#   -d DIR      the data: Charades_v1_rgb/, frame_lists/ (default: data/charades for configs/Charades,
#               where the scripts in scripts/prepare-charades put them; for other configs what they
#               say themselves)
#   -o DIR      where results go (default: outputs/charades)
#   -w BOOL     WANDB.ENABLE (default: False)
#   -e NAME     WANDB.ENTITY
#   -h          this text
#
# The published numbers of SEVERE come from one GPU and 16 clips per step: -n 1 -b 16.
#
# Results are in DIR/PARENT--NAME, for the config .../PARENT/NAME.yaml, and all that is said on the
# terminal, errors too, in logs/train_logs.txt there. The status is that of the run. Started again,
# an interrupted run continues where it stopped.
#
# It works from any folder: -c, -d and -o are seen from there, -c from the repository too. Paths in
# configs and after -- are seen from the repository. GPUS processes read with 2 x GPUS workers each
# (the config's DATA_LOADER.NUM_WORKERS on the CPU). Python: $PYTHON, else the active environment,
# else .venv, which is made when there is none.
set -euo pipefail

jobs=$(dirname "${BASH_SOURCE[0]}") # of sbatch's own copy of this file, under SLURM
[ -f "$jobs/training.sh" ] || jobs=${SLURM_SUBMIT_DIR:-.}/scripts/jobs
# shellcheck source=scripts/jobs/training.sh
. "$jobs/training.sh"
read_flags "$@"
prepare_run charades data/charades outputs/charades
exec "$python" "${run[@]}"
