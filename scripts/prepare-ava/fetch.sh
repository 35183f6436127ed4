# shellcheck shell=bash
# What the scripts that prepare data share: their flags, downloads that continue where they stopped, and
# archives that are looked at before they are unpacked. To be sourced.

# shellcheck source=scripts/jobs/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../jobs/common.sh"

fetch_file=${BASH_SOURCE[0]}
data="" jobs="" again=${FETCH_AGAIN:-}
only=()   # --only, as often as it was given
sums=${FETCH_SUMS:-}
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

headers_of() { # headers_of URL: what the server says about a file, if it says anything
    curl --fail --location --silent --connect-timeout 30 --head "$1" | tr -d '\r' || true
}

field() { # field NAME HEADERS: the last value of a header; nothing where there is none
    printf '%s\n' "$2" |
        awk -v name="$1:" 'tolower($1) == name { value = $2 } END { if (value != "") print value }'
}

# check_sum FILE NAME HEADERS: compare what came with the MD5 that Amazon's S3 gives for a file that
# was uploaded in one piece, and with the SHA-256 of NAME in DATA/SHA256SUMS, where it is added if it
# is new: put somebody else's SHA256SUMS there to get the same files, or be told.
check_sum() {
    local file=$1 name=$2 wanted found
    wanted=$(field etag "$3" | tr -d '"')
    if [ "$(field server "$3")" = AmazonS3 ] && [[ $wanted =~ ^[0-9a-f]{32}$ ]]; then
        found=$(md5sum "$file" | cut -d ' ' -f 1)
        [ "$found" = "$wanted" ] || {
            echo "error: $name has MD5 $found, the server says $wanted" >&2
            return 1
        }
    fi
    found=$(sha256sum "$file" | cut -d ' ' -f 1)
    wanted=$(awk -v name="$name" '$2 == name { print $1 }' "$sums" 2>/dev/null | tail -n 1)
    if [ -z "$wanted" ]; then
        printf '%s  %s\n' "$found" "$name" >>"$sums"
    elif [ "$found" != "$wanted" ]; then
        echo "error: $name has SHA-256 $found, $sums says $wanted: either the file or that line" \
            "is old; take the line out to accept the file" >&2
        return 1
    fi
}

discard() { # discard FILE: it turned out to be something else than what was asked for
    rm -f "$1"
    awk -v name="$(basename "$1")" '$2 != name' "$sums" >"$sums.new" && mv "$sums.new" "$sums"
}

# fetch URL FILE: download unless FILE is there in the size that the server says. Until it is
# complete and its checksums are right it has another name; what an earlier program left of it is
# continued. Tar files are listed before they are unpacked, and cut_videos.sh names videos that do
# not open.
fetch() {
    local url=$1 file=$2 part headers size attempt status=0
    part=$(dirname "$file")/.$(basename "$file").part
    headers=$(headers_of "$url")
    size=$(field content-length "$headers")
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
    if ! check_sum "$part" "$(basename "$file")" "$headers"; then
        rm -f "$part"
        return 1
    fi
    mv "$part" "$file"
}

# in_parallel FUNCTION: call FUNCTION ITEM for each NUL-ended item that is read, $jobs at a time.
# A call that fails does not stop the others; the status says whether one did.
in_parallel() {
    export -f "${1?}"
    # shellcheck disable=SC2016 # for the shells that xargs starts
    FETCH_AGAIN=$again FETCH_SUMS=$sums xargs -0 -n 1 -P "$jobs" \
        bash -c 'set -euo pipefail; . "$0"; "$1" "$2"' "$fetch_file" "$1"
}

# check_archive FILE FOLDER: refuse a tar file that would write outside of its folder, make links or
# devices, fill the disk, or write a file twice (on some disks A.jpg and a.jpg are one).
check_archive() {
    local names wrong size room
    names=$(mktemp)
    tar --numeric-owner -tvf "$1" >"$names" || fail "$1 is not a complete tar file; delete it and start again"
    wrong=$(grep -v '^[-d]' "$names" | head -n 1) || true
    [ -z "$wrong" ] || fail "$1 holds a link or a device, which no such archive needs: $wrong"
    size=$(awk '{ sum += index($2, "/") ? $3 : $5 } END { printf "%.0f", sum }' "$names")
    [ "$size" -le $((100 * $(bytes "$1"))) ] ||
        fail "$1 would become $size bytes, more than a hundred times its own: no such archive does"
    room=$(df -Pk "$2" | awk 'END { print $4 }')
    [ $((size / 1024)) -le "$room" ] ||
        fail "$1 needs $((size / 1048576)) MiB, the disk of $2 has $((room / 1024)) MiB left"
    tar -tf "$1" >"$names"
    wrong=$(grep -v '/$' "$names" | LC_ALL=C sort -f | LC_ALL=C uniq -di | head -n 1) || true
    [ -z "$wrong" ] || fail "$1 holds a file twice: $wrong"
    wrong=$(grep -E '^/|(^|/)\.\.(/|$)' "$names" | head -n 1) || true
    [ -z "$wrong" ] || fail "$1 holds a file that belongs outside of its folder: $wrong"
    rm -f "$names"
}

unpack() { # unpack FILE FOLDER
    mkdir -p "$2"
    check_archive "$1" "$2"
    tar -x --no-same-owner --no-same-permissions -f "$1" -C "$2" || fail "$1 cannot be unpacked"
}
