# shellcheck shell=bash
# One run of GDT with one of the nine hypotheses. To be sourced.

# shellcheck source=scripts/jobs/training.sh
. "$(dirname "${BASH_SOURCE[0]}")/training.sh"

pretrain_gdt() { # pretrain_gdt DATASET CLIPS DESCRIPTION HYPOTHESIS [flags]; CLIPS on each GPU
    local dataset=$1 clips=$2 hypothesis processes
    shift 2
    case "${1:-}" in
        -h | --help) usage "$0" && exit 0 ;;
    esac
    [ $# -gt 1 ] || misuse "a description and a hypothesis are needed (see -h)"
    run_name=$1 hypothesis=$2
    case "$hypothesis" in
        [1-9]) ;;
        *) misuse "a hypothesis is a number from 1 to 9, found '$hypothesis' (see -h)" ;;
    esac
    shift 2
    read_flags -c "$(echo "$root/configs/main/gdt/$dataset/${hypothesis}"_*.yaml)" "$@"
    processes=$((gpus > 0 ? gpus : 1))
    batch=${batch:-$((clips * processes))}
    overrides=(SOLVER.BASE_LR "$(awk "BEGIN { print 0.01 * $processes }")"
        ${overrides[@]+"${overrides[@]}"})
    prepare_run any "" outputs/gdt
    exec "$python" "${run[@]}"
}
