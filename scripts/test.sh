#!/usr/bin/env bash
# Set up, lint, and run all tests. Arguments go to pytest: bash scripts/test.sh -k media -x
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
bash setup/create_env.sh --venv "$root/.venv"
bin="$root/.venv/bin"

"$bin/ruff" check .
"$bin/ruff" format --check .
"$bin/python" -m pytest "$@"
