#!/usr/bin/env bash
# Pretrain STiCA on Kinetics-400, on this machine.
#
#   bash scripts/jobs/pretrain_stica.sh NUM_FRAMES AUD_NUM_SEC NUM_LARGE_CROPS NUM_SMALL_CROPS \
#       NUM_SMALL_TCROPS NUM_LARGE_TCROPS NUM_LAYER [flags] [-- KEY VALUE ...]
#   bash scripts/jobs/pretrain_stica.sh 60 2 2 4 1 2 2 -n 8
#
#   NUM_FRAMES        frames of a clip, at 30 per second
#   AUD_NUM_SEC       seconds of audio, which begin with the clip
#   NUM_LARGE_CROPS   large crops of the feature map over space
#   NUM_SMALL_CROPS   small ones
#   NUM_SMALL_TCROPS  small crops over time
#   NUM_LARGE_TCROPS  large ones
#   NUM_LAYER         layers of the transformer that pools the map; 0 averages
#   -n -b -o -w -e -h   as for train_on_ava.sh (default of -o: outputs/stica)
#
# Eight clips per GPU as published (-b counts over the machine), and a rate of 0.01 x GPUS, which is the
# published 0.64 for 64; keys after -- win. Kinetics lies in data/kinetics.
set -euo pipefail

jobs=$(dirname "${BASH_SOURCE[0]}") # of sbatch's own copy of this file, under SLURM
[ -f "$jobs/training.sh" ] || jobs=${SLURM_SUBMIT_DIR:-.}/scripts/jobs
# shellcheck source=scripts/jobs/training.sh
. "$jobs/training.sh"
case "${1:-}" in
    -h | --help) usage "$0" && exit 0 ;;
esac
names=(NUM_FRAMES AUD_NUM_SEC NUM_LARGE_CROPS NUM_SMALL_CROPS NUM_SMALL_TCROPS NUM_LARGE_TCROPS
    NUM_LAYER)
[ $# -ge ${#names[@]} ] || misuse "seven numbers are needed: ${names[*]} (see -h)"
numbers=()
for name in "${names[@]}"; do
    whole_number "$name" "$1"
    numbers+=("$1")
    shift
done
frames=${numbers[0]}
# Four steps of the map have windows of their own, as published.
windows='[6, 4]'
[ "$frames" -gt 32 ] || windows='[3, 2]'
run_name="${frames}f-${numbers[1]}s-${numbers[2]}L${numbers[3]}S-${numbers[5]}TL${numbers[4]}TS"
run_name="$run_name-${numbers[6]}layers"
read_flags -c "$root/configs/main/stica/base/kinetics.yaml" "$@"
processes=$((gpus > 0 ? gpus : 1))
batch=${batch:-$((8 * processes))}
overrides=(SOLVER.BASE_LR "$(awk "BEGIN { print 0.01 * $processes }")"
    DATA.NUM_FRAMES "$frames" AUDIO.DURATION "${numbers[1]}.0"
    SSL.STICA.LARGE_CROPS "${numbers[2]}" SSL.STICA.SMALL_CROPS "${numbers[3]}"
    SSL.STICA.SMALL_TIME_CROPS "${numbers[4]}" SSL.STICA.LARGE_TIME_CROPS "${numbers[5]}"
    SSL.STICA.TIME_WINDOWS "$windows" MODEL.POOLING_LAYERS "${numbers[6]}"
    ${overrides[@]+"${overrides[@]}"})
prepare_run any "" outputs/stica
exec "$python" "${run[@]}"
