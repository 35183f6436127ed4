#!/usr/bin/env bash
# From a fresh clone to a result: set up, make the demo videos, pretrain on them without labels, swap
# each checkpoint in, evaluate, compare.
#
#   bash scripts/quickstart.sh [--fast] [--seeds 1,2,3] [--out DIR] [--data DIR]
#
#   --fast    a quarter of the training
#   --seeds   of all runs, with commas between; several are shown by mean and deviation (default: 1)
#   --out     where runs go (default: outputs/quickstart)
#   --data    where the demo videos go (default: data/demo)
#
# Started again, it continues where it stopped.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
out="" suffix="" seeds=1 minutes=5
data="$root/data/demo"
avid=() cma=() few=()
# Two processes of one thread are several times faster than two processes that share all cores.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
# Large pages that are kept: a fifth less time for each step on a CPU, with Linux's usual C library.
export GLIBC_TUNABLES=${GLIBC_TUNABLES:-glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=4294967296}

while [ $# -gt 0 ]; do
    case "$1" in
        --fast)
            avid=(SOLVER.MAX_EPOCH 16)
            cma=(SOLVER.MAX_EPOCH 6)
            few=(SOLVER.MAX_EPOCH 4)
            suffix="-fast" minutes=2
            ;;
        --seed | --seeds) seeds=${2:?--seeds needs numbers} && shift ;;
        --out) out=$(realpath -m "${2:?--out needs a folder}") && shift ;;
        --data) data=$(realpath -m "${2:?--data needs a folder}") && shift ;;
        -h | --help) sed -n '2,12p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//' && exit ;;
        *) echo "error: unknown option $1 (see --help)" >&2 && exit 2 ;;
    esac
    shift
done
[[ $seeds =~ ^[0-9]+(,[0-9]+)*$ ]] || { echo "error: --seeds $seeds: expected 1,2,3" >&2 && exit 2; }

out=${out:-$root/outputs/quickstart$suffix}
cd "$root"
bash setup/create_env.sh --venv "$root/.venv"
python="$root/.venv/bin/python"
mkdir -p "$out"

lower=()
run() { # run FOLDER CONFIG [KEY VALUE ...]
    ${lower[@]+"${lower[@]}"} "$python" tools/run_net.py --cfg "configs/demo/$2.yaml" OUTPUT_DIR "$1" RNG_SEED "$seed" \
        DATA.PATH_TO_DATA_DIR "$data/ucf101/ucfTrainTestlist" DATA.PATH_PREFIX "$data/videos" \
        "${@:3}"
}

pids=() logs=()
beside() { # beside FOLDER CONFIG [KEY VALUE ...]: run it in the background, after what all wait for
    { lower=(nice -n 10) && run "$@"; } >"$1.txt" 2>&1 &
    pids+=($!) logs+=("$1.txt")
}
# shellcheck disable=SC2046 # one word for each process
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT

finish() { # wait for what runs in the background
    local k
    for k in "${!pids[@]}"; do
        wait "${pids[$k]}" || { tail -n 20 "${logs[$k]}" >&2 && exit 1; }
    done
    pids=() logs=()
}

folders=() labels=() probe="frozen, linear probe"
judge() { # judge NAME TITLE [KEY VALUE ...]: fine-tune one starting point, in the background
    beside "$base/few_labels-$1" few_labels "${@:3}" ${few[@]+"${few[@]}"}
    folders+=("$base/few_labels-$1")
    labels+=("fine-tuned, 10 % of labels/$2")
}

several=${seeds//[!,]/}
echo "About $minutes minutes on two free cores$([ -z "$several" ] || echo " for each seed"), after the set-up:"
echo "videos, AVID and AVID-CMA; beside them, three networks are judged. Runs are in $out."

echo "== Demo videos: what moves how decides the class, and how it sounds =="
"$python" tools/prepare_data.py demo --out "$data" --preset small

for seed in ${seeds//,/ }; do
    base=$out
    [ -z "$several" ] || base=$out/seed-$seed
    mkdir -p "$base"
    folders+=("$base/frozen/random" "$base/frozen/avid" "$base/frozen/avid_cma")
    labels+=("$probe/from scratch" "$probe/AVID" "$probe/AVID-CMA")
    echo "== AVID: learn from audio and video, no labels; beside it, a random network is judged =="
    judge scratch "from scratch"
    run "$base/avid" avid ${avid[@]+"${avid[@]}"}

    echo "== AVID-CMA: continue with positives that audio and video agree on; AVID is judged =="
    judge avid "AVID" MODEL.INIT_METHOD slowfast MODEL.CKPT "$base/avid"
    run "$base/avid_cma" avid_cma SSL.CHECKPOINT "$base/avid" ${cma[@]+"${cma[@]}"}

    echo "== AVID-CMA is judged; frozen, all three are =="
    beside "$base/frozen" frozen --checkpoints "random,$base/avid,$base/avid_cma"
    judge avid_cma "AVID-CMA" MODEL.INIT_METHOD slowfast MODEL.CKPT "$base/avid_cma"
    finish
done

echo "== Result: top-1 accuracy in percent, chance is 12.5 =="
"$python" tools/compare_runs.py "${folders[@]}" --labels "${labels[@]}" --chance 12.5 --out "$out" \
    --measures linear/top1_acc top1_acc knn/top1_acc retrieval/r1
echo
echo "Plot:     $out/comparison.png"
echo "Reports:  report.html in each folder of $out"
