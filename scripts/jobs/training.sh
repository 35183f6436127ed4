# shellcheck shell=bash
# From the flags of a job to the words of tools/run_net.py. To be sourced.

# shellcheck source=scripts/jobs/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

cfg="" gpus=4 batch="" data="" out="" wandb=False entity="" run_name=""
overrides=() # KEY VALUE pairs after --; they win over everything

read_flags() { # read_flags "$@"
    while [ $# -gt 0 ]; do
        case "$1" in
            -h | --help) usage "$0" && exit 0 ;;
            --) shift && overrides=("$@") && break ;;
            -p) misuse "-p is not supported: every run finds a free port itself" ;;
            -[cnbdowe]) [ $# -gt 1 ] && [ -n "$2" ] || misuse "$1 needs a value (see -h)" ;;
            *) misuse "unknown option $1 (see -h). Config keys go after --: -- SOLVER.MAX_EPOCH 10" ;;
        esac
        case "$1" in
            -c) cfg=$2 ;;
            -n) whole_number -n "$2" && gpus=$2 ;;
            -b) whole_number -b "$2" && batch=$2 ;;
            -d) data=$(absolute "$2") ;;
            -o) out=$(absolute "$2") ;;
            -w) wandb=$2 ;;
            -e) entity=$2 ;;
        esac
        shift 2
    done
    [ -n "$cfg" ] || misuse "-c is needed: the config to run (see -h)"
    # The user's folder is looked in first, then the repository's.
    [ ! -f "$(absolute "$cfg")" ] || cfg=$(absolute "$cfg")
    cd "$root"
    [ -f "$cfg" ] ||
        fail "there is no config $cfg, neither seen from $started_in nor from $root"
    cfg=$(CDPATH='' cd -- "$(dirname "$cfg")" && pwd -P)/$(basename "$cfg")
}

dataset_of_config() { # ava, charades or any
    case "$cfg" in
        */configs/AVA/* | */configs/demo/ava*) echo ava ;;
        */configs/Charades/* | */configs/demo/charades*) echo charades ;;
        *) echo any ;;
    esac
}

# Published configs say where the scripts in scripts/prepare-* put the data; this is for -d, and for
# data that came from elsewhere in PySlowFast's folders (frame_lists/).
ava_keys() { # ava_keys DIR: add to $keys what makes a run read DIR
    local lists=$1/annotations
    [ ! -e "$1/frame_lists/train.csv" ] || lists=$1/frame_lists
    keys+=(AVA.FRAME_DIR "$1/frames/" AVA.FRAME_LIST_DIR "$lists/"
        AVA.ANNOTATION_DIR "$1/annotations/" AVA.VIDEO_DIR "$1/videos_15min/")
}

charades_keys() { # charades_keys DIR
    local lists=$1/frame_lists videos=$1/Charades_v1_480
    case " ${overrides[*]-} " in
        *" CHARADES.SOURCE video "*)
            lists=$1/Charades # as Charades.zip is unpacked
            [ -d "$videos" ] || videos=$1/Charades_v1
            keys+=(CHARADES.VIDEO_DIR "$videos/")
            ;;
        *) keys+=(DATA.PATH_PREFIX "$1/Charades_v1_rgb/") ;;
    esac
    keys+=(DATA.PATH_TO_DATA_DIR "$lists/")
}

any_keys() { misuse "-d is for AVA and Charades; set the keys of your dataset after --"; }

choose_data() { # choose_data DATASET FOLDER: where -d says, or in FOLDER for a published config
    case "$cfg" in
        "$root/configs/demo/"*)
            if [ -z "$data" ]; then make_demo "$1"; fi
            ;;
        "$root/configs/AVA/"* | "$root/configs/Charades/"*)
            if [ -z "$data" ] && [ -d "$root/$2" ]; then
                data=$root/$2
            elif [ -z "$data" ]; then
                echo "note: there is no $root/$2, so the paths of the config count. The data are" \
                    "made by scripts/prepare-$1; -d says where they are." >&2
            fi
            ;;
    esac
    [ -n "$data" ] || return 0
    [ -d "$data" ] || fail "-d $data: there is no such folder"
    "${1}_keys" "$data"
}

make_demo() { # make_demo DATASET; complete data are left alone
    local worlds=()
    [ "$1" = any ] || worlds=(--worlds "$1")
    "$python" tools/prepare_data.py demo --out data/demo --preset small \
        ${worlds[@]+"${worlds[@]}"}
}

# prepare_run DATASET DATA OUTPUT: sets $run, the words of tools/run_net.py, and sends all output
# to the log too. Relative paths in configs and after -- are seen from the repository.
prepare_run() {
    local log name
    name=${run_name:-$(basename "$(dirname "$cfg")")--$(basename "${cfg%.y*ml}")}
    out=${out:-$root/$3}/$name
    keys=(NUM_GPUS "$gpus" OUTPUT_DIR "$out" WANDB.ENABLE "$wandb")
    [ -z "$entity" ] || keys+=(WANDB.ENTITY "$entity")
    [ -z "$batch" ] || keys+=(TRAIN.BATCH_SIZE "$batch")
    [ "$gpus" -eq 0 ] || keys+=(DATA_LOADER.NUM_WORKERS "$((2 * gpus))")
    find_python
    choose_data "$1" "$2"
    run=(tools/run_net.py --cfg "$cfg" "${keys[@]}" ${overrides[@]+"${overrides[@]}"})
    log=$out/logs/train_logs.txt
    mkdir -p "$out/logs" || fail "$out cannot be made; choose another folder with -o"
    # Ctrl-C goes to tee too, which must live until the run has said its last word.
    exec > >(trap '' INT TERM HUP USR1 && exec tee -a "$log") 2>&1
    printf '\n== %s ==\n' "$(date '+%Y-%m-%d %H:%M:%S')"
    printf '%q ' "$python" "${run[@]}"
    printf '\n'
    export PYTHONUNBUFFERED=1 # so that the log says what is being done
}
