#!/usr/bin/env bash
# Do to runs what clusters, disks and people do to them, and print what was tried and what survived.
# Takes about five minutes on two cores. Arguments go to pytest: bash scripts/test_reliability.sh -k kill
# RELIABILITY_SEED=7 tries other moments, bytes and files.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
bash setup/create_env.sh --venv "$root/.venv"
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} RELIABILITY=full RELIABILITY_TABLE=$lines

status=0
"$root/.venv/bin/python" -m pytest -n 2 --dist loadscope tests/reliability "$@" ||
    status=$?
"$root/.venv/bin/python" tests/reliability/table.py "$lines"
exit "$status"
