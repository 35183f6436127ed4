"""Benchmarks run in a short form; what they measure then means nothing."""

import os
from pathlib import Path

import pytest
import torch
from warm import run_script

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
TINY = "--arch avid_r2plus1d_tiny --frames 8 --crop 32 --batch 2 --steps 1"
SHORT = {
    "ava_eval.py": ("--frames 200 --slice 50 --rounds 1", "loop"),
    "data.py": (
        "--clips 4 --rounds 1 --files 1 --seconds 2",
        "of the reader on the originals | at least 3.50",
    ),
    "gdt_sample.py": ("--files 1 --rounds 1", "four reads | at least 1.70"),
    "mining.py": ("--n 300 --k 4 --dim 8 --rounds 1 --gather-rounds 1", "times as fast"),
    "probe.py": (
        "--arch avid_r2plus1d_tiny --clips 8 --batch 4 --crop 32 --rounds 1",
        "times as fast | at least 20",
    ),
    "stica.py": (
        "--arch avid_r2plus1d_tiny --crop 96 --rounds 1 SSL.STICA.SPACE_WINDOWS [2,1] "
        "AUDIO.ARCH avid_conv2d_tiny",
        "of input crops | at most 0.35",
    ),
    "train.py": (f"{TINY} --seconds 2 --loader-clips 4", "limits a run on these"),
}


def test_every_benchmark_has_a_short_form():
    scripts = {path.name for path in FOLDER.glob("*.py") if "def main(" in path.read_text()}
    assert scripts == set(SHORT)


@pytest.mark.slow
@pytest.mark.parametrize("name", SHORT)
def test_it_prints_its_ratios(name):
    words, says = SHORT[name]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(FOLDER.parent)}
    done = run_script([str(FOLDER / name), *words.split()], environment)
    assert done.returncode == 0 and says in done.stdout, done.stdout
    assert f"torch {torch.__version__.partition('+')[0]}" in done.stdout
