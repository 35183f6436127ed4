#!/usr/bin/env bash
# Cut the annotated quarter of an hour out of each movie: DATA/videos -> DATA/videos_15min.
#
#   bash scripts/prepare-ava/cut_videos.sh [-d DATA] [-j JOBS] [flags]
#
#   -d DATA      the data folder (default: data/AVA)
#   -j JOBS      videos at a time (default: one per core, at most 8)
#   --start S    first second (default: 900)
#   --length S   how many (default: 901)
#   --only NAME  this video, without ending, and no other; may be given several times
#   --overwrite      cut what is there once more
#   -h           this text
#
# Results are MP4 files (H.264, AAC) of full resolution, noted with their length and the program in
# prepared.csv. Those that are as long as they should be are kept, so that it can be stopped and
# started again. Status 1 and a reason for each video that failed. Next: extract_frames.sh.
set -euo pipefail

# shellcheck source=scripts/prepare-ava/fetch.sh
. "$(dirname "${BASH_SOURCE[0]}")/fetch.sh"

read_flags "-d -j --start --length --only --overwrite" "$@"
data=${data:-$root/data/AVA}
[ -d "$data/videos" ] || fail "there is no $data/videos; download_data.sh makes it"
prepare_data cut "$data/videos" "$data/videos_15min"
