#!/usr/bin/env bash
# Run the benchmarks one after the other and write their table into README.md; nothing else should run
# meanwhile. Takes about six minutes on two cores; benchmarks/stica.py takes longer and is not among
# them. What they print stays in outputs/benchmarks.
#   bash scripts/benchmarks.sh [cpu | cuda]     # PYTHON=... takes another interpreter than that of .venv
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
device=${1:-cpu}
if [ -z "${PYTHON:-}" ]; then
    bash setup/create_env.sh --venv "$root/.venv"
    PYTHON=$root/.venv/bin/python
fi
outputs=()
mkdir -p outputs/benchmarks

run() {
    outputs+=("outputs/benchmarks/$1.txt")
    "$PYTHON" "benchmarks/$1.py" "${@:2}" | tee "${outputs[-1]}"
}

run data --clips 24 --rounds 3
run gdt_sample --rounds 3
run train --device "$device" --frames 16 --batch "$([ "$device" = cuda ] && echo 32 || echo 2)" --steps 6
run mining --device "$device"
run ava_eval
run probe
"$PYTHON" benchmarks/table.py README.md "${outputs[@]}"
