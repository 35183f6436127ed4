"""The rows of a run after an interruption: none twice, none in the way."""

import json

import pytest

from slowfast.engine.hooks.logging import StatsWriter
from slowfast.engine.state import Progress
from slowfast.utils.logging import read_json_stats

GOOD = b'{"_type": "train_iter", "step": 1, "epoch": "1/3", "loss": 1.0}\n'


@pytest.mark.parametrize(
    "line",
    [
        *(b"12", b"null", b"[1]", b'{"_type": "train_iter"}', b'{"step": 1}', b"\xff\xfe"),
        *(b'{"_type": "train_iter", "step": "x"}', b'{"_type": 3, "step": 1}', b'{"_type"'),
        *(b"[" * 100_000, b'{"_type": "a", "step": -1}', b'{"_type": "a", "step": 1e400}'),
        b'{"_type": "a", "step": %d}' % 10**30,
    ],
)
def test_odd_lines_are_left_out(tmp_path, line):
    (tmp_path / "stats.jsonl").write_bytes(GOOD + line + b"\n" + GOOD)
    StatsWriter(tmp_path).rewind(Progress(1, 0, 8))
    assert (tmp_path / "stats.jsonl").read_bytes() == 2 * GOOD


@pytest.mark.parametrize(
    ("progress", "kept"),
    [
        # Before the first checkpoint, and at the end of an epoch: the next one begins again.
        (Progress(0, 0, 0), []),
        (Progress(1, 0, 2), ["epoch_start 0", "train_iter 1", "train_iter 2", "train_epoch 2"]),
        (Progress(0, 1, 1), ["epoch_start 0", "train_iter 1"]),
        (Progress(0, 2, 2), ["epoch_start 0", "train_iter 1", "train_iter 2"]),
    ],
)
def test_rows_that_a_resumed_run_writes_again_are_dropped(tmp_path, progress, kept):
    rows = ["epoch_start 0", "train_iter 1", "train_iter 2", "train_epoch 2", "epoch_start 2"]
    rows += ["train_iter 3", "test_final 3"]
    writer = StatsWriter(tmp_path)
    for kind, step in map(str.split, rows):
        writer.write({"_type": kind, "step": int(step), "number": float("inf")})
    writer.rewind(progress)
    found = read_json_stats(tmp_path / "stats.jsonl")
    assert [f"{row['_type']} {row['step']}" for row in found] == kept
    assert all(json.dumps(row).endswith("null}") for row in found)
