"""Whole runs that start from foreign checkpoints, by config alone."""

import json
from pathlib import Path

import pytest
import torch
from oracles.checkpoints import severe_content, severe_layout, write

from slowfast.engine.run import main

pytestmark = pytest.mark.usefixtures("light_files")

ROOT = Path(__file__).resolve().parents[2]
CFG = str(ROOT / "configs/demo/recognition.yaml")


@pytest.fixture
def run(overrides, tmp_path):
    """Return ``run(*words) -> exit status`` of one training step and a test, in this process."""
    short = (
        *("MODEL.ARCH", "r2plus1d_18", "SOLVER.MAX_EPOCH", "1", "SOLVER.WARMUP_EPOCHS", "0.0"),
        *("DATA.TRAIN_FRACTION", "0.25", "TEST.NUM_ENSEMBLE_VIEWS", "1"),
        *("TRAIN.EVAL_PERIOD", "0", "SOLVER.OPTIMIZING_METHOD", "sgd"),
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield lambda *words: main(
        ["--cfg", CFG, *overrides, *short, "OUTPUT_DIR", str(tmp_path / "run"), *words]
    )
    torch.set_num_threads(threads)


def report_of(tmp_path, folder="run"):
    return json.loads((tmp_path / folder / "checkpoint_import.json").read_text())


def newest(tmp_path, folder="run"):
    files = sorted((tmp_path / folder / "checkpoints").iterdir())
    return torch.load(files[-1], weights_only=True)


def test_a_changed_network_trains_resumes_tests_and_is_handed_on(run, recorded, tmp_path):
    path = write(tmp_path, severe_content(recorded("severe/ckpt_tclr.json")))
    train_only = ("TEST.ENABLE", "False")
    assert run("MODEL.INIT_METHOD", "TCLR", "MODEL.CKPT", str(path), *train_only) == 0
    assert report_of(tmp_path)["notes"] == ["layers changed to those of TCLR"]
    path.unlink()  # what is loaded once is not needed again
    assert run("MODEL.INIT_METHOD", "TCLR", "MODEL.CKPT", str(path), "SOLVER.MAX_EPOCH", "2") == 0
    state = newest(tmp_path)
    assert state["epoch"] == 1
    assert state["model_state"]["backbone.layer4.0.conv1.0.weight"].shape == (512, 256, 3, 3, 3)
    onwards = ("MODEL.INIT_METHOD", "auto", "MODEL.CKPT", str(tmp_path / "run"))
    assert run(*onwards, *train_only, "OUTPUT_DIR", str(tmp_path / "next")) == 0
    assert report_of(tmp_path, "next")["method"] == "slowfast"


def test_weights_of_the_file_are_those_that_learn(run, recorded, tmp_path):
    content = severe_content(recorded("severe/ckpt_rspnet.json"))
    path = write(tmp_path, content)
    frozen = ("MODEL.FREEZE", "backbone", "TEST.ENABLE", "False")
    assert run("MODEL.INIT_METHOD", "RSPNet", "MODEL.CKPT", str(path), *frozen) == 0
    stem = newest(tmp_path)["model_state"]["backbone.stem.0.weight"]
    assert torch.equal(stem, content["model"]["encoder_q.encoder.base_network.0.0.weight"])
    assert len(report_of(tmp_path)["loaded"]) == 222


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["MODEL.INIT_METHOD", "GDT"], "no checkpoint of GDT"),
        (["MODEL.INIT_METHOD", "Mocco"], "Did you mean 'moco'"),
        (["MODEL.INIT_METHOD", "MoCo", "MODEL.ARCH", "r3d_18"], "needs MODEL.ARCH r2plus1d_18"),
        (["MODEL.INIT_METHOD", "MoCo", "MODEL.CKPT", "nowhere.pth"], "nowhere.pth: no such"),
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
