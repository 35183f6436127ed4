#!/usr/bin/env bash
# Set up, lint, and run all tests. Arguments go to pytest: bash scripts/test.sh -k media -x
# Tests run in two processes of one thread each, a file of tests in one of them; more arguments such
# as '-n 8' win.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
bash setup/create_env.sh --venv "$root/.venv"
bin="$root/.venv/bin"

"$bin/ruff" check .
"$bin/ruff" format --check .
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
"$bin/python" -m pytest -n 2 --dist loadfile --no-loadscope-reorder "$@"
