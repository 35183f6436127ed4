"""GDT on frames and text from the command line, on the captions of the tiny demo world."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from slowfast.checkpoint.export import export_file
from slowfast.checkpoint.pretrained import load_pretrained
from slowfast.checkpoint.store import load_checkpoint_file
from slowfast.config import load_cfg
from slowfast.config.defaults import assert_and_infer_cfg
from slowfast.dataprep.verify import verify_dataset, write_manifests
from slowfast.engine.invariance import build_diagnosis
from slowfast.engine.run import main
from slowfast.models.backbones import build_backbone

from .conftest import ROOT, assert_the_end_repeats, newest, results_of, rows

CONFIG = str(ROOT / "configs/demo/gdt_text.yaml")


@pytest.fixture(scope="module")
def words(caption_overrides) -> list[str]:
    return [*caption_overrides, "TRAIN.CHECKPOINT_MINUTES", "0.0001", "SSL.GDT.HYPOTHESIS", "8"]


@pytest.fixture
def captions(demo_world, tmp_path):
    """Return a folder of captions that may be changed, and the videos that are listed."""
    shutil.copytree(demo_world / "howto100m/captions", tmp_path / "captions")
    listed = (demo_world / "howto100m/howto.csv").read_text().split()[1:]
    return tmp_path / "captions", listed


def run(folder: Path, *words: str) -> int:
    return main(["--cfg", CONFIG, *words, "OUTPUT_DIR", str(folder)])


@pytest.fixture(scope="module")
def whole(words, tmp_path_factory) -> Path:
    """The folder of a finished and tested run with all four views."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    assert run(folder, *words, "TEST.ENABLE", "True") == 0
    return folder


def test_it_trains_on_captions_and_measures_retrieval_between_text_and_video(whole):
    log = (whole / "log.txt").read_text()
    assert "Hypothesis v_reversal_i_shift:" in log and "WARNING" not in log
    (*_, last) = rows(whole, "train_iter")
    assert {"base_shift", "var_reversal", "inv_shift", "gap_shift", "matched"} <= last.keys()
    assert last["captions_without_words"] == 0
    found = results_of(whole)["test"]
    assert (found["num_videos"], found["num_unreadable"]) == (16, 0)
    for way in ("v2t", "t2v"):
        assert 0 <= found[f"{way}_r1"] <= found[f"{way}_r5"] <= found[f"{way}_r10"] <= 100
        assert 1 <= found[f"{way}_median_rank"] <= 17
    assert "Retrieval between frames and text" in (whole / "report.html").read_text()


def test_a_run_that_lost_its_end_repeats_it_to_the_last_bit(whole, words, tmp_path):
    again = tmp_path / "again"
    assert_the_end_repeats(whole, again, lambda: run(again, *words, "TEST.ENABLE", "True"))


def test_word_vectors_stay_those_of_the_table(whole, demo_world):
    table = torch.load(demo_world / "howto100m/word2vec.pth", weights_only=True)
    state = newest(whole)["model_state"]
    assert torch.equal(state["encoder.text_backbone.embedding.weight"], table)


def test_the_released_layout_of_a_run_starts_the_next_one(whole, words, tmp_path):
    released = export_file(whole, tmp_path / "released.pth")
    names = list(load_checkpoint_file(released)["model"])
    assert "text_network.fc1.weight" in names and "mlp_t.block_forward.8.bias" in names
    start = ("SSL.CHECKPOINT", str(released), "SOLVER.MAX_EPOCH", "1", "SOLVER.BASE_LR", "1e-9")
    assert run(tmp_path / "next", *words, *start) == 0
    before, after = newest(whole)["model_state"], newest(tmp_path / "next")["model_state"]
    name = "encoder.text_backbone.linear.weight"
    torch.testing.assert_close(after[name], before[name], rtol=0, atol=1e-4)


def test_another_table_of_words_is_refused(whole, words, demo_world, tmp_path, capfd):
    howto = demo_world / "howto100m"
    vectors = torch.load(howto / "word2vec.pth", weights_only=True)
    torch.save(vectors.flip(0), tmp_path / "word2vec.pth")
    shutil.copy(howto / "dict.npy", tmp_path)
    start = ("SSL.CHECKPOINT", str(whole), "TEXT.VECTORS", str(tmp_path / "word2vec.pth"))
    assert run(tmp_path / "next", *words, *start) == 1
    assert "other word vectors than those of TEXT.VECTORS" in capfd.readouterr().err


def test_its_video_network_starts_another_one_and_can_be_diagnosed(whole, words, tmp_path):
    report = load_pretrained(build_backbone("avid_r2plus1d_tiny"), whole, "auto")
    assert report.method == "slowfast" and not report.missing
    keys = ("MODEL.INIT_METHOD", "auto", "MODEL.CKPT", str(whole))
    cfg = assert_and_infer_cfg(load_cfg([CONFIG], [*words, *keys]))
    assert "4 videos, 2 clips each" in build_diagnosis(cfg, tmp_path, clips=2, files=4)
    assert list(json.loads((tmp_path / "invariance.json").read_text())) == ["video features"]


def test_videos_without_usable_captions_are_replaced_and_counted(
    words, captions, demo_world, tmp_path
):
    captions, listed = captions
    (captions / f"{listed[0]}.csv").write_text("start,end,text\n0.0,1.0,\n")
    (captions / f"{listed[1]}.csv").unlink()
    tested = (demo_world / "howto100m/val.csv").read_text().split()[1]
    (captions / f"{tested}.csv").write_text("start,end,text\nx,1.0,word\n")
    keys = ("TEXT.CAPTION_DIR", str(captions), "DATA.MAX_BAD_FRACTION", "0.5")
    assert run(tmp_path / "run", *words, *keys, "SOLVER.MAX_EPOCH", "1") == 0
    assert f"1 have no captions in {captions}" in (tmp_path / "run/log.txt").read_text()
    bad = (tmp_path / "run/bad_media.csv").read_text()
    assert listed[0] in bad and "none of its 1 captions has words" in bad and listed[1] not in bad
    assert f"{tested}.csv, line 2: the start is 'x'" in bad
    (row,) = rows(tmp_path / "run", "val_epoch")
    assert (row["num_videos"], row["num_unreadable"]) == (16, 1)


def test_verify_and_manifest_name_the_videos_without_usable_captions(words, captions, tmp_path):
    captions, listed = captions
    (captions / f"{listed[0]}.csv").write_text("start,end,text\n99.0,100.0,late\n")
    keys = ("TEXT.CAPTION_DIR", str(captions), "MODEL.NUM_CLASSES", "8")
    cfg = assert_and_infer_cfg(load_cfg([CONFIG], [*words, *keys]))
    report = verify_dataset(cfg, tmp_path / "verify", workers=0)
    assert report.ok
    (note,) = [text for text in report.notes if "no usable caption" in text]
    assert note.startswith("train: 1 of 32 usable files") and f"{listed[0]}.csv: none" in note
    written = write_manifests(cfg, tmp_path / "lists", workers=0)
    assert (written["train"]["files"], written["train"]["left_out"]) == (31, 1)
