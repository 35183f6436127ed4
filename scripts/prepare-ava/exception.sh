#!/usr/bin/env bash
# Do single videos once more from the beginning: download, cut, extract.
#
#
#   NAME         a video without its ending (default: I8j6Xq2B5ys, which is known to need it); put --
#                before names that begin with a dash
#   -d DATA      the data folder (default: data/AVA)
#   -j JOBS      videos at a time
#   -h           this text
#
# What was there is replaced only by something complete.
set -euo pipefail

here=$(CDPATH='' cd -- "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=scripts/prepare-ava/fetch.sh
. "$here/fetch.sh"

flags=() names=()
while [ $# -gt 0 ]; do
    case "$1" in
        --) shift && names+=("$@") && break ;;
        -h | --help) flags+=("$1") && break ;;
        -*) flags+=("$1") && [ $# -gt 1 ] && shift && flags+=("$1") ;;
        *) names+=("$1") ;;
    esac
    shift
done
read_flags "-d -j" ${flags[@]+"${flags[@]}"}
[ ${#names[@]} -gt 0 ] || names=(I8j6Xq2B5ys)

common=(-d "${data:-$root/data/AVA}" --overwrite)
[ -z "$jobs" ] || common+=(-j "$jobs")
for name in "${names[@]}"; do
    common+=(--only "$name")
done
bash "$here/download_data.sh" "${common[@]}"
bash "$here/cut_videos.sh" "${common[@]}" ${passed[@]+"${passed[@]}"}
bash "$here/extract_frames.sh" "${common[@]}" ${passed[@]+"${passed[@]}"}
