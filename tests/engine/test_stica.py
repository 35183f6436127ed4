"""STiCA from the command line, on the tiny demo world: it trains, resumes, and is fine-tuned."""

import pytest
import torch

from slowfast.engine.run import main

from .conftest import ROOT, assert_the_end_repeats, newest, rows, two_processes

STICA = str(ROOT / "configs/demo/stica.yaml")
# Two steps of the map, so that there are crops over time, and attention over them.
KEYS = ("DATA.NUM_FRAMES", "16", "MODEL.POOLING_LAYERS", "1", "SSL.STICA.TIME_WINDOWS", "[2,1]")
KEYS += ("SSL.STICA.LARGE_TIME_CROPS", "1", "SSL.STICA.SMALL_TIME_CROPS", "2")
KEYS += ("DATA.TRAIN_CROP_SIZE", "48", "DATA.TEST_CROP_SIZE", "48")


@pytest.fixture(scope="module")
def words(method_overrides) -> list[str]:
    return [*method_overrides, *KEYS, "TRAIN.CHECKPOINT_MINUTES", "0.0001", "SOLVER.MAX_EPOCH", "1"]


@pytest.fixture(scope="module")
def whole(words, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stica") / "whole"
    assert main(["--cfg", STICA, *words, "OUTPUT_DIR", str(folder)]) == 0
    return folder


def test_it_logs_both_losses(whole):
    last = rows(whole, "train_iter")[-1]
    assert last["loss"] == pytest.approx(last["crops"] + last["cross_modal"], rel=1e-5)
    assert (whole / "report.html").is_file()


def test_a_run_that_lost_its_end_repeats_it_to_the_last_bit(whole, words, tmp_path):
    again = tmp_path / "again"
    command = ["--cfg", STICA, *words, "OUTPUT_DIR", str(again)]
    assert_the_end_repeats(whole, again, lambda: main(command))


def test_fine_tuning_keeps_its_pooling_and_is_resumed(whole, overrides, tmp_path):
    config = str(ROOT / "configs/demo/recognition.yaml")
    start = ["MODEL.INIT_METHOD", "auto", "MODEL.CKPT", str(whole), "MODEL.POOLING_LAYERS", "1"]
    line = ["--cfg", config, *overrides, *start, "DATA.NUM_FRAMES", "16", "SOLVER.MAX_EPOCH", "1"]
    line += ["SOLVER.WARMUP_EPOCHS", "0.0", "SOLVER.BACKBONE_LR_SCALE", "0.0001"]
    assert main([*line, "OUTPUT_DIR", str(tmp_path)]) == 0
    name = "layers.0.query.weight"
    theirs = newest(whole)["model_state"][f"encoder.video_pooling.{name}"]
    ours = newest(tmp_path)["model_state"][f"pooling.{name}"]
    torch.testing.assert_close(ours, theirs, rtol=0.01, atol=1e-4)
    assert (
        "video_pooling.layers.0.query.weight" in (tmp_path / "checkpoint_import.json").read_text()
    )


@pytest.mark.slow
def test_two_processes_train(words, tmp_path):
    done = two_processes(*words, "OUTPUT_DIR", str(tmp_path), cfg="stica")
    assert done.returncode == 0, done.stdout
    assert "crops" in rows(tmp_path, "train_iter")[-1]
