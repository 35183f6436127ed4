# shellcheck shell=bash
# What the scripts that prepare data share: their flags, downloads that continue where they stopped, and
# archives that are looked at before they are unpacked. To be sourced.

# shellcheck source=scripts/jobs/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../jobs/common.sh"

fetch_file=${BASH_SOURCE[0]}
data="" jobs="" again=${FETCH_AGAIN:-}
only=()   # --only, as often as it was given
passed=() # flags with their values that are handed on as they are

read_flags() { # read_flags "FLAGS THAT ARE ALLOWED" "$@"
    local allowed=" $1 "
    shift
    while [ $# -gt 0 ]; do
        case "$1" in -h | --help) usage "$0" && exit 0 ;; esac
        case "$allowed" in *" $1 "*) ;; *) misuse "unknown option $1 (see -h)" ;; esac
        if [ "$1" = --overwrite ]; then
            again=yes
        else
            [ $# -gt 1 ] && [ -n "$2" ] || misuse "$1 needs a value (see -h)"
            case "$1" in
                -d) data=$(absolute "$2") ;;
                -j) whole_number -j "$2" && jobs=$2 ;;
                --only) only+=("$2") ;;
                *) passed+=("$1" "$2") ;;
            esac
            shift
        fi
        shift
    done
}

# prepare_data STEP FROM TO: a step of tools/prepare_data.py over a folder of videos
prepare_data() {
    local words name
    words=("$1" "$2" "$3" ${passed[@]+"${passed[@]}"})
    [ -z "$jobs" ] || words+=(--workers "$jobs")
    [ -z "$again" ] || words+=(--overwrite)
    for name in ${only[@]+"${only[@]}"}; do
        words+=("--only=$name") # names may begin with a dash
    done
    find_python
    "$python" "$root/tools/prepare_data.py" "${words[@]}"
}

bytes() { # bytes FILE: its size, 0 where there is none
    if [ -f "$1" ]; then wc -c <"$1" | tr -d ' '; else echo 0; fi
}

remote_size() { # remote_size URL: what the server says; nothing where it does not
    local headers
    headers=$(curl --fail --location --silent --connect-timeout 30 --head "$1") || true
    printf '%s\n' "$headers" | tr -d '\r' |
        awk 'tolower($1) == "content-length:" { size = $2 } END { if (size != "") print size }'
}

# fetch URL FILE: download unless FILE is there in the size that the server says. Until it is
# complete it has another name; what an earlier program left of it is continued. No checksums are
# published for these files, so the size is all that can be compared (curl fails when a transfer
# ends early); tar files are listed before they are unpacked, and cut_videos.sh names videos that
# do not open.
fetch() {
    local url=$1 file=$2 part size attempt status=0
    part=$(dirname "$file")/.$(basename "$file").part
    size=$(remote_size "$url")
    if [ -n "$again" ]; then
        rm -f "$part"
    elif [ -s "$file" ] && [ "$(bytes "$file")" = "${size:-$(bytes "$file")}" ]; then
        return 0
    elif [ -f "$file" ]; then
        mv "$file" "$part"
    fi
    mkdir -p "$(dirname "$file")"
    if [ "$(bytes "$part")" -gt "${size:-$(bytes "$part")}" ]; then
        rm -f "$part" # another file of that name
    fi
    for attempt in 1 2 3; do
        # Each attempt continues the one before; --retry itself begins anew.
        status=0
        curl --fail --location --silent --show-error --connect-timeout 30 --speed-limit 1000 \
            --speed-time 60 --retry 3 --continue-at - --output "$part" "$url" || status=$?
        [ "$status" -ne 33 ] || rm -f "$part" # this server only knows whole files
        [ "$status" -ne 0 ] || break
        [ "$attempt" -eq 3 ] || sleep "${FETCH_WAIT:-5}"
    done
    if [ "$status" -ne 0 ] || [ ! -s "$part" ] ||
        [ "$(bytes "$part")" != "${size:-$(bytes "$part")}" ]; then
        echo "error: $url: got $(bytes "$part") of ${size:-an unknown number of} bytes" >&2
        return 1
    fi
    mv "$part" "$file"
}

# in_parallel FUNCTION: call FUNCTION ITEM for each NUL-ended item that is read, $jobs at a time.
# A call that fails does not stop the others; the status says whether one did.
in_parallel() {
    export -f "${1?}"
    # shellcheck disable=SC2016 # for the shells that xargs starts
    FETCH_AGAIN=$again xargs -0 -n 1 -P "$jobs" \
        bash -c 'set -euo pipefail; . "$0"; "$1" "$2"' "$fetch_file" "$1"
}

# check_archive FILE: refuse a tar file that would write outside of its folder, or make links or
# devices.
check_archive() {
    local names wrong
    names=$(mktemp)
    tar -tvf "$1" >"$names" || fail "$1 is not a complete tar file; delete it and start again"
    wrong=$(grep -v '^[-d]' "$names" | head -n 1) || true
    [ -z "$wrong" ] || fail "$1 holds a link or a device, which no such archive needs: $wrong"
    tar -tf "$1" >"$names"
    wrong=$(grep -E '^/|(^|/)\.\.(/|$)' "$names" | head -n 1) || true
    [ -z "$wrong" ] || fail "$1 holds a file that belongs outside of its folder: $wrong"
    rm -f "$names"
}

unpack() { # unpack FILE FOLDER
    check_archive "$1"
    mkdir -p "$2"
    tar -x --no-same-owner --no-same-permissions -f "$1" -C "$2" || fail "$1 cannot be unpacked"
}
