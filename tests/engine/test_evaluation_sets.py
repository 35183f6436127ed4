"""Several evaluation sets, and the weights that a test may have."""

import json
import shutil

import pytest
import torch

from slowfast.checkpoint.store import CheckpointStore, load_checkpoint_file
from slowfast.engine.evaluate import joined_metrics, primary_metric
from slowfast.engine.run import main
from slowfast.evaluation.predictions import load_predictions
from slowfast.tasks.base import EvalSet
from slowfast.tasks.recognition import Recognition

from .conftest import ROOT, results_of

RECOGNITION, AVID = (str(ROOT / f"configs/demo/{name}.yaml") for name in ("recognition", "avid"))


@pytest.fixture(scope="module")
def trained(overrides, tmp_path_factory):
    """The folder of a finished run of one epoch."""
    folder = tmp_path_factory.mktemp("runs") / "trained"
    words = ["SOLVER.MAX_EPOCH", "1", "SOLVER.WARMUP_EPOCHS", "0.0", "OUTPUT_DIR", str(folder)]
    assert main(["--cfg", RECOGNITION, *overrides, *words]) == 0
    return folder


def test_one_set_keeps_flat_names():
    assert joined_metrics({"test": {"map": 1.0}}) == {"map": 1.0}
    assert primary_metric(Recognition, ["test"]) == "top1_acc"


def test_several_sets_are_told_apart():
    found = joined_metrics({"ucf101": {"map": 1.0}, "hmdb51": {"map": 2.0}})
    assert found == {"ucf101/map": 1.0, "hmdb51/map": 2.0}
    assert primary_metric(Recognition, ["ucf101", "hmdb51"]) == "ucf101/top1_acc"


def test_a_task_may_test_and_validate_several_sets(trained, overrides, tmp_path, monkeypatch):
    sets = [
        EvalSet("seen", "val", "centre"),
        EvalSet("again", "val", "centre"),
        EvalSet("all", "test", "all"),
        EvalSet("centre", "test-centre", "centre"),
    ]
    monkeypatch.setattr(Recognition, "evaluations", lambda self: sets)
    loader = Recognition.build_loader
    monkeypatch.setattr(
        Recognition,
        "build_loader",
        lambda self, split, views=None: loader(
            self, {"test-centre": "val"}.get(split, split), views
        ),
    )
    shutil.copytree(trained, tmp_path / "run")
    words = ["SOLVER.MAX_EPOCH", "2", "SOLVER.WARMUP_EPOCHS", "0.0"]
    words += ["OUTPUT_DIR", str(tmp_path / "run")]
    assert main(["--cfg", RECOGNITION, *overrides, *words]) == 0
    found = results_of(tmp_path / "run")
    assert found["headline"] == "all/top1_acc"
    assert {"all/top1_acc", "centre/top1_acc", "all/num_videos"} <= set(found["test"])
    assert found["protocol"] == {"all": {}, "centre": {}}
    rows = [json.loads(row) for row in (tmp_path / "run/stats.jsonl").read_text().splitlines()]
    validated = [row for row in rows if row["_type"] == "val_epoch"][-1]
    assert validated["seen/top1_acc"] == validated["again/top1_acc"]
    for name in ("all", "centre"):
        assert len(load_predictions(tmp_path / "run/predictions" / name / "test.npz")["scores"])
    assert "centre" in (tmp_path / "run/report.html").read_text()


def foreign_words(trained, tmp_path, content):
    path = tmp_path / "foreign.pyth"
    torch.save(content, path)
    return [
        *("TRAIN.ENABLE", "False", "MODEL.INIT_METHOD", "slowfast", "MODEL.CKPT", str(path)),
        *("OUTPUT_DIR", str(tmp_path / "run")),
    ]


def test_a_foreign_network_with_its_head_is_tested_without_training(trained, overrides, tmp_path):
    content = load_checkpoint_file(CheckpointStore(trained / "checkpoints").files()[-1])
    foreign = {"model_state": content["model_state"], "cfg": "{}"}
    words = foreign_words(trained, tmp_path, foreign)
    assert main(["--cfg", RECOGNITION, *overrides, *words]) == 0
    assert results_of(tmp_path / "run")["test"] == results_of(trained)["test"]
    assert results_of(tmp_path / "run")["checkpoint"].endswith("foreign.pyth")


def test_a_random_head_is_not_tested(trained, overrides, tmp_path, capfd):
    content = load_checkpoint_file(CheckpointStore(trained / "checkpoints").files()[-1])
    backbone = {k: v for k, v in content["model_state"].items() if k.startswith("backbone.")}
    words = foreign_words(trained, tmp_path, {"model_state": backbone, "cfg": "{}"})
    assert main(["--cfg", RECOGNITION, *overrides, *words]) == 1
    assert "the head would be random: its projection.weight" in capfd.readouterr().err
    assert not (tmp_path / "run/results.json").exists()


def test_a_pretraining_is_tested_without_its_training_list(
    demo_world, pretrain_overrides, tmp_path
):
    shutil.copytree(demo_world / "kinetics", tmp_path / "lists")
    words = [*pretrain_overrides, "DATA.PATH_TO_DATA_DIR", str(tmp_path / "lists")]
    words += ["SOLVER.MAX_EPOCH", "1", "TEST.ENABLE", "True", "OUTPUT_DIR", str(tmp_path / "run")]
    assert main(["--cfg", AVID, *words]) == 0
    want = results_of(tmp_path / "run")["test"]
    (tmp_path / "lists/train.csv").unlink()
    for listed in (tmp_path / "run").glob("train_files-*"):
        listed.unlink()
    (tmp_path / "run/results.json").unlink()
    assert main(["--cfg", AVID, *words, "TRAIN.ENABLE", "False"]) == 0
    assert results_of(tmp_path / "run")["test"] == want
