import errno
import math
import os
import zipfile
from pathlib import Path

import pytest
import torch

from slowfast.checkpoint.store import CheckpointStore, load_checkpoint_file
from slowfast.config import get_cfg
from slowfast.engine.state import check_resumable
from slowfast.utils import patience
from slowfast.utils.errors import CheckpointError
from slowfast.utils.files import atomic_write


def content(value: float = 1.0) -> dict:
    return {"model_state": {"weight": torch.full((50, 50), value)}, "epoch": 3}


def test_files_sort_by_age_and_only_wanted_ones_stay(tmp_path):
    store = CheckpointStore(tmp_path, period=2, keep_last=2)
    for epoch in range(1, 8):
        store.save(content(), epoch - 1, step=5)
        store.save(content(), epoch)
    names = [p.name for p in store.files()]
    assert names == [
        "checkpoint_epoch_00004.pyth",
        "checkpoint_epoch_00006.pyth",
        "checkpoint_epoch_00006_step_00000005.pyth",
        "checkpoint_epoch_00007.pyth",
    ]


def test_the_newest_is_never_the_only_copy(tmp_path):
    store = CheckpointStore(tmp_path, period=100)
    for epoch in range(1, 5):
        store.save(content(epoch), epoch)
    assert len(store.files()) == 2


def test_of_fifty_epochs_the_last_three_every_tenth_and_the_best_stay(tmp_path):
    store = CheckpointStore(tmp_path, keep_last=3, keep_every=10)
    for epoch in range(1, 51):
        store.save(content(), epoch)
        if epoch in (17, 23):
            store.best_epoch = epoch
    kept = [int(path.stem.rpartition("_")[2]) for path in store.files()]
    assert kept == [10, 20, 23, 30, 40, 48, 49, 50]


def noting(call, name, events):
    def noted(*args, **kwargs):
        events.append(name)
        return call(*args, **kwargs)

    return noted


def test_nothing_is_deleted_before_the_new_file_is_durable(tmp_path, monkeypatch):
    store, events = CheckpointStore(tmp_path, keep_last=1), []
    for epoch in (1, 2):
        store.save(content(), epoch)
    for owner, name in ((os, "fsync"), (os, "replace"), (Path, "unlink")):
        monkeypatch.setattr(owner, name, noting(getattr(owner, name), name, events))
    store.save(content(), 3)
    assert events == ["fsync", "replace", "fsync", "unlink"]


def test_a_pickle_that_would_run_code_is_refused(tmp_path):
    marker = tmp_path / "executed"

    class Malicious:
        def __reduce__(self):
            return (open, (str(marker), "w"))

    path = tmp_path / "evil.pyth"
    torch.save({"model_state": Malicious()}, path)
    with pytest.raises(CheckpointError, match="cannot be read safely"):
        load_checkpoint_file(path)
    assert not marker.exists()


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_write(path, "w") as file:
        file.write("new")
        raise RuntimeError("power cut")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_what_a_crash_left_is_removed_at_the_next_start(tmp_path):
    (tmp_path / ".checkpoint_epoch_00003.pyth.abc.slowfast-tmp").write_bytes(b"half")
    CheckpointStore(tmp_path).clean()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("times", [3, 4])
def test_a_disk_that_fails_for_a_moment_costs_no_checkpoint(tmp_path, monkeypatch, caplog, times):
    store, failed, read, pauses = CheckpointStore(tmp_path), [], zipfile.ZipFile, []
    older, newest = store.save(content(), 1), store.save(content(), 2)

    def failing(file, *args, **options):
        if len(failed) < times:
            failed.append(file)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read(file, *args, **options)

    monkeypatch.setattr(zipfile, "ZipFile", failing)
    monkeypatch.setattr(patience.time, "sleep", pauses.append)
    assert store.load_newest()[0] == (newest if times == 3 else older)
    assert pauses == list(patience.PAUSES)
    assert ("Input/output error" in caplog.text) == (times == 4)


def test_a_newest_file_with_other_things_in_it_falls_back_too(tmp_path, caplog):
    store = CheckpointStore(tmp_path)
    progress = {"epoch": 1, "step": 0, "global_step": 9}
    good = {name: {} for name in ("model_state", "optimizer_state", "scaler_state", "hooks")}
    good |= {"progress": progress, "cfg": get_cfg().dump()}
    older = store.save(good, 1)
    bad = [{k: v for k, v in good.items() if k != name} for name in good]
    bad += [{**good, "progress": value} for value in (3, [1], {}, {**progress, "epoch": "1"})]
    bad += [{**good, "progress": {**progress, "step": -1}}, {**good, "cfg": "A: [1"}]
    bad += [{**good, "model_state": {"weight": torch.tensor([1.0, math.nan])}}]
    bad += [{**good, "optimizer_state": {"state": {0: {"momentum": torch.tensor([-math.inf])}}}}]
    bad += [{**good, "scaler_state": {"scale": math.inf}}]
    bad += [{**good, "cfg": 5}, {**good, "model_state": 5}, {**good, "hooks": None}]
    for content in bad:
        caplog.clear()
        newest = store.save(content, 2)
        assert store.load_newest(check_resumable)[0] == older
        assert str(newest) in caplog.text
