"""Whole runs that start from foreign checkpoints, by config alone."""

import json

import pytest
import torch
from oracles.checkpoints import (
    assert_recorded_features,
    severe_content,
    severe_layout,
    write,
)

from slowfast.checkpoint import load_pretrained
from slowfast.engine.run import main
from slowfast.models.backbones import build_backbone

from .conftest import ROOT, newest

pytestmark = pytest.mark.usefixtures("light_files")

CFG = str(ROOT / "configs/demo/recognition.yaml")


@pytest.fixture
def run(overrides, one_thread, tmp_path):
    """Return ``run(*words) -> exit status`` of one training step and a test, in this process."""
    short = (
        *("MODEL.ARCH", "r2plus1d_18", "SOLVER.MAX_EPOCH", "1", "SOLVER.WARMUP_EPOCHS", "0.0"),
        *("DATA.TRAIN_FRACTION", "0.25", "TEST.NUM_ENSEMBLE_VIEWS", "1"),
        *("TRAIN.EVAL_PERIOD", "0", "SOLVER.OPTIMIZING_METHOD", "sgd"),
    )
    return lambda *words: main(
        ["--cfg", CFG, *overrides, *short, "OUTPUT_DIR", str(tmp_path / "run"), *words]
    )


def report_of(tmp_path, folder="run"):
    return json.loads((tmp_path / folder / "checkpoint_import.json").read_text())


def test_a_changed_network_trains_resumes_tests_and_is_handed_on(run, recorded, tmp_path):
    path = write(tmp_path, severe_content(recorded("severe/ckpt_tclr.json")))
    train_only = ("TEST.ENABLE", "False")
    assert run("MODEL.INIT_METHOD", "TCLR", "MODEL.CKPT", str(path), *train_only) == 0
    assert report_of(tmp_path)["notes"] == ["layers changed to those of TCLR"]
    path.unlink()  # what is loaded once is not needed again
    assert run("MODEL.INIT_METHOD", "TCLR", "MODEL.CKPT", str(path), "SOLVER.MAX_EPOCH", "2") == 0
    state = newest(tmp_path / "run")
    assert state["epoch"] == 1
    assert state["model_state"]["backbone.layer4.0.conv1.0.weight"].shape == (512, 256, 3, 3, 3)
    onwards = ("MODEL.INIT_METHOD", "auto", "MODEL.CKPT", str(tmp_path / "run"))
    assert run(*onwards, *train_only, "OUTPUT_DIR", str(tmp_path / "next")) == 0
    assert report_of(tmp_path, "next")["method"] == "slowfast"


# The others differ in names only, which tests/checkpoint/test_formats.py reads.
@pytest.mark.parametrize("method", ["avid_cma", "ctp", "moco", "tclr", "tubelet_contrast_r3d"])
def test_a_run_keeps_the_network_of_the_file_where_that_is_frozen(method, run, recorded, tmp_path):
    case = recorded(f"severe/ckpt_{method}.json")
    path = write(tmp_path, severe_content(case))
    start = (
        "MODEL.INIT_METHOD",
        case["fork_config_init_method"] or method,
        "MODEL.CKPT",
        str(path),
    )
    frozen = ("MODEL.FREEZE", "backbone", "MODEL.ARCH", case["backbone"], "TEST.ENABLE", "False")
    assert run(*start, *frozen) == 0
    assert report_of(tmp_path)["method"] == method
    backbone = build_backbone(case["backbone"])
    load_pretrained(backbone, tmp_path / "run", "slowfast")
    assert_recorded_features(backbone, case, "hash")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["MODEL.INIT_METHOD", "GDT"], "not a checkpoint of GDT"),
        (["MODEL.INIT_METHOD", "Mocco"], "Did you mean 'moco'"),
        (["MODEL.INIT_METHOD", "MoCo", "MODEL.ARCH", "r3d_18"], "needs MODEL.ARCH r2plus1d_18"),
        (["MODEL.INIT_METHOD", "MoCo", "MODEL.CKPT", "nowhere.pth"], "weights of MoCo, from"),
        (["MODEL.INIT_METHOD", "None"], "needs MODEL.INIT_METHOD"),
    ],
)
def test_what_does_not_fit_ends_the_run_with_one_message(
    run, words, message, recorded, tmp_path, capsys
):
    path = write(tmp_path, severe_layout(recorded("severe/ckpt_moco.json")))
    assert run("MODEL.CKPT", str(path), *words) == 1
    err = capsys.readouterr().err
    assert message in err and "Traceback" not in err


def test_a_foreign_file_is_no_run_to_resume(run, tmp_path, capsys):
    path = write(tmp_path, {"state_dict": {"stem.0.weight": torch.zeros(2)}, "epoch": 3})
    assert run("TRAIN.CHECKPOINT_FILE_PATH", str(path)) == 1
    err = capsys.readouterr().err
    assert "holds no 'model_state'" in err and "MODEL.CKPT" in err
