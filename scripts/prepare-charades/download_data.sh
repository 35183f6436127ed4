#!/usr/bin/env bash
# Download the frames of Charades (76 GB) and unpack them to DATA/Charades_v1_rgb.
#
#   bash scripts/prepare-charades/download_data.sh [-d DATA] [--overwrite]
#
#   -d DATA   the data folder (default: data/charades)
#   --overwrite   unpack once more, and download where the archive is gone
#   -h        this text
#
# Started again, it continues where it stopped. The folder appears when it is complete; its frames are
# counted and compared with the frame lists, where download_annotations.sh was run before. The archive
# is kept and may be deleted after that. CHARADES_URL is another place for
# https://ai2-public-datasets.s3-us-west-2.amazonaws.com/charades.
set -euo pipefail

# shellcheck source=scripts/prepare-ava/fetch.sh
. "$(dirname "${BASH_SOURCE[0]}")/../prepare-ava/fetch.sh"

read_flags "-d --overwrite" "$@"
data=${data:-$root/data/charades}
sums=$data/SHA256SUMS
url=${CHARADES_URL:-https://ai2-public-datasets.s3-us-west-2.amazonaws.com/charades}
name=Charades_v1_rgb
folder=$data/$name archive=$data/$name.tar

# Print a line per video of the frame lists with another number of frames on disk.
differences() {
    local list lists=()
    for list in "$data"/frame_lists/{train,val}.csv; do
        [ ! -s "$list" ] || lists+=("$list")
    done
    [ ${#lists[@]} -gt 0 ] || return 0
    find "$folder" -type f -name '*.jpg' -size +0 |
        awk -v disk=1 '
            disk { count = split($0, part, "/"); there[part[count - 1]]++; next }
            FNR > 1 { listed[$1]++ }
            END {
                for (video in listed) if (there[video] + 0 != listed[video])
                    print video ": " there[video] + 0 " of " listed[video] " frames"
            }' - disk=0 "${lists[@]}" | sort
}

unpack_all() {
    local part=$data/.$name.part
    again="" # what is there of the archive is good
    echo "Downloading $url/$name.tar ..."
    fetch "$url/$name.tar" "$archive" || fail "the same command continues where this one stopped"
    echo "Unpacking $archive ..."
    rm -rf "$part"
    unpack "$archive" "$part"
    [ -d "$part/$name" ] || fail "$archive does not hold a folder $name"
    rm -rf "$folder"
    mv "$part/$name" "$folder"
    rm -rf "$part"
}

mkdir -p "$data"
if [ -n "$again" ] || [ ! -d "$folder" ]; then
    unpack_all
fi
wrong=$(differences)
if [ -n "$wrong" ]; then
    printf '%s\n' "$wrong" | sed -n '1,20s/^/  /p' >&2
    fail "$(printf '%s\n' "$wrong" | wc -l | tr -d ' ') videos differ from the frame lists;" \
        "--overwrite unpacks the archive once more"
fi
[ -s "$data/frame_lists/train.csv" ] ||
    echo "note: without frame lists nothing was compared; run download_annotations.sh, then this" >&2
echo "$(find "$folder" -mindepth 1 -maxdepth 1 -type d | wc -l | tr -d ' ') videos are in $folder"
