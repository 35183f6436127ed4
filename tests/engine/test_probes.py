"""Probes of frozen features from the command line: recordings in folds, and the tiny demo world."""

import csv
import shutil

import numpy as np
import pytest
from scipy.io import wavfile

from slowfast.engine.run import main
from slowfast.evaluation.predictions import load_predictions

from .conftest import ROOT, results_of, two_processes

SVM = str(ROOT / "configs/benchmark/esc50/audio-svm.yaml")
DEMO = str(ROOT / "configs/demo/probes.yaml")
RATE = 8000


def write_recording(path, pitch: float, seed: int) -> None:
    """Write a second of a tone with noise."""
    times = np.arange(RATE) / RATE
    noise = np.random.default_rng(seed).normal(size=RATE)
    samples = 0.4 * np.sin(2 * np.pi * pitch * times) + 0.05 * noise
    wavfile.write(path, RATE, (samples * 32767).clip(-32768, 32767).astype("<i2"))


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Three classes by pitch in three folds; a class and a file that are not of ESC-10."""
    folder = tmp_path_factory.mktemp("esc")
    (folder / "audio").mkdir()
    (folder / "meta").mkdir()
    rows = []
    for k in range(27):
        name, fold = f"{k % 3 + 1}-{k}.wav", k % 3 + 1
        kind = k // 3 % 3
        write_recording(folder / "audio" / name, (300, 900, 2500)[kind], k)
        rows.append([name, fold, kind, ("low", "middle", "high")[kind], str(kind < 2)])
    (folder / "audio/1-0.wav").write_bytes(b"RIFF nothing")
    with open(folder / "meta/esc50.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["filename", "fold", "target", "category", "esc10"])
        writer.writerows(rows)
    return folder


@pytest.fixture
def svm(recordings, tmp_path):
    def run(*words):
        keys = [
            *("DATA.PATH_TO_DATA_DIR", str(recordings), "DATA_LOADER.NUM_WORKERS", "0"),
            *("NUM_GPUS", "0", "AUDIO.ARCH", "avid_conv2d_tiny"),
            *("AUDIO.DURATION", "0.4", "AUDIO.LOOP_SECONDS", "0.9"),
            *("PROBE.FEATURES", "[audio.block4:avg2,audio.log_mel]", "PROBE.FOLDS", "[1,2,3]"),
            *("TEST.NUM_ENSEMBLE_VIEWS", "3", "MODEL.ARCH", "avid_r2plus1d_tiny"),
            *("TEST.BATCH_SIZE", "16", "OUTPUT_DIR", str(tmp_path / "run")),
        ]
        status = main(["--cfg", SVM, *keys, *words])
        return status, tmp_path / "run"

    return run


def test_recordings_without_frames_go_through_five_folds_in_one_run(svm):
    status, folder = svm()
    assert status == 0
    found = results_of(folder)
    test = found["test"]
    assert found["headline"] == "svm/top1_acc" and found["checkpoint"].startswith("random weights")
    folds = [test[f"svm-fold{k}/top1_acc"] for k in (1, 2, 3)]
    assert test["svm/top1_acc"] == pytest.approx(np.mean(folds))
    assert test["svm/top1_acc_std"] == pytest.approx(np.std(folds, ddof=1))
    assert test["svm/num_videos"] == 27 and test["svm/num_unreadable"] == 1
    assert test["svm/top1_acc@audio.log_mel"] == pytest.approx(100 * 26 / 27)
    assert test["svm/chance_top1"] == pytest.approx(100 / 3)
    assert found["protocol"]["svm"]["folds"] == 3
    saved = load_predictions(folder / "predictions/svm/test.npz")
    assert saved["scores"].shape == (27, 3)
    assert saved["class_names"].tolist() == ["high", "low", "middle"]
    assert "Classes, worst first" in (folder / "report.html").read_text()
    assert "1-0.wav" in (folder / "bad_media.csv").read_text()
    assert "protocol of svm-fold2: " in (folder / "log.txt").read_text()


def test_esc10_is_the_subset_that_the_table_marks(svm):
    status, folder = svm("TRAIN.DATASET", "esc10", "TEST.DATASET", "esc10", "PROBE.KINDS", "[knn]")
    assert status == 0
    test = results_of(folder)["test"]
    assert test["knn/num_videos"] == 18 and test["knn/chance_top1"] == 50


def test_a_second_start_computes_no_feature_again(svm, recordings, tmp_path, capsys):
    assert svm("PROBE.KINDS", "[svm]")[0] == 0
    capsys.readouterr()
    shutil.copytree(recordings, tmp_path / "moved")
    moved = ("DATA.PATH_TO_DATA_DIR", str(tmp_path / "moved"))
    status, folder = svm("PROBE.KINDS", "[knn,svm]", "PROBE.KNN_K", "3", *moved)
    assert status == 0 and capsys.readouterr().out.count("are there") == 2
    assert results_of(folder)["headline"] == "knn/top1_acc"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("PROBE.KINDS", "[attentive]"), "set of tokens"),
        (("PROBE.KINDS", "[cross_modal]"), "video.embedding and audio.embedding"),
        (("PROBE.KINDS", "[svn]"), "svm"),
        (("TRAIN.ENABLE", "True"), "set TRAIN.ENABLE False"),
        (("PROBE.FOLDS", "[1,9]"), "has the folds"),
        (("PROBE.FEATURES", "[audio.blck4]"), "block4"),
    ],
)
def test_what_cannot_be_probed_is_refused(svm, capsys, words, says):
    assert svm(*words)[0] == 1
    assert says in capsys.readouterr().err


@pytest.fixture(scope="module")
def pretrained(pretrain_overrides, tmp_path_factory):
    folder = tmp_path_factory.mktemp("avid")
    config = str(ROOT / "configs/demo/avid.yaml")
    assert main(["--cfg", config, *pretrain_overrides, "OUTPUT_DIR", str(folder)]) == 0
    return folder


def test_all_probes_from_one_extraction_with_a_method_of_pretraining(
    pretrain_overrides, pretrained, tmp_path
):
    keys = [
        *("MODEL.INIT_METHOD", "slowfast", "MODEL.CKPT", str(pretrained)),
        *("TEST.NUM_ENSEMBLE_VIEWS", "2", "PROBE.EPOCHS", "2", "PROBE.LRS", "[0.01,0.001]"),
        *("PROBE.HEADS", "4", "PROBE.BATCH_SIZE", "16", "OUTPUT_DIR", str(tmp_path)),
    ]
    assert main(["--cfg", DEMO, *pretrain_overrides, *keys]) == 0
    found = results_of(tmp_path)
    kinds = {key.split("/")[0] for key in found["test"]}
    assert kinds == {"linear", "attentive", "svm", "knn", "retrieval", "cross_modal", "geometry"}
    test = found["test"]
    assert {"linear/top1_acc@audio", "linear/held_out_top1_acc", "retrieval/r50"} <= set(test)
    assert test["cross_modal/chance_r1"] == 100 / 16
    assert 0 <= test["geometry/alignment_modalities"] <= 4 and test["geometry/uniformity"] <= 0
    assert str(pretrained) in found["checkpoint"]
    assert set(test) >= {"cross_modal/video_to_audio_r5", "cross_modal/audio_to_video_r10"}
    report = (tmp_path / "report.html").read_text()
    assert "Nearest neighbours" in report and "t-SNE" in report


def test_several_checkpoints_are_probed_by_one_command(
    pretrained, pretrain_overrides, tmp_path, capfd
):
    words = [*pretrain_overrides, "PROBE.KINDS", "[knn]"]
    words += ["OUTPUT_DIR", str(tmp_path), "--checkpoints", f"random,{pretrained}"]
    assert main(["--cfg", DEMO, *words]) == 0
    folders = [file.parent for file in tmp_path.glob("*/results.json")]
    weights = {folder.name: results_of(folder)["checkpoint"] for folder in folders}
    assert set(weights) == {"random", pretrained.name}
    assert "random" in weights["random"] and str(pretrained) in weights[pretrained.name]
    rows = (tmp_path / "comparison.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["run", "random", pretrained.name]
    assert "results of checkpoints" in capfd.readouterr().out


def test_no_checkpoint_is_probed_before_all_are_there(
    pretrained, pretrain_overrides, tmp_path, capsys
):
    words = [*pretrain_overrides, "OUTPUT_DIR", str(tmp_path / "out")]
    assert main(["--cfg", DEMO, *words, "--checkpoints", f"{pretrained},gone.pyth"]) == 1
    assert "MODEL.CKPT" in (error := capsys.readouterr().err) and "gone.pyth" in error
    assert not (tmp_path / "out").exists()


def test_two_processes_find_what_one_finds(pretrain_overrides, tmp_path):
    keys = [
        *("PROBE.FEATURES", "[video,video.embedding,audio.embedding]"),
        *("PROBE.KINDS", "[knn,retrieval,cross_modal]", "TEST.NUM_ENSEMBLE_VIEWS", "1"),
    ]
    words = [*pretrain_overrides, *keys, "OUTPUT_DIR", str(tmp_path / "1")]
    assert main(["--cfg", DEMO, *words]) == 0
    two = two_processes(*pretrain_overrides, *keys, "OUTPUT_DIR", str(tmp_path / "2"), cfg="probes")
    assert two.returncode == 0, two.stdout
    assert results_of(tmp_path / "1")["test"] == results_of(tmp_path / "2")["test"]


def test_there_is_no_training_step_to_try(pretrain_overrides, capsys):
    assert main(["--cfg", DEMO, *pretrain_overrides, "--dry-run"]) == 1
    assert "no step to try" in capsys.readouterr().err
