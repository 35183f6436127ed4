# shellcheck shell=bash
# What the jobs know of each dataset: where its data and results lie, which keys say so, and which
# script makes what is missing. To be sourced by training.sh. Per dataset:
#
#   NAME_data, NAME_output, NAME_configs   folders, seen from the repository
#   NAME_scripts                           who makes the data
#   NAME_keys DIR                          adds to $keys what makes a run read DIR

root=${root:?} keys=()

ava_data() { echo data/AVA; }
ava_output() { echo outputs/AVA; }
ava_configs() { echo configs/AVA; }
ava_scripts() { echo "scripts/prepare-ava (first download_data.sh, then the others)"; }

ava_keys() {
    local folder=$1 lists
    missing=()
    lists=$(first_with train.csv "$folder/annotations" "$folder/frame_lists" \
        "$(dirname "$folder")/ava/frame_lists")
    if is_override AVA.SOURCE video; then
        needs "$folder/videos_15min" AVA.VIDEO_DIR cut_videos.sh
    else
        needs "$folder/frames" AVA.FRAME_DIR extract_frames.sh
        needs "${lists:-$folder/annotations}/train.csv" AVA.FRAME_LIST_DIR download_annotations.sh
        needs "${lists:-$folder/annotations}/val.csv" AVA.FRAME_LIST_DIR download_annotations.sh
    fi
    needs "$folder/annotations" AVA.ANNOTATION_DIR download_annotations.sh
    stop_if_missing "$folder" scripts/prepare-ava
    keys+=(AVA.FRAME_DIR "$folder/frames/" AVA.FRAME_LIST_DIR "${lists:-$folder/annotations}/")
    keys+=(AVA.ANNOTATION_DIR "$folder/annotations/" AVA.VIDEO_DIR "$folder/videos_15min/")
}

charades_data() { echo data/charades; }
charades_output() { echo outputs/charades; }
charades_configs() { echo configs/Charades; }
charades_scripts() { echo "scripts/prepare-charades"; }

charades_keys() {
    local folder=$1 lists videos
    missing=()
    if is_override CHARADES.SOURCE video; then
        lists=$(first_with Charades_v1_train.csv "$folder/annotations" "$folder/Charades" "$folder")
        videos=$(first_with . "$folder/Charades_v1_480" "$folder/Charades_v1")
        lists=${lists:-$folder} videos=${videos:-$folder/Charades_v1_480}
        needs "$videos" CHARADES.VIDEO_DIR "unpacking Charades_v1_480.zip"
        needs "$lists/Charades_v1_train.csv" DATA.PATH_TO_DATA_DIR "unpacking Charades.zip"
        needs "$lists/Charades_v1_test.csv" DATA.PATH_TO_DATA_DIR "unpacking Charades.zip"
        keys+=(CHARADES.VIDEO_DIR "$videos/")
    else
        lists=$(first_with train.csv "$folder/frame_lists" "$folder/annotations" "$folder")
        lists=${lists:-$folder/frame_lists}
        needs "$folder/Charades_v1_rgb" DATA.PATH_PREFIX download_data.sh
        needs "$lists/train.csv" DATA.PATH_TO_DATA_DIR download_annotations.sh
        needs "$lists/val.csv" DATA.PATH_TO_DATA_DIR download_annotations.sh
        keys+=(DATA.PATH_PREFIX "$folder/Charades_v1_rgb/")
    fi
    stop_if_missing "$folder" scripts/prepare-charades
    keys+=(DATA.PATH_TO_DATA_DIR "$lists/")
}

# Any other config, for slurm.sh.
any_data() { :; }
any_output() { echo outputs; }
any_configs() { :; }
any_scripts() { :; }
any_keys() { misuse "-d is for AVA and Charades; set the keys of your dataset after --"; }

first_with() { # first_with FILE FOLDERS ...: print the first folder that holds FILE, or nothing
    local file=$1 folder
    shift
    for folder in "$@"; do
        if [ -e "$folder/$file" ]; then
            printf '%s\n' "$folder"
            return
        fi
    done
}

needs() { # needs PATH KEY SCRIPT: remember that PATH is missing, unless the user sets KEY
    [ -e "$1" ] || has_override "$2" || missing+=("$1 (made by $3)")
}

stop_if_missing() { # stop_if_missing DATA SCRIPTS
    [ ${#missing[@]} -eq 0 ] && return
    printf 'error: data are missing in %s:\n' "$1" >&2
    printf '  %s\n' "${missing[@]}" >&2
    fail "make them with the scripts in $2, or say where they are with -d"
}

dataset_of() { # dataset_of CONFIG: by where it lies
    case "$1" in
        */configs/AVA/* | */configs/demo/ava*) echo ava ;;
        */configs/Charades/* | */configs/demo/charades*) echo charades ;;
        *) echo any ;;
    esac
}

make_demo() { # make_demo CONFIG: make the data of a demo config, unless they are complete
    local world record words
    world=$(dataset_of "$1")
    record=$root/data/demo/$world/demo.json
    words=(--out data/demo --preset small --worlds "$world")
    if [ "$world" = any ]; then
        record=$root/data/demo/demo.json
        words=(--out data/demo --preset small)
    fi
    if grep -qs '"complete": true' "$record"; then
        return
    fi
    echo "== Demo data =="
    "${python:?}" tools/prepare_data.py demo "${words[@]}"
}
