"""Whole runs on real files through the command line."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from slowfast.config import load_cfg
from slowfast.datasets.media import open_media
from slowfast.engine.run import main
from slowfast.evaluation.predictions import load_predictions
from slowfast.visualization.compare import compare_runs

from .conftest import ROOT, execute, newest, results_of, two_processes

CFG = str(ROOT / "configs/demo/recognition.yaml")


@pytest.fixture(scope="module")
def finished(overrides, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "one run"
    assert main(["--cfg", CFG, *overrides, "OUTPUT_DIR", str(folder)]) == 0
    return folder


@pytest.fixture
def run(overrides, tmp_path):
    """Return ``run(*words) -> exit status`` in a folder of its own."""
    return lambda *words: main(
        ["--cfg", CFG, *overrides, "OUTPUT_DIR", str(tmp_path), *map(str, words)]
    )


@pytest.fixture
def checkpoint(finished):
    return finished / "checkpoints/checkpoint_epoch_00002.pyth"


def test_a_run_leaves_everything_that_was_promised(finished):
    present = {p.name for p in finished.iterdir()}
    assert present >= {
        *("config.yaml", "environment.json", "log.txt", "stats.jsonl", "results.json"),
        *("report.html", "checkpoints", "predictions"),
    }
    assert ".lock" not in present
    rows = [json.loads(line) for line in (finished / "stats.jsonl").read_text().splitlines()]
    kinds = [row["_type"] for row in rows]
    assert kinds.count("train_iter") == 8
    assert {"train_epoch", "val_epoch", "test_final"} <= set(kinds)
    assert {"loss", "lr", "grad_norm"} <= set(rows[0])
    steps = [row["step"] for row in rows if row["_type"] == "train_iter"]
    assert steps == list(range(1, 9))


def test_the_saved_config_is_complete_and_loads(finished, overrides):
    cfg = load_cfg([finished / "config.yaml"])
    assert cfg == load_cfg([CFG], [*overrides, "OUTPUT_DIR", str(finished)])


def test_results_can_be_computed_again_from_the_predictions(finished):
    found = load_predictions(finished / "predictions/test.npz")
    results = results_of(finished)
    top1 = 100 * np.mean(found["scores"].argmax(1) == found["label"])
    assert results["test"]["top1_acc"] == pytest.approx(top1)
    assert found["index"].tolist() == list(range(16))
    assert all(Path(str(p)).is_file() for p in found["path"])


def test_the_report_holds_pictures_tables_and_no_link_to_elsewhere(finished):
    page = (finished / "report.html").read_text()
    assert page.count("data:image/png;base64,") >= 3
    assert "Classes, worst first" in page
    words = re.sub("base64,[A-Za-z0-9+/=]+", "", page)
    assert "http" not in words.split("<h2>Config")[0]


def test_a_finished_run_is_only_tested_again(finished, run):
    before = (finished / "results.json").read_text()
    assert run("OUTPUT_DIR", finished) == 0
    assert (finished / "results.json").read_text() == before


def test_scores_do_not_depend_on_the_batch_size(finished, checkpoint, run, tmp_path):
    words = ["TRAIN.ENABLE", "False", "TEST.BATCH_SIZE", "3"]
    assert run(*words, "TEST.CHECKPOINT_FILE_PATH", checkpoint) == 0
    one = load_predictions(finished / "predictions/test.npz")
    other = load_predictions(tmp_path / "predictions/test.npz")
    np.testing.assert_allclose(one["scores"], other["scores"], atol=1e-5)


def test_a_video_of_ones_own_is_named_second_by_second(finished, overrides, demo_world, tmp_path):
    video = sorted((demo_world / "videos/Spin").glob("*"))[0]
    words = [*overrides, "OUTPUT_DIR", str(finished), "--video", str(video)]
    words += ["--out", str(tmp_path / "named.mp4"), "--top", "2"]
    done = execute(*words, tool="demo")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if " s  " in line]
    with open_media(video) as media, open_media(tmp_path / "named.mp4") as made:
        assert len(lines) == int(np.ceil(media.video.duration))
        assert made.video.num_frames == media.video.num_frames
    names = {path.name for path in (demo_world / "videos").iterdir()}
    assert {word for line in lines for word in line.split()[2::2]} <= names
    wrong = execute(*words, "--detector", "torchvision", tool="demo")
    assert wrong.returncode == 1
    assert "--boxes and --detector are for a config of TASK detection" in wrong.stdout


def test_another_run_starts_from_its_backbone(checkpoint, run, capfd):
    assert run("MODEL.INIT_METHOD", "slowfast", "MODEL.CKPT", checkpoint) == 0
    assert "0 missing, 0 of another shape" in capfd.readouterr().out


def test_a_dry_run_reports_shapes_memory_and_time_and_writes_nothing(run, tmp_path, capfd):
    folder = tmp_path / "none"
    assert run("OUTPUT_DIR", folder, "--dry-run") == 0
    out = capfd.readouterr().out
    assert "batch video: (8, 1, 3, 8, 32, 32) torch.uint8" in out
    for part in ("parameters:", "peak memory", "validation of", "would take"):
        assert part in out
    assert not folder.exists()


@pytest.mark.parametrize(
    ("name", "key", "values"), [("fold", "DATA.FOLD", (1, 2, 3)), ("seed", "RNG_SEED", (1, 7))]
)
def test_folds_and_seeds_run_in_one_command_and_are_averaged(
    name, key, values, run, tmp_path, capfd
):
    words = ["SOLVER.MAX_EPOCH", "1", "SOLVER.WARMUP_EPOCHS", "0.5"]
    assert run(*words, f"--{name}s", ",".join(map(str, values))) == 0
    summary = results_of(tmp_path)
    folders = [tmp_path / f"{name}-{value:02d}" for value in values]
    each = [results_of(folder)["test"]["top1_acc"] for folder in folders]
    assert summary["mean"]["top1_acc"] == pytest.approx(np.mean(each))
    assert summary["std"]["top1_acc"] == pytest.approx(np.std(each, ddof=1))
    assert [summary[f"{name}s"][str(v)]["top1_acc"] for v in values] == each
    assert f"results over {name}s" in capfd.readouterr().out
    found = [load_cfg([folder / "config.yaml"]).leaves()[key] for folder in folders]
    assert found == list(values)


def test_runs_are_compared_in_a_table_and_a_plot(finished, tmp_path):
    (tmp_path / "unfinished").mkdir()
    table = compare_runs([finished, tmp_path / "unfinished"], tmp_path)
    assert "top1_acc" in table
    assert "(not finished, or never tested): unfinished" in table
    assert (tmp_path / "comparison.png").read_bytes().startswith(b"\x89PNG")
    assert "one run" in (tmp_path / "comparison.csv").read_text()


@pytest.mark.parametrize("dataset", ["kinetics", "hmdb51", "video_folder"])
def test_the_other_layouts_run_too(overrides, demo_world, tmp_path, dataset):
    lists = {
        "kinetics": ("kinetics", ""),
        "hmdb51": ("hmdb51/splits", "videos"),
        "video_folder": ("folders", None),
    }
    folder, prefix = lists[dataset]
    at = overrides.index("DATA.PATH_PREFIX")
    words = [*overrides[:at], *overrides[at + 2 :]]
    words += [] if prefix is None else ["DATA.PATH_PREFIX", str(demo_world / prefix)]
    words += ["TRAIN.DATASET", dataset, "TEST.DATASET", dataset, "SOLVER.MAX_EPOCH", "1"]
    words += ["DATA.PATH_TO_DATA_DIR", str(demo_world / folder), "SOLVER.WARMUP_EPOCHS", "0.5"]
    words += ["OUTPUT_DIR", str(tmp_path)]
    assert main(["--cfg", CFG, *words]) == 0
    results = results_of(tmp_path)["test"]
    assert (results["num_videos"], results["num_unreadable"]) == (16, 0)


@pytest.mark.slow
def test_two_processes_evaluate_like_one(checkpoint, overrides, tmp_path):
    """The test set has an odd number of videos, so that the shares differ in size."""
    lists = tmp_path / "lists"
    lists.mkdir()
    source = Path(dict(zip(overrides[::2], overrides[1::2], strict=True))["DATA.PATH_TO_DATA_DIR"])
    for path in source.iterdir():
        text = path.read_text()
        (lists / path.name).write_text(
            "".join(text.splitlines(True)[:-1]) if "test" in path.name else text
        )
    words = [*overrides, "DATA.PATH_TO_DATA_DIR", str(lists), "TRAIN.ENABLE", "False"]
    words += ["TEST.CHECKPOINT_FILE_PATH", str(checkpoint)]
    assert main(["--cfg", CFG, *words, "OUTPUT_DIR", str(tmp_path / "one")]) == 0
    done = two_processes(*words, "OUTPUT_DIR", str(tmp_path / "two"))
    assert done.returncode == 0, done.stdout
    one = load_predictions(tmp_path / "one/predictions/test.npz")
    two = load_predictions(tmp_path / "two/predictions/test.npz")
    assert one["index"].tolist() == two["index"].tolist() == list(range(15))
    np.testing.assert_allclose(one["scores"], two["scores"], atol=1e-6)
    assert results_of(tmp_path / "one")["test"] == results_of(tmp_path / "two")["test"]


def test_accumulated_small_batches_step_like_one_large_batch(run, tmp_path):
    words = ["MODEL.FREEZE", "bn_statistics", "MODEL.DROPOUT_RATE", "0.0"]
    for name, steps in (("whole", "1"), ("parts", "4")):
        folder = ["OUTPUT_DIR", tmp_path / name, "TRAIN.ACCUMULATION_STEPS", steps]
        assert run(*words, *folder) == 0
    states = [newest(tmp_path / name)["model_state"] for name in ("whole", "parts")]
    torch.testing.assert_close(*states, rtol=1e-3, atol=1e-4)


def test_bfloat16_and_channels_last_train(run):
    assert run("TRAIN.MIXED_PRECISION", "True", "MODEL.CHANNELS_LAST", "True") == 0


def test_a_non_finite_loss_stops_with_the_files_of_the_batch(run, capfd):
    words = ["SOLVER.BASE_LR", "1e30", "SOLVER.WARMUP_EPOCHS", "0"]
    assert run(*words, "SOLVER.OPTIMIZING_METHOD", "sgd") == 1
    error = capfd.readouterr().err
    assert "Non-finite" in error
    assert error.count(".mp4") == 8


def test_tensorboard_files_are_written_when_asked_for(run, tmp_path):
    assert run("TENSORBOARD.ENABLE", "True") == 0
    assert list((tmp_path / "tensorboard").glob("events.out.tfevents.*"))


def test_help_config_and_help_explain_themselves(capfd):
    assert main(["--help-config", "SOLVER.BASE"]) == 0
    assert "SOLVER.BASE_LR" in capfd.readouterr().out
    assert "usage" in execute("--help").stdout


def test_a_start_from_scratch_in_a_used_folder_tests_its_own_weights(run, tmp_path):
    words = ("SOLVER.WARMUP_EPOCHS", "0")
    assert run(*words) == 0
    assert run(*words, "SOLVER.MAX_EPOCH", "1", "TRAIN.AUTO_RESUME", "False") == 0
    tested = results_of(tmp_path)["checkpoint"]
    assert tested.endswith("checkpoints/checkpoint_epoch_00001.pyth")
    assert (tmp_path / "checkpoints/earlier-1/checkpoint_epoch_00002.pyth").is_file()


def test_a_shorter_config_does_not_test_a_longer_run(finished, run, capfd):
    words = ["SOLVER.MAX_EPOCH", "1", "SOLVER.WARMUP_EPOCHS", "0"]
    assert run(*words, "OUTPUT_DIR", finished) == 1
    captured = capfd.readouterr()
    assert "this config ends after 1" in captured.err
    assert "SOLVER.MAX_EPOCH: 2 -> 1" in captured.out


def test_another_list_of_the_same_length_is_refused(finished, run, capfd):
    assert run("DATA.FOLD", "2", "OUTPUT_DIR", finished) == 1
    assert "another list of training files" in capfd.readouterr().err


def test_no_step_per_epoch_is_an_error(run, capfd):
    assert run("TRAIN.BATCH_SIZE", "64", "TRAIN.ACCUMULATION_STEPS", "4") == 1
    assert "TRAIN.ACCUMULATION_STEPS = 4" in capfd.readouterr().err


def test_more_classes_than_names_are_reported_all_the_same(run, tmp_path):
    assert run("MODEL.NUM_CLASSES", "10") == 0
    assert "class 9" in (tmp_path / "report.html").read_text()
