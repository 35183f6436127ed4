#!/usr/bin/env bash
# Download the frame lists of Charades into DATA/frame_lists.
#
#   bash scripts/prepare-charades/download_annotations.sh [-d DATA] [--overwrite]
#
#   -d DATA   the data folder (default: data/charades)
#   --overwrite   download what is there once more
#   -h        this text
#
# What is there is kept. CHARADES_FRAME_LISTS_URL is another place for the files. Next:
# download_data.sh, which compares the frames with these lists.
set -euo pipefail

# shellcheck source=scripts/prepare-ava/fetch.sh
. "$(dirname "${BASH_SOURCE[0]}")/../prepare-ava/fetch.sh"

read_flags "-d --overwrite" "$@"
data=${data:-$root/data/charades}
sums=$data/SHA256SUMS
usual=https://dl.fbaipublicfiles.com/pyslowfast/dataset/charades/frame_lists
missing=()
for name in train.csv val.csv; do
    file=$data/frame_lists/$name
    if [ -s "$file" ] && [ -z "$again" ]; then continue; fi
    if ! fetch "${CHARADES_FRAME_LISTS_URL:-$usual}/$name" "$file"; then
        missing+=("$name")
    elif ! head -n 1 "$file" | grep -q '^original_vid'; then
        discard "$file"
        echo "error: what came for $name is not a frame list" >&2
        missing+=("$name")
    fi
done
[ ${#missing[@]} -eq 0 ] || fail "missing in $data/frame_lists: ${missing[*]}"
echo "Both frame lists are in $data/frame_lists"
