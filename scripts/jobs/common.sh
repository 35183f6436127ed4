# shellcheck shell=bash
# What the scripts share: messages, paths and the Python to use. To be sourced, by a script that has
# set -euo pipefail. Bash 3.2 is enough.

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

# Sets $python: $PYTHON, else the active environment; else .venv or python3, whichever has the
# packages; else .venv is made. An environment that the user chose is never passed over.
find_python() {
    export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
    python=${PYTHON:-${VIRTUAL_ENV:+$VIRTUAL_ENV/bin/python}}
    if [ -z "$python" ] && [ "${CONDA_DEFAULT_ENV:-base}" != base ]; then
        python=$CONDA_PREFIX/bin/python
    fi
    if [ -n "$python" ]; then
        has_packages "$python" || fail "$python has not got all that the package needs. Install it" \
            "there (pip install -e '$root'), or leave that environment: bash setup/create_env.sh" \
            "makes one, bash scripts/test.sh makes and tests one."
        return
    fi
    for python in "$root/.venv/bin/python" python3; do
        ! has_packages "$python" || return 0
    done
    bash "$root/setup/create_env.sh" --venv "$root/.venv" >&2 ||
        fail "the environment $root/.venv could not be made; the reason is above"
    python=$root/.venv/bin/python
}

has_packages() { # has_packages PYTHON
    "$1" -c 'import sys
from importlib.util import find_spec
sys.exit(not all(map(find_spec, ("torch", "torchvision", "av", "yacs", "sklearn"))))' 2>/dev/null
}
