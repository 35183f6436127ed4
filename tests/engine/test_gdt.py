"""GDT from the command line, on the tiny demo world: it trains, resumes, and hands its networks on."""

from pathlib import Path

import pytest
import torch

from slowfast.checkpoint.pretrained import load_pretrained
from slowfast.config import load_cfg
from slowfast.engine.run import main
from slowfast.models.backbones import build_backbone
from slowfast.tasks.pretrain import Pretrain

from .conftest import ROOT, assert_the_end_repeats, newest, results_of, rows, two_processes

GDT = str(ROOT / "configs/demo/gdt.yaml")


@pytest.fixture(scope="module")
def words(method_overrides) -> list[str]:
    return [*method_overrides, "TRAIN.CHECKPOINT_MINUTES", "0.0001"]


def run(folder: Path, *words: str) -> int:
    return main(["--cfg", GDT, *words, "OUTPUT_DIR", str(folder)])


@pytest.fixture(scope="module")
def whole(words, tmp_path_factory) -> Path:
    """The folder of a finished run with all four views."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    hypothesis = ("SSL.GDT.HYPOTHESIS", "8", "TEST.ENABLE", "True")
    assert run(folder, *words, *hypothesis) == 0
    return folder


def test_it_prints_its_hypothesis_and_logs_its_blocks_and_retrieval(whole):
    log = (whole / "log.txt").read_text()
    assert "Hypothesis v_reversal_i_shift:" in log
    assert "views (4): '', 'R', '2', '2R'" in log
    (*_, last) = rows(whole, "train_iter")
    blocks = {"base_shift", "var_reversal", "var_reversal_2", "inv_shift", "inv_shift_R"}
    assert blocks | {"matched", "gap_reversal", "gap_shift"} <= last.keys()
    assert last["loss"] == pytest.approx(sum(last[block] for block in blocks), rel=1e-5)
    assert results_of(whole)["test"]["num_videos"] == 16
    assert "WARNING" not in log


def test_a_run_that_lost_its_end_repeats_it_to_the_last_bit(whole, words, tmp_path):
    again = tmp_path / "again"
    keys = (*words, "SSL.GDT.HYPOTHESIS", "8", "TEST.ENABLE", "True")
    assert_the_end_repeats(whole, again, lambda: run(again, *keys))


def test_its_video_network_starts_another_one(whole):
    backbone = build_backbone("avid_r2plus1d_tiny")
    report = load_pretrained(backbone, whole, "auto", "avid_r2plus1d_tiny")
    assert report.method == "slowfast" and not report.missing
    name = next(iter(backbone.state_dict()))
    weights = newest(whole)["model_state"][f"encoder.video_backbone.{name}"]
    assert torch.equal(backbone.state_dict()[name], weights)


def test_the_next_run_starts_from_it_with_another_hypothesis(whole, words, tmp_path):
    start = ("SSL.CHECKPOINT", str(whole), "SSL.GDT.STEPS", "[reversal=variant]")
    assert run(tmp_path, *words, *start, "SOLVER.MAX_EPOCH", "1") == 0
    assert {"var_reversal", "gap_reversal"} <= rows(tmp_path, "train_iter")[-1].keys()


def test_parts_of_a_batch_share_their_losses(words, tmp_path):
    keys = ("TRAIN.GRAD_CACHE", "True", "TRAIN.ACCUMULATION_STEPS", "2", "SOLVER.MAX_EPOCH", "1")
    assert run(tmp_path, *words, *keys) == 0
    first = rows(tmp_path, "train_iter")[0]
    assert first["base_shift"] + first["inv_shift"] == pytest.approx(first["loss"], rel=1e-6)


@pytest.mark.slow
def test_two_processes_gather_negatives_with_gradients_and_caches(words, tmp_path):
    keys = ["SSL.GDT.HYPOTHESIS", "v_shift", "SSL.GDT.KEY_GRADIENT", "True"]
    keys += ["SOLVER.MAX_EPOCH", "1"]
    keys += ["SSL.GDT.NEGATIVES", "global", "TRAIN.GRAD_CACHE", "True"]
    keys += ["TRAIN.ACCUMULATION_STEPS", "2", "OUTPUT_DIR", str(tmp_path)]
    done = two_processes(*words, *keys, cfg="gdt")
    assert done.returncode == 0, done.stdout
    assert "var_shift" in rows(tmp_path, "train_iter")[-1]


def test_audio_runs_as_its_frames_do_under_the_same_masks():
    cfg = load_cfg([GDT], ["SSL.GDT.HYPOTHESIS", "v_reversal"])
    task = Pretrain(cfg)
    generator = torch.Generator().manual_seed(0)
    wave = 0.1 * torch.randn(3, 1, 24000, generator=generator)
    draws = torch.rand(3, 1, 2, 2, generator=generator)
    batch = {
        "index": torch.arange(3),
        "video": torch.zeros(3, 2, 3, 2, 8, 8, dtype=torch.uint8),
        "audio": wave.expand(3, 2, -1),
        "audio_mask": draws.expand(3, 2, -1, -1),
        "time": torch.tensor([[0.0, 0.5], [0.5, 0.0]]).expand(3, 2, 2),
    }
    found = task.inputs(batch, torch.device("cpu"))["audio"].unflatten(0, (3, 2))
    assert found.shape == (3, 2, 1, 40, 99)
    torch.testing.assert_close(found[:, 1], found[:, 0].flip(-1), rtol=0, atol=0)
    plain = task.sound(wave.flatten(0, 1))
    kept = found[:, 0] != 0
    torch.testing.assert_close(found[:, 0][kept], plain[kept], rtol=0, atol=0)
