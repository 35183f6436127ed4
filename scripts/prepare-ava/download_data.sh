#!/usr/bin/env bash
# Download AVA's movies into DATA/videos: 299 files, some hundred GB.
#
#   bash scripts/prepare-ava/download_data.sh [-d DATA] [-j JOBS] [--only NAME] [--overwrite]
#
#   -d DATA      the data folder (default: data/AVA)
#   -j JOBS      downloads at a time (default: 4)
#   --only NAME  this video (with or without ending) and no other; may be given several times
#   --overwrite      download what is there once more
#   -h           this text
#
# Started again, it continues where it stopped: complete files are known by their size on the server.
# What comes is compared with the server's MD5, where it gives one, and with DATA/SHA256SUMS, which is
# written where it is new.
# It ends with status 1 and a list as long as a file is missing. AVA_URL is another place for
# https://s3.amazonaws.com/ava-dataset. Next: cut_videos.sh.
set -euo pipefail

# shellcheck source=scripts/prepare-ava/fetch.sh
. "$(dirname "${BASH_SOURCE[0]}")/fetch.sh"

read_flags "-d -j --only --overwrite" "$@"
data=${data:-$root/data/AVA}
sums=$data/SHA256SUMS
jobs=${jobs:-4}
export url=${AVA_URL:-https://s3.amazonaws.com/ava-dataset}
export videos=$data/videos
list=$data/ava_file_names_trainval_v2.1.txt

names=()
read_names() { # sets $names from the list, or those of --only
    local name chosen wanted
    while IFS= read -r name || [ -n "$name" ]; do
        name=${name%$'\r'}
        case "$name" in
            '') continue ;;
            .* | *[!A-Za-z0-9_.-]*) fail "$list: '$name' is not the name of a video" ;;
        esac
        chosen=${only[0]+no}
        for wanted in ${only[@]+"${only[@]}"}; do
            case "$wanted" in "$name" | "${name%.*}") chosen="" ;; esac
        done
        [ -n "$chosen" ] || names+=("$name")
    done <"$list"
    [ ${#names[@]} -gt 0 ] || fail "$list names no such video"
}

fetch_video() { # fetch_video NAME
    local have
    if ! fetch "$url/trainval/$1" "$videos/$1"; then
        echo "FAILED $1" >&2
        return 1
    fi
    have=$(find "$videos" -maxdepth 1 -type f ! -name '.*' | wc -l | tr -d ' ')
    echo "$1 is complete ($have files in $videos)"
}

mkdir -p "$videos"
fetch "$url/annotations/$(basename "$list")" "$list" || fail "there is no list of names"
read_names
broken=""
printf '%s\0' "${names[@]}" | in_parallel fetch_video || broken=yes

missing=()
for name in "${names[@]}"; do
    [ -s "$videos/$name" ] || missing+=("$name")
done
echo "$((${#names[@]} - ${#missing[@]})) of ${#names[@]} videos are in $videos"
if [ ${#missing[@]} -gt 0 ]; then
    printf '  %s\n' "${missing[@]}" >&2
    fail "${#missing[@]} videos are missing; the same command continues with them"
fi
[ -z "$broken" ] || fail "downloads failed, see above; what was there before is kept"
