#!/usr/bin/env bash
# Pretrain GDT on Kinetics-400 with one of the nine hypotheses, on this machine.
#
#   bash scripts/jobs/pretrain_gdt_k400.sh DESCRIPTION HYPOTHESIS [flags] [-- KEY VALUE ...]
#   bash scripts/jobs/pretrain_gdt_k400.sh v_reversal 2 -n 8
#
#   DESCRIPTION  name of the run's folder
#   HYPOTHESIS   1 to 9: the config configs/main/gdt/kinetics/HYPOTHESIS_*.yaml
#   -n -b -o -w -e -h   as for train_on_ava.sh (default of -o: outputs/gdt)
#
# Eight clips per GPU as published (-b counts over the machine), and a rate of 0.01 x GPUS; keys after
# -- win. Kinetics lies in data/kinetics: -- DATA.PATH_TO_DATA_DIR DIR DATA.PATH_PREFIX DIR.
# On several machines: sbatch --nodes 8 --gpus-per-node 8 scripts/jobs/slurm.sh -c CONFIG, which keeps
# the published rate for 64 GPUs.
set -euo pipefail

jobs=$(dirname "${BASH_SOURCE[0]}") # of sbatch's own copy of this file, under SLURM
[ -f "$jobs/gdt.sh" ] || jobs=${SLURM_SUBMIT_DIR:-.}/scripts/jobs
# shellcheck source=scripts/jobs/gdt.sh
. "$jobs/gdt.sh"
pretrain_gdt kinetics 8 "$@"
