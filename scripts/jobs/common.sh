# shellcheck shell=bash
# What the scripts share: messages, paths, the Python to use, and running a command that is logged
# and told of signals. To be sourced, by a script that has set -euo pipefail. Bash 3.2 is enough.

started_in=$PWD
root=$(CDPATH='' cd -- "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)

fail() { # fail WORDS: stop with a reason
    printf 'error: %s\n' "$*" >&2
    exit 1
}

misuse() { # misuse WORDS: stop because of the command line
    printf 'error: %s\n' "$*" >&2
    exit 2
}

usage() { # usage FILE: print the comment at its head
    awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$1"
}

absolute() { # absolute PATH: seen from where the user is
    case "$1" in
        /*) printf '%s\n' "$1" ;;
        *) printf '%s\n' "$started_in/$1" ;;
    esac
}

whole_number() { # whole_number OPTION VALUE
    case "$2" in
        '' | *[!0-9]*) misuse "$1 needs a whole number, found '$2'" ;;
    esac
}

# Sets $python. The first of these that has what the package needs: $PYTHON, an active environment,
# .venv, python3. If none has, .venv is made, as the quickstart does. An environment that the user
# chose is never passed over.
find_python() {
    local chosen="" candidate
    export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
    if [ -n "${PYTHON:-}" ]; then
        chosen=$PYTHON
    elif [ -n "${VIRTUAL_ENV:-}" ]; then
        chosen=$VIRTUAL_ENV/bin/python
    elif [ -n "${CONDA_PREFIX:-}" ] && [ "${CONDA_DEFAULT_ENV:-base}" != base ]; then
        chosen=$CONDA_PREFIX/bin/python
    fi
    if [ -n "$chosen" ]; then
        has_packages "$chosen" || fail "$chosen has not got all that the package needs. Install it" \
            "there (pip install -e '$root'), or leave that environment: bash setup/create_env.sh" \
            "makes one, bash scripts/test.sh makes and tests one."
        python=$chosen
        return
    fi
    for candidate in "$root/.venv/bin/python" python3; do
        if has_packages "$candidate"; then
            python=$candidate
            return
        fi
    done
    bash "$root/setup/create_env.sh" --venv "$root/.venv" >&2 ||
        fail "the environment $root/.venv could not be made; the reason is above. Make one" \
            "yourself with bash setup/create_env.sh, and activate it."
    python=$root/.venv/bin/python
}

has_packages() { # has_packages PYTHON
    command -v "$1" >/dev/null && "$1" -c '
import importlib.util as u, sys
needed = ("slowfast", "torch", "torchvision", "av", "PIL", "yaml", "yacs", "pandas", "sklearn", "tqdm")
sys.exit(sys.version_info < (3, 10) or not all(u.find_spec(name) for name in needed))' 2>/dev/null
}

stopped_by="" # the last signal that this script was told to stop by
_handed_on=""
_child=""

_hand_on() { # _hand_on RECEIVED SENT
    stopped_by=$1
    _handed_on=yes
    [ -z "$_child" ] || kill -s "$2" "$_child" 2>/dev/null || true
}

# supervise SIGNAL COMMAND ...: run a command, hand stop signals on to it (as SIGNAL, or each as it
# is with "same"), and return its status. Bash itself would sit on a signal until the command ends,
# or die and leave it behind.
supervise() {
    local send=$1 status="" now name
    shift
    for name in INT TERM USR1; do
        # shellcheck disable=SC2064 # what is sent is known now
        trap "_hand_on $name ${send/same/$name}" "$name"
    done
    # shellcheck disable=SC2064
    trap "_hand_on HUP ${send/same/TERM}" HUP # the terminal is gone
    # A process group of its own: Ctrl-C comes once, from here, and kills no log.
    set -m
    "$@" </dev/null &
    _child=$!
    set +m
    if [ -n "$stopped_by" ]; then
        _hand_on "$stopped_by" "${send/same/$stopped_by}" # it came before there was a child
    fi
    while :; do
        _handed_on=""
        wait "$_child" && now=0 || now=$?
        # A signal ends "wait", not the command; asked once too often, "wait" says 127.
        if [ "$now" -ne 127 ] || [ -z "$status" ]; then status=$now; fi
        [ -n "$_handed_on" ] || break
    done
    trap - INT TERM USR1 HUP
    _child=""
    return "$status"
}

# run_logged LOG SIGNAL COMMAND ...: supervise a command; what it says goes to the terminal and to
# the end of the file LOG. Returns its status.
run_logged() {
    local log=$1 send=$2 folder reader status=0
    shift 2
    folder=$(mktemp -d)
    mkfifo "$folder/pipe"
    set -m
    tee -a "$log" <"$folder/pipe" &
    reader=$!
    set +m
    supervise "$send" "$@" >"$folder/pipe" 2>&1 || status=$?
    wait "$reader" || true
    rm -rf "$folder"
    return "$status"
}
