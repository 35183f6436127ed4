#!/usr/bin/env bash
# Make an environment with the package and all it needs.
#
#   bash setup/create_env.sh [NAME]      conda environment NAME if conda is there,
#                                        otherwise a virtual environment in the folder NAME
#   bash setup/create_env.sh --venv DIR  always a virtual environment in DIR
#
# Does nothing where the environment is already complete.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
    sed -n '2,8p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//'
}

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 python3.10; do
        [ -n "$candidate" ] && command -v "$candidate" >/dev/null || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
            echo "$candidate"
            return
        fi
    done
    echo "error: no Python 3.10 or newer found. Install one, or name it: PYTHON=/path/to/python3" >&2
    return 1
}

# What was installed is remembered by a checksum of setup.py, so that a second start takes no time.
install_package() {
    local python=$1 stamp=$2 wanted
    wanted="$(cksum < "$root/setup.py") $root"
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
        return
    fi
    echo "Installing the package and what it needs (a minute or two) ..."
    "$python" -m pip install --quiet --upgrade pip setuptools wheel
    "$python" -m pip install --quiet --editable "$root[test]"
    echo "$wanted" > "$stamp"
}

make_venv() {
    local folder=$1
    if [ ! -x "$folder/bin/pip" ]; then
        echo "Creating the virtual environment $folder ..."
        "$(find_python)" -m venv "$folder"
    fi
    install_package "$folder/bin/python" "$folder/.installed"
}

case "${1:-}" in
    -h | --help)
        usage
        ;;
    --venv)
        make_venv "${2:?--venv needs a folder}"
        ;;
    *)
        name=${1:-slowfast}
        if command -v conda >/dev/null; then
            conda env list | awk '{print $1}' | grep -qx "$name" || conda create --yes --name "$name" "python>=3.10"
            prefix=$(conda env list | awk -v name="$name" '$1 == name {print $NF}')
            install_package "$prefix/bin/python" "$prefix/.installed"
            echo "Ready. Use it with: conda activate $name"
        else
            make_venv "$PWD/$name"
            echo "Ready. Use it with: source \"$PWD/$name/bin/activate\""
        fi
        ;;
esac
