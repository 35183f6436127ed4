#!/usr/bin/env bash
# Download AVA's frame lists, boxes, detected boxes and classes, all into DATA/annotations.
#
#   bash scripts/prepare-ava/download_annotations.sh [-d DATA] [--overwrite]
#
#   -d DATA   the data folder (default: data/AVA)
#   --overwrite   download what is there once more
#   -h        this text
#
# What is there is kept. It ends with status 1 and a list as long as a file is missing. Other places
# for the files: AVA_FRAME_LISTS_URL, AVA_ANNOTATIONS_URL. Next: check everything with
#   python tools/prepare_data.py verify --cfg CONFIG --out outputs/verify-ava
set -euo pipefail

# shellcheck source=scripts/prepare-ava/fetch.sh
. "$(dirname "${BASH_SOURCE[0]}")/fetch.sh"

read_flags "-d --overwrite" "$@"
data=${data:-$root/data/AVA}
sums=$data/SHA256SUMS
facebook=https://dl.fbaipublicfiles.com
lists_url=${AVA_FRAME_LISTS_URL:-$facebook/video-long-term-feature-banks/data/ava/frame_lists}
boxes_url=${AVA_ANNOTATIONS_URL:-$facebook/pyslowfast/annotation/ava/ava_annotations.tar}
folder=$data/annotations
lists=(train.csv val.csv)
boxes=(
    ava_train_v2.2.csv
    ava_val_v2.2.csv
    ava_val_excluded_timestamps_v2.2.csv
    ava_action_list_v2.2_for_activitynet_2019.pbtxt
    person_box_67091280_iou90/ava_detection_train_boxes_and_labels_include_negative_v2.2.csv
    person_box_67091280_iou90/ava_detection_val_boxes_and_labels.csv
)

absent() { # absent FILES ...: print those that are not in the folder
    local name
    for name in "$@"; do
        [ -s "$folder/$name" ] || printf '%s\n' "$name"
    done
}

fetch_lists() {
    local name
    for name in "${lists[@]}"; do
        if [ -z "$again" ] && [ -z "$(absent "$name")" ]; then continue; fi
        fetch "$lists_url/$name" "$folder/$name" || continue
        if ! head -n 1 "$folder/$name" | grep -q '^original_vid'; then
            discard "$folder/$name"
            echo "error: $lists_url/$name is not a frame list" >&2
        fi
    done
}

# The archive may hold the files at its top or in a folder; they all come into one place.
fetch_boxes() {
    local archive=$folder/.ava_annotations.tar unpacked=$folder/.unpacked found
    if [ -z "$again" ] && [ -z "$(absent "${boxes[@]}")" ]; then return; fi
    fetch "$boxes_url" "$archive" || return 0
    rm -rf "$unpacked"
    unpack "$archive" "$unpacked"
    found=$(find "$unpacked" -name ava_train_v2.2.csv)
    found=${found%%$'\n'*}
    [ -n "$found" ] || fail "$boxes_url does not hold ava_train_v2.2.csv"
    cd "$(dirname "$found")"
    find . -type f -print | while IFS= read -r name; do
        mkdir -p "$(dirname "$folder/$name")"
        mv -f "$name" "$folder/$name"
    done
    cd "$started_in"
    rm -rf "$unpacked" "$archive"
}

mkdir -p "$folder"
fetch_lists
fetch_boxes
left=$(absent "${lists[@]}" "${boxes[@]}")
if [ -n "$left" ]; then
    printf '%s\n' "$left" | sed 's/^/  /' >&2
    fail "these files are missing in $folder"
fi
echo "All $((${#lists[@]} + ${#boxes[@]})) files that training needs are in $folder"
