"""Checkpoints that are torn, flipped, cut short by a kill or by a full disk: an older one goes on."""

import copy
import json
import os
import random
import shutil
import signal
import statistics
import time
from pathlib import Path

import pytest
import torch
from engine.conftest import ROOT
from reliability.conftest import FULL, SEED
from reliability.test_kills import KILL
from torch import nn
from warm import NAMES

from slowfast.checkpoint.background import CheckpointSaver
from slowfast.checkpoint.store import CheckpointStore
from slowfast.utils.errors import CheckpointError
from slowfast.utils.logging import get_logger, read_json_stats

# 5 truncations, a deleted file, a folder in its place, and flipped bytes: 57 cases.
SHARES = (0.0, "one byte", 0.3, 0.99, 0.9999)
FLIPS = 50 if FULL else 10
CUTS = 25 if FULL else 7


@pytest.fixture(scope="module")
def states():
    """What two epochs of a small network save."""
    torch.manual_seed(SEED)
    model = nn.Sequential(nn.Conv3d(3, 16, 3), nn.BatchNorm3d(16), nn.Linear(64, 64))
    optimizer = torch.optim.AdamW(model.parameters())
    found = []
    for epoch in (1, 2):
        for parameter in model.parameters():
            parameter.grad = torch.randn_like(parameter)
        optimizer.step()
        state = {"model_state": model.state_dict(), "optimizer_state": optimizer.state_dict()}
        state |= {"progress": {"epoch": epoch, "step": 0}, "hooks": {}}
        found.append(copy.deepcopy(state))
    return found


def same(found, wanted) -> bool:
    try:
        torch.testing.assert_close(found, wanted, rtol=0, atol=0)
    except AssertionError:
        return False
    return True


def damages(data: bytes):
    """Yield what becomes of a file: its new bytes, None for a deleted one, a name for others."""
    for share in SHARES:
        yield data[: 1 if share == "one byte" else int(share * len(data))]
    yield None
    yield "folder"
    draw = random.Random(SEED)
    for _ in range(FLIPS):
        place = draw.randrange(len(data))
        yield data[:place] + bytes([data[place] ^ draw.randrange(1, 256)]) + data[place + 1 :]


def test_a_damaged_newest_checkpoint_falls_back_with_a_warning(
    states, tried, tmp_path, caplog, monkeypatch
):
    store = CheckpointStore(tmp_path)
    for epoch, state in enumerate(states, 1):
        newest = store.save(state, epoch)
    data = newest.read_bytes()
    # Another test may have left this logger unattached, and pytest listens to both.
    monkeypatch.setattr(get_logger("slowfast"), "propagate", True)
    for content in damages(data):
        shutil.rmtree(newest) if newest.is_dir() else newest.unlink(missing_ok=True)
        if content == "folder":
            newest.mkdir()
        elif content is not None:
            newest.write_bytes(content)
        caplog.clear()
        path, found = store.load_newest()
        told = [*{record.getMessage() for record in caplog.records}]
        warned = len(told) == 1 and str(newest) in told[0] if content is not None else not told
        survived = path == store.path(1) and same(found, states[0]) and warned
        # A flipped byte of the room between two tensors changes nothing.
        survived |= path == newest and same(found, states[1]) and not told
        tried("newest checkpoint torn, flipped or gone", survived)


def points(size: int):
    """Yield where a save is cut off: after so many bytes, before flushing, renaming, deleting."""
    draw = random.Random(SEED)
    yield from sorted(draw.randrange(1, size) for _ in range(CUTS))
    yield from ("fsync", "replace", "unlink")


def save_until(store: CheckpointStore, state: dict, point: int | str) -> None:
    """Save in this process, which is killed at a point."""
    owner = "Path" if point == "unlink" else "os"
    cut = (
        f"kill_at({owner}, {point!r}, 1)"
        if isinstance(point, str)
        else f"kill_while_writing(1, {point})"
    )
    exec(NAMES + KILL + cut, {})
    store.save(state, 2)


def test_a_save_that_is_killed_anywhere_leaves_a_whole_newest_checkpoint(states, tried, tmp_path):
    size = CheckpointStore(tmp_path / "size").save(states[0], 1).stat().st_size
    for number, point in enumerate(points(size)):
        store = CheckpointStore(tmp_path / str(number), keep_last=1)
        for epoch in (0, 1):
            store.save(states[0], epoch)
        child = os.fork()
        if child == 0:
            try:
                save_until(store, states[1], point)
            finally:
                os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL, point
        store.clean()
        path, found = store.load_newest()
        wanted = 2 if point == "unlink" else 1
        names = {one.name for one in store.folder.iterdir()}
        survived = path == store.path(wanted) and same(found, states[wanted - 1])
        tried("save killed half-way", survived and names == {one.name for one in store.files()})


def test_one_without_any_whole_checkpoint_is_refused(states, tmp_path):
    store = CheckpointStore(tmp_path)
    store.save(states[0], 1).write_bytes(b"torn")
    with pytest.raises(CheckpointError, match=r"TRAIN\.AUTO_RESUME False"):
        store.load_newest()


def training(overrides, folder: Path, epochs: str) -> list[str]:
    words = [*overrides, "SOLVER.MAX_EPOCH", epochs, "SOLVER.WARMUP_EPOCHS", "0.0"]
    words += ["TRAIN.EVAL_PERIOD", "0", "TEST.ENABLE", "False", "TRAIN.CHECKPOINT_MINUTES", "0"]
    words += ["TRAIN.CHECKPOINT_PERIOD", "1", "OUTPUT_DIR", str(folder)]
    return ["--cfg", str(ROOT / "configs/demo/recognition.yaml"), *words]


def test_training_goes_on_with_a_full_disk_and_ends_with_an_error(
    overrides, runner, small_disk, tried, tmp_path
):
    run = runner.begin(training(overrides, tmp_path / "size", "1"), tmp_path / "size.txt")
    assert run.end() == 0, run.said()
    (one,) = CheckpointStore(tmp_path / "size/checkpoints").files()
    folder = small_disk(one.stat().st_size * 6 // 5)
    run = runner.begin(training(overrides, folder, "3"), tmp_path / "full.txt")
    status, said = run.end(), run.said()
    assert said.count("Checkpoint not saved") == 2 and "the disk has 0 MiB left" in said
    assert "epoch 3 done" in said
    assert "error: The last checkpoint could not be saved" in said and "Traceback" not in said
    rows = read_json_stats(folder / "stats.jsonl")
    assert [row["not_saved"] for row in rows if row["_type"] == "checkpoint"] == [1, 2]
    kept = CheckpointStore(folder / "checkpoints")
    survived = status == 1 and kept.load_newest()[0] == kept.path(1)
    tried("disk full from the second save on", survived)


def test_rows_wait_while_nothing_can_be_written(overrides, runner, tried, tmp_path):
    lines = """
from slowfast.engine.hooks import logging as hooks
append, rows = hooks.log_json_stats, []
def full(row, folder):
    rows.append(row)
    if 2 < len(rows) < 5:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    append(row, folder)
hooks.log_json_stats = full
"""
    words = training(overrides, tmp_path / "run", "1")
    run = runner.begin(words, tmp_path / "out.txt", lines)
    status = run.end()
    rows = [json.loads(line) for line in (tmp_path / "run/stats.jsonl").read_text().splitlines()]
    steps = [row["step"] for row in rows if row["_type"] == "train_iter"]
    assert run.said().count("Rows of stats.jsonl wait in memory") == 1
    tried("disk full for a moment: rows of stats.jsonl", status == 0 and steps == [1, 2, 3, 4])


@pytest.mark.skipif(not FULL, reason="is a measurement")
def test_training_hardly_waits_for_half_a_gigabyte(tried, tmp_path):
    """As large as R(2+1)D-18, its optimizer and two banks."""
    state = {f"tensor {k}": torch.randn(1000, 1000) for k in range(125)}
    copy = {name: tensor.clone() for name, tensor in state.items()}
    saver, waited, written = CheckpointSaver(CheckpointStore(tmp_path, keep_last=1)), [], []
    copied = []
    saver.prepare({"model_state": state})
    saver.wait()
    for epoch in range(1, 6):
        begin = time.perf_counter()
        for name, tensor in state.items():
            copy[name].copy_(tensor)
        copied.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        saver.save({"model_state": state}, epoch)
        waited.append(time.perf_counter() - begin)
        saver.wait()
        written.append(time.perf_counter() - begin)
    seconds, bare = statistics.median(waited), statistics.median(copied)
    told = f"{seconds:.2f} s of {statistics.median(written):.1f} s"
    tried(f"checkpoint of 500 MB: training waits {told} (a bare copy {bare:.2f} s)", seconds < 0.2)
