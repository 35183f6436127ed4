"""Boards: TensorBoard's event files, and Weights & Biases as a stand-in that keeps what it is told."""

import json
import sys
from types import SimpleNamespace

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from slowfast.config import get_cfg
from slowfast.engine.event_writers import build_event_writers, numbers_of
from slowfast.engine.run import main
from slowfast.utils.errors import ConfigError

from .conftest import ROOT, results_of


class FakeRun:
    def __init__(self, **how):
        self.how, self.rows, self.metrics, self.ended = how, [], [], False

    def define_metric(self, name, step_metric):
        self.metrics.append((name, step_metric))

    def log(self, row):
        assert not self.ended
        self.rows.append(row)

    def finish(self):
        self.ended = True


@pytest.fixture
def fake(monkeypatch):
    """A module ``wandb`` whose runs are kept in ``runs``; ``refuse`` makes it raise."""

    class Error(Exception):
        pass

    module = SimpleNamespace(runs=[], refuse=False, Error=Error)

    def init(**how):
        if module.refuse:
            raise Error("api_key not configured")
        module.runs.append(FakeRun(**how))
        return module.runs[-1]

    module.init = init
    monkeypatch.setitem(sys.modules, "wandb", module)
    return module


@pytest.fixture
def run(overrides, tmp_path):
    cfg = str(ROOT / "configs/demo/recognition.yaml")
    short = ("SOLVER.MAX_EPOCH", "1", "SOLVER.WARMUP_EPOCHS", "0.0")
    own = ("WANDB.ENABLE", "True", "WANDB.ENTITY", "team", "OUTPUT_DIR", str(tmp_path))
    return lambda *words: main(["--cfg", cfg, *overrides, *short, *own, *words])


def test_a_run_and_its_resumption_are_one_there(fake, run, tmp_path):
    assert run() == 0
    assert run("SOLVER.MAX_EPOCH", "2") == 0
    ids = {one.how["id"] for one in fake.runs}
    assert ids == {(tmp_path / "wandb_run_id.txt").read_text()}
    assert len(fake.runs) == 4  # training and testing, twice
    for one in fake.runs:
        assert (one.how["project"], one.how["entity"]) == ("slowfast-vssl", "team")
        assert one.how["resume"] == "allow" and one.how["config"]["SOLVER.MAX_EPOCH"] in (1, 2)
        assert one.metrics == [("*", "step")] and one.ended
    rows = [row for one in fake.runs for row in one.rows]
    written = [json.loads(line) for line in (tmp_path / "stats.jsonl").read_text().splitlines()]
    for stats in written:
        assert {"step": stats["step"], **numbers_of(stats)} in rows
    top1 = results_of(tmp_path)["test"]["top1_acc"]
    assert fake.runs[-1].rows[-1]["test_final/top1_acc"] == top1


def test_a_new_start_is_a_new_run_there(fake, run):
    assert run("TEST.ENABLE", "False") == run("TRAIN.AUTO_RESUME", "False") == 0
    first, second, test = (one.how["id"] for one in fake.runs)
    assert first != second == test


def test_who_is_not_logged_in_is_told_so(fake, run, capsys):
    fake.refuse = True
    assert run() == 1
    err = capsys.readouterr().err
    assert "Run 'wandb login'" in err and "api_key not configured" in err


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    cfg = get_cfg()
    cfg.WANDB.ENABLE = True
    with pytest.raises(ConfigError, match="pip install wandb"):
        build_event_writers(cfg)


def test_testing_an_older_checkpoint_hides_no_curve(run, tmp_path):
    board = ("WANDB.ENABLE", "False", "TENSORBOARD.ENABLE", "True", "LOG_PERIOD", "1")
    assert run(*board, "SOLVER.MAX_EPOCH", "2", "TRAIN.CHECKPOINT_PERIOD", "1") == 0
    first = sorted((tmp_path / "checkpoints").iterdir())[0]
    only = ("TRAIN.ENABLE", "False", "TEST.CHECKPOINT_FILE_PATH", str(first))
    assert run(*board, *only) == 0
    shown = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [event.step for event in shown.Scalars("train_iter/loss")] == list(range(1, 9))
    assert [event.step for event in shown.Scalars("test_final/top1_acc")] == [8, 4]


def test_a_run_that_fails_is_not_called_finished(fake, run, monkeypatch):
    def fails(trainer):
        raise ConfigError("broken")

    monkeypatch.setattr("slowfast.engine.trainer.Trainer.train", fails)
    assert run() == 1
    assert [one.ended for one in fake.runs] == [False]


def test_only_numbers_are_shown():
    row = {"_type": "val_epoch", "step": 7, "epoch": "1/2", "map": 31.5, "best": None, "n": 4}
    assert numbers_of(row) == {"val_epoch/map": 31.5, "val_epoch/n": 4}
