"""Benchmarks run in a short form; what they measure then means nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
TINY = "--arch avid_r2plus1d_tiny --frames 8 --crop 32 --batch 2 --steps 1"
SHORT = {
    "ava_eval.py": ("--frames 200 --slice 50 --rounds 1", "loop"),
    "gdt_sample.py": ("--files 1 --rounds 1", "goal >= 1.70"),
    "mining.py": ("--n 300 --k 4 --dim 8 --rounds 1 --gather-rounds 1", "times as fast"),
    "probe.py": (
        "--arch avid_r2plus1d_tiny --clips 8 --batch 4 --crop 32 --rounds 1",
        "goal <= 1/20",
    ),
    "train.py": (TINY, "overhead"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SHORT)
def test_it_prints_its_ratios(name):
    words, says = SHORT[name]
    done = subprocess.run(
        [sys.executable, str(FOLDER / name), *words.split()],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert says in done.stdout
