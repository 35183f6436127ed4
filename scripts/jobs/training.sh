# shellcheck shell=bash
# From the flags of a job to the words of tools/run_net.py. To be sourced.

# shellcheck source=scripts/jobs/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=scripts/jobs/datasets.sh
. "$(dirname "${BASH_SOURCE[0]}")/datasets.sh"

cfg="" gpus=4 batch="" data="" out="" wandb=False entity=""
overrides=() # KEY VALUE pairs after --; they win over everything
keys=()      # KEY VALUE pairs of this script

read_flags() { # read_flags "$@"
    while [ $# -gt 0 ]; do
        case "$1" in
            -h | --help) usage "$0" && exit 0 ;;
            --) shift && overrides=("$@") && return ;;
            -p) misuse "-p is gone: every run finds a free port itself" ;;
            -[cnbdowe])
                [ $# -gt 1 ] && [ -n "$2" ] || misuse "$1 needs a value (see -h)"
                read_flag "$1" "$2"
                shift
                ;;
            *) misuse "unknown option $1 (see -h). Config keys go after --: -- SOLVER.MAX_EPOCH 10" ;;
        esac
        shift
    done
}

read_flag() { # read_flag FLAG VALUE
    case "$1" in
        -c) cfg=$2 ;;
        -n) whole_number -n "$2" && gpus=$2 ;;
        -b) whole_number -b "$2" && batch=$2 ;;
        -d) data=$(absolute "$2") ;;
        -o) out=$(absolute "$2") ;;
        -w) wandb=$2 ;;
        -e) entity=$2 ;;
    esac
}

# The user's folder is looked in first, then the repository's.
find_config() {
    local found
    [ -n "$cfg" ] || misuse "-c is needed: the config to run (see -h)"
    for found in "$(absolute "$cfg")" "$root/$cfg"; do
        if [ -f "$found" ]; then
            cfg=$(CDPATH='' cd -- "$(dirname "$found")" && pwd -P)/$(basename "$found")
            return
        fi
    done
    fail "there is no config $cfg, neither seen from $started_in nor from $root"
}

experiment() { # the last two parts of the config's path: VSSL--32x2_112x112_R18_v2.2_ctp
    local file parent
    file=$(basename "$cfg")
    parent=$(basename "$(dirname "$cfg")")
    printf '%s--%s\n' "$parent" "${file%.y*ml}"
}

is_below() { # is_below PATH FOLDER
    case "$1" in "$2"/*) return 0 ;; esac
    return 1
}

has_override() { # has_override KEY
    local word
    for word in ${overrides[@]+"${overrides[@]}"}; do
        [ "$word" != "$1" ] || return 0
    done
    return 1
}

is_override() { # is_override KEY VALUE
    local word previous=""
    for word in ${overrides[@]+"${overrides[@]}"}; do
        [ "$previous $word" != "$1 $2" ] || return 0
        previous=$word
    done
    return 1
}

# prepare_run DATASET: set $cfg, $out (the run's folder), $log and $keys; make what is missing.
prepare_run() {
    local dataset=$1
    out=${out:-$root/$("${dataset}_output")}/$(experiment)
    log=$out/logs/train_logs.txt
    cd "$root" || exit # relative paths in configs and after -- are seen from here
    keys=(NUM_GPUS "$gpus" OUTPUT_DIR "$out" WANDB.ENABLE "$wandb")
    [ -z "$entity" ] || keys+=(WANDB.ENTITY "$entity")
    [ -z "$batch" ] || keys+=(TRAIN.BATCH_SIZE "$batch")
    [ "$gpus" -eq 0 ] || keys+=(DATA_LOADER.NUM_WORKERS "$((2 * gpus))")
    choose_data "$dataset"
    find_python
    if [ -z "$data" ] && is_below "$cfg" "$root/configs/demo"; then
        make_demo "$cfg"
    fi
    mkdir -p "$out/logs" || fail "$out cannot be made; choose another folder with -o"
}

# The data are where -d says; for a published config, where the scripts put them; else where the
# config says.
choose_data() { # choose_data DATASET
    local usual
    usual=$root/$("${1}_data")
    if [ -n "$data" ]; then
        [ -d "$data" ] || fail "-d $data: there is no such folder"
        "${1}_keys" "$data"
    elif [ -n "$("${1}_data")" ] && is_below "$cfg" "$root/$("${1}_configs")"; then
        if [ -d "$usual" ]; then
            "${1}_keys" "$usual"
        else
            echo "note: there is no $usual, so the paths of the config count. The data are made by" \
                "$("${1}_scripts"); -d says where they are." >&2
        fi
    fi
}

start_log() { # start_log WORDS: note the command at the end of the log
    {
        printf '\n== %s ==\n' "$(date '+%Y-%m-%d %H:%M:%S')"
        printf '%q ' "$@"
        printf '\n'
    } | tee -a "$log"
}

end_run() { # end_run STATUS: say how it ended, on the terminal and in the log
    local text
    if [ "$1" -eq 0 ]; then
        text="Done. Results: $out"
    elif [ -n "$stopped_by" ]; then
        text="Stopped by SIG$stopped_by; the same command goes on where it stopped. Log: $log"
    else
        text="error: the run ended with status $1; the reason is above and in $log"
    fi
    printf '%s\n' "$text" | tee -a "$log" >&2
}

train_on() { # train_on DATASET FLAGS ...
    local dataset=$1 status=0
    shift
    read_flags "$@"
    find_config
    prepare_run "$dataset"
    export PYTHONUNBUFFERED=1 # so that the log tells what is being done
    set -- "$python" tools/run_net.py --cfg "$cfg" "${keys[@]}" ${overrides[@]+"${overrides[@]}"}
    start_log "$@"
    run_logged "$log" same "$@" || status=$?
    end_run "$status"
    exit "$status"
}
