#!/usr/bin/env bash
# From a fresh clone to a result: set up, make the demo videos, train, test, show.
#
#   bash scripts/quickstart.sh [--fast] [--out DIR] [--data DIR]
#
#   --fast   two thirds of the training, at most three minutes on two cores
#   --out    where runs go (default: outputs/quickstart)
#   --data   where the demo videos go (default: data/demo)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
out="$root/outputs/quickstart"
data="$root/data/demo"
overrides=()
run=recognition

while [ $# -gt 0 ]; do
    case "$1" in
        --fast) overrides=(SOLVER.MAX_EPOCH 26) run=recognition-fast ;;
        --out) out=$(realpath -m "${2:?--out needs a folder}") && shift ;;
        --data) data=$(realpath -m "${2:?--data needs a folder}") && shift ;;
        -h | --help) sed -n '2,8p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//' && exit ;;
        *) echo "error: unknown option $1 (see --help)" >&2 && exit 2 ;;
    esac
    shift
done

cd "$root"
bash setup/create_env.sh --venv "$root/.venv"
python="$root/.venv/bin/python"

echo "== Demo videos: what moves how decides the class, and how it sounds =="
"$python" tools/prepare_data.py demo --out "$data" --preset small

echo "== Train and test on them =="
"$python" tools/run_net.py --cfg configs/demo/recognition.yaml \
    DATA.PATH_TO_DATA_DIR "$data/ucf101/ucfTrainTestlist" DATA.PATH_PREFIX "$data/videos" \
    OUTPUT_DIR "$out/$run" ${overrides[@]+"${overrides[@]}"}

echo "== Result =="
"$python" tools/compare_runs.py "$out/$run"
echo
echo "Open the report:  $out/$run/report.html"
