"""Multi-label classification as whole runs on the demo world in Charades' format."""

import csv
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from engine.conftest import (
    ROOT,
    assert_the_end_repeats,
    newest,
    newest_file,
    results_of,
    two_processes,
)

from slowfast.config import load_cfg
from slowfast.datasets.lists.charades import read_frame_videos
from slowfast.engine.run import main
from slowfast.evaluation.multilabel import main as judge
from slowfast.evaluation.predictions import load_predictions
from slowfast.synthetic.charades_world import write_charades_world
from slowfast.tasks.build import build_task
from slowfast.tasks.multilabel import MultiLabelEvaluator
from slowfast.visualization.compare import compare_runs

FRAME_RATE = 24
OFTEN = ("TRAIN.CHECKPOINT_MINUTES", "0.0001")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The world with three test videos, so that two processes share them unevenly."""
    folder = tmp_path_factory.mktemp("charades world")
    write_charades_world(folder, "tiny")
    lists = folder / "charades/frame_lists"
    lines = (lists / "val.csv").read_text().splitlines(keepends=True)
    videos = sorted({line.split()[0] for line in lines[1:]})[:3]
    kept = [line for line in lines[1:] if line.split()[0] in videos]
    (lists / "val.csv").write_text("".join([lines[0], *kept]))
    return folder / "charades"


@pytest.fixture(scope="module")
def words(world):
    return [
        *("DATA.PATH_TO_DATA_DIR", str(world / "frame_lists")),
        *("DATA.PATH_PREFIX", str(world / "Charades_v1_rgb")),
        *("CHARADES.VIDEO_DIR", str(world / "videos"), "SOLVER.MAX_EPOCH", "1"),
        *("SOLVER.WARMUP_EPOCHS", "0.0", "DATA_LOADER.NUM_WORKERS", "0", "TRAIN.BATCH_SIZE", "4"),
        *("DATA.TRAIN_CROP_SIZE", "32", "DATA.TEST_CROP_SIZE", "32", "DATA.NUM_FRAMES", "8"),
        *("DATA.TRAIN_JITTER_SCALES", "[36,40]", "TEST.NUM_ENSEMBLE_VIEWS", "2"),
        *("TENSORBOARD.ENABLE", "False"),
    ]


@pytest.fixture(scope="module")
def run(words, one_thread):
    """Return ``run(folder, *words) -> exit status``, in this process."""
    cfg = str(ROOT / "configs/demo/charades.yaml")

    def call(folder, *more):
        precise = () if "BN.USE_PRECISE_STATS" in more else ("BN.NUM_BATCHES_PRECISE", "2")
        return main(["--cfg", cfg, *words, *precise, "OUTPUT_DIR", str(folder), *more])

    return call


@pytest.fixture(scope="module")
def trained(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    assert run(folder, *OFTEN) == 0
    return folder


def test_a_run_trains_with_precise_statistics_tests_and_reports(trained):
    found = results_of(trained)["test"]
    assert 0 < found["map"] <= 100 and found["num_videos"] == 3
    log = (trained / "log.txt").read_text()
    assert "Statistics of 17 normalisations over 2 batches" in log
    assert "Classes, best first" in (trained / "report.html").read_text()


def test_the_saved_scores_are_judged_alike_by_the_command(trained, capsys):
    assert judge(["--scores", str(trained / "predictions/test.npz")]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(f"mAP {results_of(trained)['test']['map']:.2f} %")


@pytest.mark.slow
def test_two_processes_measure_what_one_does(trained, words, tmp_path):
    test_only = ("TRAIN.ENABLE", "False", "TEST.CHECKPOINT_FILE_PATH", newest_file(trained))
    folder = ("OUTPUT_DIR", str(tmp_path))
    done = two_processes(*words, *test_only, *folder, cfg="charades")
    assert done.returncode == 0, done.stdout
    assert results_of(tmp_path)["test"]["map"] == pytest.approx(
        results_of(trained)["test"]["map"], abs=1e-4
    )
    found, want = (load_predictions(f / "predictions/test.npz") for f in (tmp_path, trained))
    np.testing.assert_allclose(found["scores"], want["scores"], atol=1e-5)


@pytest.mark.slow
def test_two_processes_train_with_synchronised_statistics(words, tmp_path):
    sync = ("BN.NORM_TYPE", "sync_batchnorm", "BN.NUM_SYNC_DEVICES", "2", "TEST.ENABLE", "False")
    done = two_processes(
        *words, *sync, "BN.NUM_BATCHES_PRECISE", "2", "OUTPUT_DIR", str(tmp_path), cfg="charades"
    )
    assert done.returncode == 0, done.stdout
    state = newest(tmp_path)["model_state"]
    assert all(torch.isfinite(t).all() for t in state.values() if t.is_floating_point())


def official_lists(world, folder):
    """Write the official annotations that say what the frame lists say."""
    for split, name in (("train", "train"), ("val", "test")):
        videos = read_frame_videos(world / f"frame_lists/{split}.csv", "")
        with open(folder / f"Charades_v1_{name}.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "actions", "length"])
            for video in videos:
                actions = [
                    f"c{k:03d} {first / FRAME_RATE:.4f} {(last + 0.5) / FRAME_RATE:.4f}"
                    for k, first, last in video.intervals.tolist()
                ]
                writer.writerow([video.name, ";".join(actions), "9"])


def test_videos_with_official_annotations_give_what_frames_give(run, trained, world, tmp_path):
    official_lists(world, tmp_path)
    source = ("CHARADES.SOURCE", "video", "DATA.PATH_TO_DATA_DIR", str(tmp_path))
    test_only = ("TRAIN.ENABLE", "False", "TEST.CHECKPOINT_FILE_PATH", newest_file(trained))
    assert run(tmp_path / "run", *source, *test_only) == 0
    found, want = (
        load_predictions(f / "predictions/test.npz") for f in (tmp_path / "run", trained)
    )
    names = [[Path(p).stem for p in arrays["path"]] for arrays in (found, want)]
    assert names[0] == names[1]
    np.testing.assert_array_equal(found["labels"], want["labels"])
    assert np.abs(found["scores"] - want["scores"]).mean() < 0.02


def test_a_run_that_lost_its_end_repeats_it_to_the_last_bit(run, trained, tmp_path):
    assert_the_end_repeats(trained, tmp_path / "again", lambda: run(tmp_path / "again", *OFTEN))


def test_a_checkpoint_of_another_run_is_where_a_run_starts(run, trained, tmp_path):
    start = ("MODEL.INIT_METHOD", "auto", "MODEL.CKPT", str(trained), "MODEL.FREEZE", "backbone")
    seed = ("RNG_SEED", "7", "BN.USE_PRECISE_STATS", "False")
    assert run(tmp_path / "with", *seed, *start) == run(tmp_path / "without", *seed) == 0
    found, want = (newest(f)["model_state"] for f in (tmp_path / "with", trained))
    backbone = [name for name in want if name.startswith("backbone.")]
    report = json.loads((tmp_path / "with/checkpoint_import.json").read_text())
    assert len(report["loaded"]) == len(backbone)
    assert all(torch.equal(found[name], want[name]) for name in backbone)
    assert (
        results_of(tmp_path / "with")["test"]["map"]
        != results_of(tmp_path / "without")["test"]["map"]
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (("DATA.PATH_TO_DATA_DIR", "nowhere"), "nowhere/train.csv"),
        (("DATA.PATH_PREFIX", "nowhere"), "listed files do not exist"),
        (("MODEL.NUM_CLASSES", "3"), "is not below MODEL.NUM_CLASSES = 3"),
        (("MODEL.NUM_CLASSES", "30"), "one line such as 'c000"),
        (("MODEL.LOSS_FUNC", "mse"), "MODEL.LOSS_FUNC is 'mse'"),
        (("MODEL.HEAD_ACT", "softmax"), "need sigmoid"),
        (("DATA.MULTI_LABEL", "False"), "DATA.MULTI_LABEL True"),
        (("CHARADES.SOURCE", "video"), "Charades_v1_train.csv"),
    ],
)
def test_what_is_wrong_ends_the_run_with_its_reason(run, tmp_path, wrong, message, capsys):
    assert run(tmp_path, *wrong) == 1
    err = capsys.readouterr().err
    assert message in err and "Traceback" not in err


def test_without_any_positive_the_measure_is_undefined_and_said_why(
    run, world, trained, tmp_path, capfd
):
    lists = tmp_path / "lists"
    shutil.copytree(world / "frame_lists", lists)
    lines = (lists / "val.csv").read_text().splitlines()
    lines = [lines[0], *(line.rpartition(" ")[0] + ' ""' for line in lines[1:])]
    (lists / "val.csv").write_text("\n".join(lines) + "\n")
    words = ["DATA.PATH_TO_DATA_DIR", str(lists), "TRAIN.EVAL_PERIOD", "1"]
    assert run(tmp_path / "run", *words) == 0
    out = capfd.readouterr().out
    assert "undefined: no class has a positive video in" in out
    assert "map undefined" in out
    found = results_of(tmp_path / "run")["test"]
    assert found["map"] is None and found["chance_map"] is None
    assert found["num_classes_measured"] == 0
    assert "undefined" in (tmp_path / "run/report.html").read_text()
    assert "map" in compare_runs([trained, tmp_path / "run"], tmp_path / "compared.html")


def test_unreadable_videos_rank_last_also_among_logits():
    dataset = SimpleNamespace(videos=SimpleNamespace(source="val.csv"))
    evaluator = MultiLabelEvaluator(dataset, "max")
    scores = np.array([[-3.0], [-5.0], [0.0], [-4.0]], np.float32)[:, None]
    labels = np.array([[1], [0], [0], [1]])
    valid = np.array([True, True, False, True])
    evaluator.update({"index": np.arange(4), "scores": scores, "labels": labels, "valid": valid})
    assert evaluator.compute()["map"] == 100
    assert evaluator.arrays["scores"].argmin() == 2


@pytest.mark.parametrize(("follow", "blue_first"), [("False", False), ("True", True)])
def test_reversed_channels_undo_the_order_of_opencv(follow, blue_first):
    words = ["DATA.REVERSE_INPUT_CHANNEL", "True", "DATA.FOLLOW_CHECKPOINT", follow]
    cfg = load_cfg([ROOT / "configs/demo/charades.yaml"], words)
    assert build_task(cfg).preprocess.reverse_channels is blue_first
