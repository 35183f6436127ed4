"""AVID and AVID-CMA from the command line, on the tiny demo world."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from slowfast.checkpoint.pretraining import remap_file
from slowfast.checkpoint.store import load_checkpoint_file
from slowfast.config import load_cfg
from slowfast.dataprep.verify import write_manifests
from slowfast.datasets.items import ItemTable
from slowfast.engine.run import main

from .conftest import ROOT, newest, results_of, rows, two_processes

AVID, CMA = (str(ROOT / f"configs/demo/{name}.yaml") for name in ("avid", "avid_cma"))


def train_files(folder: Path) -> ItemTable:
    (path,) = folder.glob("train_files-*.npz")
    return ItemTable.load(path)


@pytest.fixture(scope="module")
def avid(pretrain_overrides, tmp_path_factory) -> Path:
    """The folder of a finished AVID run."""
    folder = tmp_path_factory.mktemp("runs") / "avid"
    words = [*pretrain_overrides, "TEST.ENABLE", "True", "OUTPUT_DIR", str(folder)]
    assert main(["--cfg", AVID, *words]) == 0
    return folder


@pytest.fixture(scope="module")
def cma(avid, cma_overrides, tmp_path_factory) -> Path:
    """The folder of a finished AVID-CMA run that began from ``avid``."""
    folder = tmp_path_factory.mktemp("runs") / "cma"
    words = [*cma_overrides, "SSL.CHECKPOINT", str(avid), "OUTPUT_DIR", str(folder)]
    assert main(["--cfg", CMA, *words]) == 0
    return folder


@pytest.fixture
def run(pretrain_overrides, tmp_path):
    """Return ``run(*words, cfg) -> exit status`` in a folder of its own."""

    def call(*words, cfg=AVID, overrides=pretrain_overrides):
        words = [*overrides, "OUTPUT_DIR", str(tmp_path), *map(str, words)]
        return main(["--cfg", cfg, *words])

    return call


def changed_list(demo_world, folder, change) -> Path:
    """Copy the lists of the world, with other lines to train on; return the folder."""
    shutil.copytree(demo_world / "kinetics", folder)
    lines = (folder / "train.csv").read_text().splitlines()
    (folder / "train.csv").write_text("\n".join(change(lines)))
    return folder


def test_avid_logs_its_terms_margins_and_the_age_of_the_bank(avid):
    steps = rows(avid, "train_iter")
    assert len(steps) == 2 * 32 // 8
    for row in steps:
        assert row["loss"] == pytest.approx((row["loss_v2a"] + row["loss_a2v"]) / 2, rel=1e-5)
        assert {"margin_v2a", "margin_a2v", "bank_cosine", "grad_norm"} <= set(row)
        assert all(row[f"dt_{phase}"] > 0 for phase in ("data", "forward", "bank", "backward"))
    assert (avid / "log.txt").read_text().count("Limited by ") == 2


def test_avid_measures_retrieval_on_the_held_out_files_after_each_epoch(avid):
    found = rows(avid, "val_epoch")
    assert len(found) == 2
    for row in found:
        assert 0 <= row["retrieval_r1"] <= row["retrieval_r5"] <= row["retrieval_r10"] <= 100
        assert row["retrieval_r1"] == (row["v2a_r1"] + row["a2v_r1"]) / 2
        assert row["chance_r1"] == 100 / 16
    assert results_of(avid)["headline"] == "retrieval_r1"
    assert results_of(avid)["test"]["num_videos"] == 16


def test_every_file_has_written_its_memory_once_per_epoch(avid):
    state = newest(avid)["model_state"]
    for bank in ("criterion.video_bank", "criterion.audio_bank"):
        assert state[f"{bank}.rows"].shape == (32, 16)
        assert (state[f"{bank}.written_at"] >= 4).all()  # in the second epoch
        assert state[f"{bank}.updates"] == 8
    assert state["criterion.partition"] > 0


def test_cma_goes_on_from_weights_banks_and_partition(avid, cma):
    before, after = newest(avid)["model_state"], newest(cma)["model_state"]
    assert torch.equal(before["criterion.partition"], after["criterion.partition"])
    assert after["criterion.video_bank.updates"] == 16
    positives = after["criterion.positives"]
    assert positives.shape == (32, 4)
    assert (positives[:, 1:] > positives[:, :-1]).all()
    assert not (positives == torch.arange(32)[:, None]).any()


def test_cma_reports_overlap_and_purity_of_its_positives(cma):
    first, second = rows(cma, "epoch_start")
    assert "positive_overlap" not in first and 0 <= second["positive_overlap"] <= 1
    assert 0 <= first["positive_purity"] <= 1
    step = rows(cma, "train_iter")[0]
    assert {"loss_v2a", "loss_a2v", "loss_pos_v2v", "loss_pos_a2a"} <= set(step)
    assert not (cma / "mining").exists()


def test_cma_without_an_avid_run_is_refused_with_the_cure(run, cma_overrides, capsys):
    assert run("SSL.CHECKPOINT", "", cfg=CMA, overrides=cma_overrides) == 1
    assert "set SSL.CHECKPOINT to the folder of an AVID run" in capsys.readouterr().err


def test_banks_of_another_list_are_refused_and_can_be_remapped(
    avid, demo_world, cma_overrides, tmp_path, capsys
):
    held_out = (demo_world / "kinetics/val.csv").read_text().splitlines()
    lists = changed_list(
        demo_world, tmp_path / "lists", lambda lines: [*reversed(lines[4:]), *held_out[:2]]
    )
    words = [*cma_overrides, "DATA.PATH_TO_DATA_DIR", str(lists)]

    run = [*words, "SSL.CHECKPOINT", str(avid), "OUTPUT_DIR", str(tmp_path / "cma")]
    assert main(["--cfg", CMA, *run]) == 1
    message = capsys.readouterr().err
    assert "another list of 32 files; this run trains on 30" in message
    assert "tools/remap_bank.py" in message

    cfg = load_cfg([AVID], words)
    new = Path(write_manifests(cfg, tmp_path / "manifests", workers=0)["train"]["path"])
    out = tmp_path / "remapped.pyth"
    report = remap_file(avid, None, new, out)
    assert (report.kept, report.new, report.gone) == (28, 2, 4)
    old_rows = newest(avid)["model_state"]["criterion.video_bank.rows"]
    content = load_checkpoint_file(out)["model_state"]
    assert torch.equal(content["criterion.video_bank.rows"][:28], old_rows[4:].flip(0))
    assert content["criterion.video_bank.written_at"][28:].tolist() == [-1, -1]
    assert main(["--cfg", CMA, *words, "SSL.CHECKPOINT", str(out), *run[-2:]]) == 0


def test_files_without_sound_are_left_out_and_named(run, media_factory, demo_world, tmp_path):
    shutil.copy(media_factory(), demo_world / "videos/silent.mp4")
    lists = changed_list(
        demo_world, tmp_path / "lists", lambda lines: [*lines, "videos/silent.mp4 0"]
    )
    words = ["SOLVER.MAX_EPOCH", "1", "DATA.PATH_TO_DATA_DIR", lists]
    assert run(*words, "OUTPUT_DIR", tmp_path / "drop") == 0
    assert len(train_files(tmp_path / "drop")) == 32
    with next((tmp_path / "drop/files").glob("left_out*.csv")).open(newline="") as file:
        (left_out,) = csv.DictReader(file)
    assert left_out["path"].endswith("silent.mp4") and "no audio stream" in left_out["reason"]
    assert run(*words, "AUDIO.MISSING", "zero", "OUTPUT_DIR", tmp_path / "zero") == 0
    assert len(train_files(tmp_path / "zero")) == 33


@pytest.mark.parametrize("loss", ["infonce", "in_batch"])
def test_the_other_losses_train_too(loss, run, tmp_path):
    assert run("SOLVER.MAX_EPOCH", "1", "SSL.AVID.LOSS", loss) == 0
    assert newest(tmp_path)["model_state"]["criterion.partition"] == -1


def test_without_validation_no_validation_list_is_needed(run, demo_world, tmp_path):
    (tmp_path / "lists").mkdir()
    shutil.copy(demo_world / "kinetics/train.csv", tmp_path / "lists/train.csv")
    words = ["SOLVER.MAX_EPOCH", "1", "TRAIN.EVAL_PERIOD", "0", "TEST.ENABLE", "False"]
    assert run(*words, "DATA.PATH_TO_DATA_DIR", tmp_path / "lists") == 0


def test_a_classifier_starts_from_the_video_network_of_a_run(avid, overrides, tmp_path):
    words = [*overrides, "SOLVER.MAX_EPOCH", "1", "SOLVER.WARMUP_EPOCHS", "0"]
    words += ["MODEL.FREEZE", "backbone", "MODEL.INIT_METHOD", "slowfast", "MODEL.CKPT", str(avid)]
    recognition = str(ROOT / "configs/demo/recognition.yaml")
    assert main(["--cfg", recognition, *words, "OUTPUT_DIR", str(tmp_path)]) == 0
    pretrained, probe = newest(avid)["model_state"], newest(tmp_path)["model_state"]
    for name, tensor in probe.items():
        if name.startswith("backbone."):
            assert torch.equal(tensor, pretrained[f"encoder.video_{name}"]), name


@pytest.mark.slow
def test_two_processes_keep_the_same_banks(pretrain_overrides, tmp_path):
    words = [*pretrain_overrides, "SOLVER.MAX_EPOCH", "1", "DATA.TRAIN_CLIPS_PER_VIDEO", "2"]
    done = two_processes(*words, "OUTPUT_DIR", str(tmp_path), cfg="avid")
    assert done.returncode == 0, done.stdout
    state = newest(tmp_path)["model_state"]
    assert (state["criterion.video_bank.written_at"] >= 0).all()
    assert state["criterion.video_bank.updates"] == 8
    np.testing.assert_allclose(state["criterion.audio_bank.rows"].norm(dim=1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("cfg", "words", "message"),
    [
        (AVID, ["AUDIO.ENABLE", "False"], "set AUDIO.ENABLE True"),
        (AVID, ["MODEL.FREEZE", "backbone"], "MODEL.FREEZE 'backbone' cannot act on AVID"),
        (AVID, ["AUDIO.FFT_SIZE", "1000"], "AUDIO.FFT_SIZE"),
        (
            AVID,
            ["MODEL.MODEL_NAME", "VSSL"],
            "Unknown self-supervised method (MODEL.MODEL_NAME) 'VSSL'",
        ),
        (AVID, ["TRAIN.CHECKPOINT_EPOCH_RESET", "True"], "reads TRAIN.CHECKPOINT_EPOCH_RESET True"),
        (AVID, ["SSL.AVID.CROSS", "0.0"], "at least one must be positive"),
        (AVID, ["SSL.AVID.LOSS", "in_batch", "SSL.AVID.WITHIN", "1.0"], "across modalities only"),
        (AVID, ["SSL.AVID.MOMENTUM", "[0.5,0.5,0.5]"], "one number or two"),
        (AVID, ["SSL.AVID.TEMPERATUR", "0.1"], "SSL.AVID.TEMPERATURE"),
        (AVID, ["AUDIO.DURATION", "9.0"], "none of the 32 files has enough audio"),
        (AVID, ["DATA.TEMPORAL_SAMPLING", "stride"], "set DATA.TEMPORAL_SAMPLING duration"),
        (AVID, ["SSL.CHECKPOINT", "nowhere.pyth"], "SSL.CHECKPOINT: the weights to continue from"),
        (
            CMA,
            ["SSL.CMA.NUM_POSITIVES", "40", "SSL.CHECKPOINT", str(ROOT)],
            "too few for 40 positives",
        ),
    ],
)
def test_what_cannot_work_is_refused_in_one_sentence(cfg, words, message, run, capsys):
    assert run(*words, cfg=cfg) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_a_dry_run_takes_a_step_and_writes_nothing(run, tmp_path):
    assert run("--dry-run", "OUTPUT_DIR", tmp_path / "run") == 0
    assert not (tmp_path / "run").exists()


def test_a_dry_run_changes_nothing_in_the_folder_of_a_run(cma, avid, cma_overrides, tmp_path):
    shutil.copytree(cma, tmp_path / "run")
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "run").rglob("*")}
    words = [*cma_overrides, "SSL.CHECKPOINT", str(avid), "OUTPUT_DIR", str(tmp_path / "run")]
    assert main(["--cfg", CMA, "--dry-run", *words]) == 0
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "run").rglob("*")} == before


def test_a_refused_start_keeps_the_list_of_the_run(avid, demo_world, run, tmp_path):
    shutil.copytree(avid, tmp_path / "run")
    lists = changed_list(demo_world, tmp_path / "lists", reversed)
    assert run("DATA.PATH_TO_DATA_DIR", lists, "OUTPUT_DIR", tmp_path / "run") == 1
    assert train_files(tmp_path / "run").fingerprint() == newest(avid)["list_fingerprint"]


def test_a_file_that_is_listed_twice_is_refused(demo_world, run, tmp_path, capsys):
    lists = changed_list(demo_world, tmp_path / "lists", lambda lines: [*lines, lines[3]])
    assert run("DATA.PATH_TO_DATA_DIR", lists) == 1
    assert "is listed more than once" in capsys.readouterr().err


def test_another_network_is_refused_by_name(avid, overrides, pretrain_overrides, tmp_path, capsys):
    recognition = str(ROOT / "configs/demo/recognition.yaml")
    words = [*overrides, "MODEL.INIT_METHOD", "slowfast", "MODEL.CKPT", str(avid)]
    words += ["MODEL.ARCH", "avid_r2plus1d_10", "OUTPUT_DIR", str(tmp_path / "a")]
    assert main(["--cfg", recognition, *words]) == 1
    message = "was made with MODEL.ARCH avid_r2plus1d_tiny; this run has avid_r2plus1d_10"
    assert message in capsys.readouterr().err
    words = [*pretrain_overrides, "SSL.CHECKPOINT", str(avid), "AUDIO.ARCH", "avid_conv2d_small"]
    assert main(["--cfg", AVID, *words, "OUTPUT_DIR", str(tmp_path / "b")]) == 1
    assert "was made with AUDIO.ARCH avid_conv2d_tiny" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["TRAIN.MIXED_PRECISION", "True"],
        ["MODEL.CHANNELS_LAST", "False"],
        ["TRAIN.ACCUMULATION_STEPS", "2"],
    ],
    ids=["mixed precision", "channels first", "accumulation"],
)
def test_expensive_choices_train_too(words, run, tmp_path):
    assert run("SOLVER.MAX_EPOCH", "1", *words) == 0
    state = newest(tmp_path)["model_state"]
    assert all(t.isfinite().all() for t in state.values() if t.is_floating_point())


def test_a_finished_run_can_be_tested_alone(avid, run, tmp_path):
    shutil.copytree(avid, tmp_path / "run")
    words = ["TRAIN.ENABLE", "False", "TEST.ENABLE", "True"]
    assert run(*words, "OUTPUT_DIR", tmp_path / "run") == 0
    assert results_of(avid)["test"] == results_of(tmp_path / "run")["test"]
