"""Zero-shot runs that choose their epoch, start from still images, and show their classes."""

import csv
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from oracles.checkpoints import zero_shot_content
from oracles.media_files import write_scenes

from slowfast.checkpoint.store import CheckpointStore
from slowfast.config import load_cfg
from slowfast.config.defaults import assert_and_infer_cfg
from slowfast.engine.run import main
from slowfast.engine.test import best_checkpoint
from slowfast.evaluation.predictions import load_predictions
from slowfast.tasks.zero_shot import ZeroShotEvaluator, ZeroShotTask
from slowfast.tasks.zero_shot_classes import Classes
from slowfast.utils.errors import CheckpointError, ConfigError

from .conftest import ROOT, newest, results_of, rows

CONFIG = str(ROOT / "configs/demo/zero_shot.yaml")
UNSEEN = ["Jump", "Sway", "ZigZag"]


@pytest.fixture(scope="module")
def words(overrides):
    keys = ["SOLVER.WARMUP_EPOCHS", "0.0", "TRAIN.EVAL_PERIOD", "1", "TRAIN.CHECKPOINT_PERIOD", "1"]
    keys += ["TRAIN.CHECKPOINT_KEEP_LAST", "0", "ZERO_SHOT.GENERALISED", "False"]
    return [*overrides, *keys]


@pytest.fixture(scope="module")
def chosen_on_test(words, tmp_path_factory):
    folder = tmp_path_factory.mktemp("zero shot") / "run"
    keys = ("ZERO_SHOT.SELECT_ON_TEST", "True", "TEST.WEIGHTS", "best")
    assert main(["--cfg", CONFIG, *words, *keys, "OUTPUT_DIR", str(folder)]) == 0
    return folder


def task(words, *keys):
    return ZeroShotTask(assert_and_infer_cfg(load_cfg([CONFIG], [*words, *keys])))


def test_a_choice_on_the_test_set_is_labelled_in_the_results(chosen_on_test):
    found = results_of(chosen_on_test)
    label = "best epoch ON THE TEST SET ucf101 (ZERO_SHOT.SELECT_ON_TEST)"
    assert found["protocol"] == {"model_choice": label, "average_over_clips": "features"}
    validated = rows(chosen_on_test, "val_epoch")
    assert [row["num_videos"] for row in validated] == [6, 6]  # those of the unseen classes
    best = max(validated, key=lambda row: (row["top1_acc"], row["epoch"]))["epoch"]
    assert found["checkpoint"].endswith(f"checkpoint_epoch_{best:05d}.pyth")


def test_the_test_sets_choose_only_where_the_best_epoch_is_tested(words):
    with pytest.raises(ConfigError, match=r"SELECT_ON_TEST.*TEST\.WEIGHTS best"):
        task(words, "ZERO_SHOT.SELECT_ON_TEST", "True")


def test_held_out_training_classes_validate_among_themselves(words, tmp_path):
    keys = ("ZERO_SHOT.HELD_OUT_CLASSES", "2", "TEST.WEIGHTS", "best")
    made = task(words, *keys)
    trained, held = made.train_classes.names, made.separation.held_out.names
    assert (len(trained), len(held)) == (3, 2) and not {*trained, *held} & {*UNSEEN}
    assert made.dataset("val").items.class_names == list(held)
    files = made.dataset("train").items.paths
    assert {path.split("/")[-2] for path in files} == set(trained)
    assert made.model_choice == "best epoch by 2 held-out training classes"
    with pytest.raises(ConfigError, match="HELD_OUT_CLASSES 5 leaves none of the 5"):
        task(words, "ZERO_SHOT.HELD_OUT_CLASSES", "5").train_classes  # noqa: B018


def test_the_best_epoch_with_a_checkpoint_is_taken(tmp_path, caplog):
    store = CheckpointStore(tmp_path)
    stats = tmp_path / "stats.jsonl"
    measured = {1: 10.0, 2: 30.0, 3: 20.0, 4: 20.0, 5: None}
    lines = [
        {"_type": "val_epoch", "step": e, "epoch": e, "top1_acc": v} for e, v in measured.items()
    ]
    stats.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(CheckpointError, match=r"of the 4 epochs .* none has a checkpoint"):
        best_checkpoint(stats, store, "top1_acc")
    for epoch in (1, 3, 4, 5):
        store.path(epoch).touch()
    assert best_checkpoint(stats, store, "top1_acc") == store.path(4)
    store.path(2).touch()
    assert best_checkpoint(stats, store, "top1_acc") == store.path(2)


def test_the_report_shows_training_classes_and_nearest_names(chosen_on_test):
    page = (chosen_on_test / "report.html").read_text()
    assert "Training classes near the test classes" in page
    assert "Nearest names of some videos" in page
    assert "Tested: the best epoch ON THE TEST SET ucf101" in page
    saved = load_predictions(chosen_on_test / "predictions/test.npz")
    kept = dict(zip(saved["train_names"].tolist(), saved["train_kept"].tolist(), strict=True))
    assert [name for name, good in kept.items() if not good] == UNSEEN
    np.testing.assert_allclose(np.linalg.norm(saved["train_vectors"], axis=1), 1, rtol=1e-5)


@pytest.fixture
def scenes(tmp_path):
    """A tiny SUN397."""
    write_scenes(tmp_path, tmp_path / "images", ["/a/abbey", "/b/beach", "/l/lake"], 3)
    return tmp_path


def test_still_images_pretrain_a_network_that_goes_on_with_videos(
    words, scenes, demo_world, tmp_path
):
    sets = [f"ucf101={demo_world / 'ucf101/ucfTrainTestlist'}={demo_world / 'videos'}"]
    stills = ["TRAIN.DATASET", "sun397", "DATA.STILL_IMAGES", "True", "TRAIN.EVAL_PERIOD", "0"]
    stills += ["DATA.PATH_TO_DATA_DIR", str(scenes), "DATA.PATH_PREFIX", str(scenes / "images")]
    stills += ["ZERO_SHOT.TRAIN_NAMES", "sun397", "ZERO_SHOT.TEST_SETS", json.dumps(sets)]
    stills += ["TRAIN.BATCH_SIZE", "4", "SOLVER.MAX_EPOCH", "1"]
    stills += ["OUTPUT_DIR", str(tmp_path / "sun")]
    assert main(["--cfg", CONFIG, *words, *stills]) == 0
    with (tmp_path / "sun/classes.csv").open() as file:
        assert [row["class"] for row in csv.DictReader(file)] == ["abbey", "beach", "lake"]
    start = ["MODEL.INIT_METHOD", "slowfast", "MODEL.CKPT", str(tmp_path / "sun")]
    start += ["ZERO_SHOT.START_HEAD", "checkpoint", "SOLVER.BASE_LR", "1e-9"]
    start += ["SOLVER.MAX_EPOCH", "1", "OUTPUT_DIR", str(tmp_path / "video")]
    assert main(["--cfg", CONFIG, *words, *start]) == 0
    before, after = (newest(tmp_path / name)["model_state"] for name in ("sun", "video"))
    for name in ("regressor.weight", "backbone.stem.0.weight"):
        if name in before:
            torch.testing.assert_close(after[name], before[name], rtol=0, atol=1e-5)
    found = results_of(tmp_path / "sun")["test"]
    assert found["num_classes"] == 3
    shutil.rmtree(tmp_path / "video")


@pytest.fixture
def release(words, recorded, tmp_path):
    """Return ``run(extra layer) -> embeddings`` of a test of a released file."""
    names = ["jump", "sway", "zig", "zag", "cross", "left", "right", "swing"]
    vectors = np.random.default_rng(0).normal(size=(len(names), 300)).astype(np.float32)
    np.savez(tmp_path / "table.npz", words=np.array(names), vectors=vectors)
    content = zero_shot_content(recorded("zeroshot/state_dict_r2plus1d_18.json"), gain=6.0)

    def run(extra):
        folder = tmp_path / (extra or "plain")
        state = dict(content["state_dict"])
        if extra:
            state[f"module.{extra}.weight"] = torch.zeros(664, 512)
            state[f"module.{extra}.bias"] = torch.zeros(664)
        torch.save({**content, "state_dict": state}, tmp_path / "released.pth.tar")
        keys = ["MODEL.ARCH", "r2plus1d_18", "MODEL.INIT_METHOD", "zero_shot"]
        keys += ["MODEL.CKPT", str(tmp_path / "released.pth.tar"), "TRAIN.ENABLE", "False"]
        keys += ["ZERO_SHOT.VECTORS", str(tmp_path / "table.npz"), "OUTPUT_DIR", str(folder)]
        assert main(["--cfg", CONFIG, *words, *keys, "TEST.NUM_ENSEMBLE_VIEWS", "1"]) == 0
        found = results_of(folder)
        assert found["checkpoint"].endswith("released.pth.tar")
        assert found["test"]["num_videos"] == 6
        return load_predictions(folder / "predictions/test.npz")["embedding"]

    return run


def test_a_released_file_with_a_second_head_is_tested_as_one_without(release):
    """Older released files have a dense layer over the training classes beside the projection."""
    plain = release("")
    assert plain.shape == (6, 300)
    for extra in ("classifier", "model.6"):
        np.testing.assert_array_equal(release(extra), plain)


def test_combinations_of_known_words_are_tested_on_those_never_seen(words, demo_world, tmp_path):
    folder = demo_world / "combinations"
    keys = ["DATA.PATH_TO_DATA_DIR", str(folder / "videos"), "TRAIN.EVAL_PERIOD", "0"]
    keys += ["ZERO_SHOT.VECTORS", str(folder / "vectors.npz"), "SOLVER.MAX_EPOCH", "1"]
    config = CONFIG.replace("zero_shot.yaml", "zero_shot_combinations.yaml")
    place = words.index("DATA.PATH_PREFIX")
    others = words[:place] + words[place + 2 :]
    assert main(["--cfg", config, *others, *keys, "OUTPUT_DIR", str(tmp_path)]) == 0
    found = results_of(tmp_path)["test"]
    assert found["num_classes"] == 16 and found["chance_top1"] == 100 / 16
    with (tmp_path / "classes.csv").open() as file:
        trained = [row["class"] for row in csv.DictReader(file) if row["trained"] == "yes"]
    assert len(trained) == 16 and "Spin_red" in trained


def test_halves_of_the_classes_are_measured_from_four_classes_on():
    for count in (3, 4):
        names = tuple("abcd"[:count])
        classes = Classes(names, {}, np.eye(count, dtype=np.float32))
        dataset = SimpleNamespace(classes=classes, separation=None, split="test")
        found = {
            "embedding": np.eye(count),
            "label": np.arange(count),
            "valid": np.ones(count, bool),
        }
        measured = ZeroShotEvaluator(dataset, {}).measure(found)
        assert ("half_top1_acc" in measured) == (count == 4) and measured["top1_acc"] == 100.0
