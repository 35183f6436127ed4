#!/usr/bin/env bash
# From a fresh clone to a result: set up, make the demo videos, pretrain on them without labels, swap
# each checkpoint in, evaluate, compare.
#
#   bash scripts/quickstart.sh [--fast] [--seed N] [--out DIR] [--data DIR]
#
#   --fast   a third of the training
#   --seed   of all runs (default: 1)
#   --out    where runs go (default: outputs/quickstart)
#   --data   where the demo videos go (default: data/demo)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
out="" suffix="" seed=1
data="$root/data/demo"
avid=() cma=() probe=() few=()

while [ $# -gt 0 ]; do
    case "$1" in
        --fast)
            avid=(SOLVER.MAX_EPOCH 24)
            cma=(SOLVER.MAX_EPOCH 6)
            probe=(SOLVER.MAX_EPOCH 6)
            few=(SOLVER.MAX_EPOCH 4)
            suffix="-fast"
            ;;
        --seed) seed=${2:?--seed needs a number} && shift ;;
        --out) out=$(realpath -m "${2:?--out needs a folder}") && shift ;;
        --data) data=$(realpath -m "${2:?--data needs a folder}") && shift ;;
        -h | --help) sed -n '2,10p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//' && exit ;;
        *) echo "error: unknown option $1 (see --help)" >&2 && exit 2 ;;
    esac
    shift
done

out=${out:-$root/outputs/quickstart$suffix}
cd "$root"
bash setup/create_env.sh --venv "$root/.venv"
python="$root/.venv/bin/python"

run() { # run NAME CONFIG [KEY VALUE ...]
    "$python" tools/run_net.py --cfg "configs/demo/$2.yaml" OUTPUT_DIR "$out/$1" RNG_SEED "$seed" \
        DATA.PATH_TO_DATA_DIR "$data/ucf101/ucfTrainTestlist" DATA.PATH_PREFIX "$data/videos" \
        "${@:3}"
}

echo "== Demo videos: what moves how decides the class, and how it sounds =="
"$python" tools/prepare_data.py demo --out "$data" --preset small

echo "== AVID: learn from audio and video, no labels =="
run avid avid ${avid[@]+"${avid[@]}"}

echo "== AVID-CMA: continue with positives that audio and video agree on =="
run avid_cma avid_cma SSL.CHECKPOINT "$out/avid" ${cma[@]+"${cma[@]}"}

folders=() labels=()
judge() { # judge NAME TITLE [KEY VALUE ...]: both measures of one starting point
    run "probe-$1" probe "${@:3}" ${probe[@]+"${probe[@]}"}
    run "few_labels-$1" few_labels "${@:3}" ${few[@]+"${few[@]}"}
    folders+=("$out/probe-$1" "$out/few_labels-$1")
    labels+=("frozen, linear probe/$2" "fine-tuned, 10 % of labels/$2")
}
echo "== Evaluate: a random network, AVID, AVID-CMA =="
judge scratch "from scratch"
judge avid "AVID" MODEL.INIT_METHOD slowfast MODEL.CKPT "$out/avid"
judge avid_cma "AVID-CMA" MODEL.INIT_METHOD slowfast MODEL.CKPT "$out/avid_cma"

echo "== Result: top-1 accuracy in percent, chance is 12.5 =="
"$python" tools/compare_runs.py "${folders[@]}" --labels "${labels[@]}" --chance 12.5 --out "$out"
echo
echo "Plot:     $out/comparison.png"
echo "Reports:  $out/*/report.html"
