"""Zero-shot classification from the command line, on the tiny demo world."""

import csv
import json
import re
import sys

import numpy as np
import pytest

from slowfast.config import load_cfg
from slowfast.config.defaults import assert_and_infer_cfg
from slowfast.datasets.media import open_media
from slowfast.engine.lr_policy import get_lr_at_epoch
from slowfast.engine.moments import build_open_vocabulary
from slowfast.engine.run import main
from slowfast.evaluation.predictions import load_predictions
from slowfast.models.text.word_vectors import open_vectors
from slowfast.tasks.zero_shot import ZeroShotTask
from slowfast.utils.errors import AnnotationError, CheckpointError

from .conftest import ROOT, newest_file, results_of, run_process

CONFIG = str(ROOT / "configs/demo/zero_shot.yaml")
UNSEEN = ["Jump", "Sway", "ZigZag"]
CLASSES = ["Blink", "Bounce", "Jump", "Orbit", "Pulse", "Spin", "Sway", "ZigZag"]


@pytest.fixture(scope="module")
def words(overrides):
    return [*overrides, "SOLVER.WARMUP_EPOCHS", "0.0", "SOLVER.MAX_EPOCH", "1"]


@pytest.fixture(scope="module")
def ucf101(demo_world) -> str:
    """The test set of the demo, as ZERO_SHOT.TEST_SETS names one."""
    return f"ucf101={demo_world / 'ucf101/ucfTrainTestlist'}={demo_world / 'videos'}"


@pytest.fixture(scope="module")
def run(words, tmp_path_factory):
    folder = tmp_path_factory.mktemp("zero shot")
    assert main(["--cfg", CONFIG, *words, "OUTPUT_DIR", str(folder)]) == 0
    return folder


def task(words, **keys):
    pairs = [word for key, value in keys.items() for word in (f"ZERO_SHOT.{key}", value)]
    return ZeroShotTask(assert_and_infer_cfg(load_cfg([CONFIG], [*words, *pairs])))


def test_unseen_classes_are_tested_and_measured_beside_the_seen_ones(run):
    found = results_of(run)
    test = found["test"]
    assert found["headline"] == "ucf101/top1_acc"
    assert (test["ucf101/num_classes"], test["ucf101_generalised/num_classes"]) == (3, 8)
    assert (test["ucf101/num_videos"], test["ucf101_generalised/num_videos"]) == (6, 16)
    assert "ucf101_generalised/harmonic_mean" in test
    assert "ucf101/half_top1_acc" not in test  # half of three classes is one
    saved = load_predictions(run / "predictions/ucf101/test.npz")
    assert saved["class_names"].tolist() == UNSEEN
    np.testing.assert_allclose(np.linalg.norm(saved["embedding"], axis=1), 1, rtol=1e-5)
    assert (run / "report.html").is_file()


def test_what_was_left_out_is_written_down(run):
    with (run / "classes.csv").open() as file:
        rows = {row["class"]: row for row in csv.DictReader(file)}
    left_out = [name for name, row in rows.items() if row["trained"] == "no"]
    assert left_out == UNSEEN and rows["Spin"]["trained"] == "yes"
    assert rows["Jump"]["nearest_test_class"] == "ucf101 Jump"
    assert (rows["Jump"]["why"], rows["Spin"]["why"]) == ("too near", "")


def test_classes_with_the_words_of_a_test_class_are_left_out_whatever_the_vectors(words, tmp_path):
    made = task(words, EXCLUDE="same_words", THRESHOLD="1.9")
    why = {row["class"]: row["why"] for row in made.separation.rows}
    assert {name for name, reason in why.items() if reason == "same_words"} == set(UNSEEN)
    assert len(made.train_classes.names) == 5


def test_a_class_that_stays_with_the_words_of_a_test_class_is_named(words, caplog):
    assert "Jump" in task(words, THRESHOLD="0.0").train_classes.names
    assert "trained on, with the very words of a test class: Jump, Sway, ZigZag" in caplog.text


def test_items_of_classes_that_are_left_out_never_reach_the_loader(words):
    made = task(words)
    dataset = made.dataset("train")
    names = {dataset.items.paths[k].split("/")[-2] for k in range(len(dataset))}
    assert not names & set(UNSEEN) and len(names) == 5
    labels = {int(label) for batch in made.build_loader("train") for label in batch["label"]}
    assert labels <= set(range(5)) and dataset.items.class_names == list(made.train_classes.names)


def test_training_classes_without_any_vector_are_left_out_where_words_are_skipped(words, tmp_path):
    whole, table = task(words).separation.every, open_vectors("glove_6b_50d_actions")
    unknown = set(whole.words["Spin"])
    known = {word for found in whole.words.values() for word in found} - unknown
    rows = [" ".join([word, *map(repr, table.vector(word).tolist())]) for word in sorted(known)]
    (tmp_path / "few.txt").write_text("\n".join(rows) + "\n")
    made = task(words, VECTORS=str(tmp_path / "few.txt"), MISSING_WORDS="skip")
    assert set(whole.names) - set(made.separation.every.names) == {"Spin"}
    assert len(made.train_classes.names) == 4


def test_words_that_have_no_vector_are_named_for_all_lists_at_once(
    words, ucf101, demo_world, tmp_path
):
    for name in ("Flurbing", "Guitarr"):
        (tmp_path / name).symlink_to(demo_world / "videos/Spin")
    sets = [f"own:class_folders={tmp_path}={tmp_path}", f"plain:{ucf101}"]
    with pytest.raises(AnnotationError, match=r"'flurbing'.*'guitarr'.*'zigzag'"):
        task(words, TEST_SETS=json.dumps(sets), TEST_CLASSES="[]", TEST_NAMES="plain")


def test_names_of_other_classes_are_one_message(words, ucf101, demo_world, tmp_path, capfd):
    (tmp_path / "names.txt").write_text("Blink\nBounce\nJump\n")
    pairs = ["TRAIN.DATASET", "kinetics", "DATA.PATH_TO_DATA_DIR", str(demo_world / "kinetics")]
    pairs += ["DATA.PATH_PREFIX", str(demo_world), "ZERO_SHOT.TEST_SETS", json.dumps([ucf101])]
    pairs += ["DATA.CLASS_NAMES_PATH", str(tmp_path / "names.txt")]
    assert main(["--cfg", CONFIG, *words, *pairs, "OUTPUT_DIR", str(tmp_path / "r")]) == 1
    assert "the labels go up to 7, but only 3 classes have a name" in capfd.readouterr().err


def test_vectors_of_another_length_than_those_that_were_trained_on_are_one_line(
    run, words, tmp_path, capfd
):
    table = open_vectors("glove_6b_50d_actions")
    vectors = np.stack([table.vector(word)[:20] for word in table.words()])
    np.savez(tmp_path / "short.npz", words=table.words(), vectors=vectors)
    pairs = ["TRAIN.ENABLE", "False", "ZERO_SHOT.VECTORS", str(tmp_path / "short.npz")]
    pairs += ["TEST.CHECKPOINT_FILE_PATH", newest_file(run), "OUTPUT_DIR", str(tmp_path / "test")]
    assert main(["--cfg", CONFIG, *words, *pairs]) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert re.search(r"weight is \(50, .* and \(20, .* \(and 1 like it\).*ZERO_SHOT.VECTORS", line)


def test_several_test_sets_and_the_whole_of_one(words, ucf101, demo_world):
    videos = demo_world / "videos"
    sets = [ucf101, f"all:class_folders={videos}={videos}"]
    made = task(words, TEST_SETS=json.dumps(sets), GENERALISED="False")
    evaluations = {one.name: one for one in made.evaluations()}
    assert list(evaluations) == ["val", "ucf101", "all"]
    assert len(made.evaluation_loader(evaluations["all"]).dataset) > len(
        made.evaluation_loader(evaluations["ucf101"]).dataset
    )


@pytest.mark.parametrize(
    ("choice", "kept", "own"),
    [
        (["-Jump"], {*CLASSES} - {"Jump"}, {"spin", "sit"}),
        (["Jump", "-spin"], {"Jump"}, {"sit"}),
        (["sit", "-Jump"], {*CLASSES} - {"Jump"}, {"sit"}),
    ],
)
def test_classes_are_chosen_or_left_out_of_each_test_set(
    words, ucf101, demo_world, tmp_path, choice, kept, own
):
    for name in ("spin", "sit"):
        (tmp_path / name).symlink_to(demo_world / "videos/Spin")
    sets = json.dumps([ucf101, f"own:class_folders={tmp_path}={tmp_path}"])
    made = task(words, TEST_SETS=sets, TEST_CLASSES=json.dumps(choice), THRESHOLD="0.0")
    assert {name: set(c.names) for name, c in made.tests.items()} == {"ucf101": kept, "own": own}


def test_seen_classes_are_not_measured_on_videos_that_are_trained_on(
    words, demo_world, tmp_path, capfd
):
    videos = demo_world / "videos"
    keys = ["ZERO_SHOT.TEST_SETS", json.dumps([f"all:class_folders={videos}={videos}"])]
    keys += ["OUTPUT_DIR", str(tmp_path)]
    assert main(["--cfg", CONFIG, *words, *keys]) == 1
    found = capfd.readouterr()
    assert re.search(r"GENERALISED: \d+ items of all are trained on too", found.err)
    assert "epoch 1" not in found.out + found.err


def test_a_test_needs_no_training_list(run, words, ucf101, tmp_path):
    only = ["TRAIN.ENABLE", "False", "DATA.PATH_TO_DATA_DIR", str(tmp_path / "nowhere")]
    only += ["ZERO_SHOT.TEST_SETS", json.dumps([ucf101]), "ZERO_SHOT.GENERALISED", "False"]
    only += ["TEST.CHECKPOINT_FILE_PATH", newest_file(run), "OUTPUT_DIR", str(tmp_path / "test")]
    assert main(["--cfg", CONFIG, *words, *only]) == 0
    found, whole = (results_of(f) for f in (tmp_path / "test", run))
    assert found["test"]["top1_acc"] == whole["test"]["ucf101/top1_acc"]


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"VECTORS": ""}, "ZERO_SHOT.VECTORS is empty"),
        ({"VECTORS": "nowhere.bin"}, "nowhere.bin: no such file of word vectors"),
        ({"TEST_NAMES": "plain"}, "words of class names have no vector: .*MISSING_WORDS skip"),
        ({"TRAIN_NAMES": "ucf1"}, "TRAIN_NAMES 'ucf1'"),
        ({"TEST_CLASSES": "[Jumpp]"}, "ucf101 has no class 'Jumpp'.*Jump"),
        ({"TEST_CLASSES": "[-Jumpp]"}, "ucf101 has no class '-Jumpp'.*Jump"),
        ({"TEST_CLASSES": json.dumps([f"-{n}" for n in CLASSES])}, "leaves no class of ucf101"),
        ({"THRESHOLD": "1.9"}, "THRESHOLD 1.9 leaves no training class"),
        ({"TEST_SETS": "[ucf101]"}, "is not name=folder of lists"),
        ({"EXCLUDE": "zsl_66"}, "zsl_664"),
        ({"HELD_OUT_CLASSES": "1"}, "a single class is always found"),
        ({"EXCLUDE": "same_words", "TEST_CLASSES": "[]"}, "EXCLUDE same_words .* take all 8"),
    ],
)
def test_wrong_input_is_one_message(words, keys, problem, tmp_path, capfd):
    pairs = [word for key, value in keys.items() for word in (f"ZERO_SHOT.{key}", value)]
    assert main(["--cfg", CONFIG, *words, *pairs, "OUTPUT_DIR", str(tmp_path)]) == 1
    (line,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error")]
    assert re.search(problem, line), line


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("e2e_664", [(0, 1e-3), (59, 1e-3), (60, 1e-4), (119, 1e-4), (120, 1e-5), (149, 1e-5)]),
        ("author_50ep", [(0, 1e-4), (39, 1e-4), (40, 1e-5), (49, 1e-5)]),
        ("seed_70ep", [(0, 1e-3), (39, 1e-3), (40, 1e-4), (60, 1e-4), (61, 1e-5), (69, 1e-5)]),
        ("e2e_605", [(0, 1e-3), (60, 1e-4)]),
    ],
)
def test_the_published_recipes(name, steps):
    cfg = assert_and_infer_cfg(load_cfg([ROOT / f"configs/zero_shot/{name}.yaml"], []))
    for epoch, rate in steps:
        assert get_lr_at_epoch(cfg, epoch) == pytest.approx(rate)
    assert cfg.TRAIN.EPOCH_MAX_SAMPLES == 100_000 and cfg.TEST.NUM_ENSEMBLE_VIEWS == 25


def test_a_video_gets_labels_of_ones_own(run, words, demo_world, tmp_path):
    video = sorted((demo_world / "videos/Spin").glob("*"))[0]
    program = str(ROOT / "tools/classify_open_vocabulary.py")
    tool = [sys.executable, program, "--cfg", CONFIG, *words]
    tool += ["--video", str(video), "--out", str(tmp_path / "out.mp4"), "--top", "2"]
    labels = ["--labels", "spin turn, swimming, playing guitar"]
    done = run_process([*tool, *labels, "TEST.CHECKPOINT_FILE_PATH", newest_file(run)], 120)
    assert done.returncode == 0, done.stdout
    lines = [line for line in done.stdout.splitlines() if " s  " in line]
    with open_media(video) as media, open_media(tmp_path / "out.mp4") as made:
        assert len(lines) == int(np.ceil(media.video.duration))
        assert made.video.num_frames == media.video.num_frames
    assert all(line.count(".") == 2 for line in lines)
    wrong = run_process([*tool, "--labels", "spin, qqqq", "--ckpt", newest_file(run)], 120)
    assert wrong.returncode == 1 and "no vector: 'qqqq'" in wrong.stdout
    assert "leave the class out of --labels" in wrong.stdout
    image = run_process([*tool, *labels, "--out", "frame.png"], 120)
    assert image.returncode == 2 and "'frame.png' ends in none of .mp4" in image.stdout
    one = run_process([*tool, "--labels", "spin"], 120)
    assert one.returncode == 1 and "at least two" in one.stdout


def test_a_checkpoint_that_is_named_goes_before_that_of_the_run(run, words, tmp_path):
    pairs = ["OUTPUT_DIR", str(run), "MODEL.INIT_METHOD", "auto"]
    pairs += ["MODEL.CKPT", str(tmp_path / "nowhere.pyth")]
    cfg = assert_and_infer_cfg(load_cfg([CONFIG], [*words, *pairs]))
    build_open_vocabulary(cfg, ["spin", "swim"])
    with pytest.raises(CheckpointError, match="nowhere"):
        build_open_vocabulary(cfg, ["spin", "swim"], only_ckpt=True)
