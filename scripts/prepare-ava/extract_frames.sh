#!/usr/bin/env bash
# Write the frames of each cut video, 30 per second: DATA/videos_15min -> DATA/frames.
#
#   bash scripts/prepare-ava/extract_frames.sh [-d DATA] [-j JOBS] [flags]
#
#   -d DATA      the data folder (default: data/AVA)
#   -j JOBS      videos at a time (default: one per core, at most 8)
#   --rate N     frames per second (default: 30, which AVA's frame lists count by)
#   --quality N  of PyAV's JPEGs, up to 100 (default: 95); ffmpeg gets its best, -q:v 1
#   --only NAME  this video, without ending, and no other; may be given several times
#   --overwrite      extract what is there once more
#   -h           this text
#
# Frames are frames/VIDEO/VIDEO_000001.jpg and so on. A folder appears when it is complete; one with
# as many frames as the video is long, give or take one, is kept. Where frames take too much space,
# AVA.SOURCE video trains from videos_15min itself. Next: download_annotations.sh.
set -euo pipefail

# shellcheck source=scripts/prepare-ava/fetch.sh
. "$(dirname "${BASH_SOURCE[0]}")/fetch.sh"

read_flags "-d -j --rate --quality --only --overwrite" "$@"
data=${data:-$root/data/AVA}
[ -d "$data/videos_15min" ] || fail "there is no $data/videos_15min; cut_videos.sh makes it"
prepare_data extract "$data/videos_15min" "$data/frames"
