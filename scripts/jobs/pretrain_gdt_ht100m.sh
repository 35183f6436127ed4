#!/usr/bin/env bash
# Pretrain GDT on the frames and captions of HowTo100M with one of the nine hypotheses, on this machine.
#
#   bash scripts/jobs/pretrain_gdt_ht100m.sh DESCRIPTION HYPOTHESIS [flags] [-- KEY VALUE ...]
#   bash scripts/jobs/pretrain_gdt_ht100m.sh i_shift 5 -n 8
#
#   DESCRIPTION  name of the run's folder
#   HYPOTHESIS   1 to 9: the config configs/main/gdt/ht100m/HYPOTHESIS_*.yaml
#   -n -b -o -w -e -h   as for train_on_ava.sh (default of -o: outputs/gdt)
#
# Twelve clips per GPU as published (-b counts over the machine), and a rate of 0.01 x GPUS; keys after
# -- win. data/howto100m holds howto.csv, videos/, captions/, word2vec.pth and dict.npy; elsewhere:
# -- DATA.PATH_TO_DATA_DIR DIR DATA.PATH_PREFIX DIR TEXT.CAPTION_DIR DIR TEXT.VECTORS FILE.
# On several machines: sbatch --nodes 8 --gpus-per-node 8 scripts/jobs/slurm.sh -c CONFIG, which keeps
# the published rate for 64 GPUs.
set -euo pipefail

jobs=$(dirname "${BASH_SOURCE[0]}") # of sbatch's own copy of this file, under SLURM
[ -f "$jobs/gdt.sh" ] || jobs=${SLURM_SUBMIT_DIR:-.}/scripts/jobs
# shellcheck source=scripts/jobs/gdt.sh
. "$jobs/gdt.sh"
pretrain_gdt ht100m 12 "$@"
