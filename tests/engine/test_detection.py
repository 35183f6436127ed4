"""Action detection as whole runs on the demo world in AVA's format."""

import json
import shutil

import numpy as np
import pytest
from engine.conftest import ROOT, assert_the_end_repeats, newest_file, results_of, two_processes
from oracles.checkpoints import severe_layout, write

from slowfast.datasets.media import open_media
from slowfast.engine.run import main
from slowfast.evaluation.ava.__main__ import main as judge
from slowfast.evaluation.predictions import load_predictions

OFTEN = ("TRAIN.CHECKPOINT_MINUTES", "0.0001", "TRAIN.BATCH_SIZE", "4")
METHODS = sorted(
    path.stem.removeprefix("32x2_112x112_R18_v2.2_")
    for path in (ROOT / "configs/AVA/VSSL").glob("32x2*.yaml")
)


@pytest.fixture(scope="session")
def demo(places):
    return [
        *("--cfg", str(ROOT / "configs/demo/ava.yaml"), *places, "SOLVER.MAX_EPOCH", "1"),
        *("SOLVER.WARMUP_EPOCHS", "0.0", "DATA.TRAIN_JITTER_SCALES", "[72,88]"),
        *("DATA.TRAIN_CROP_SIZE", "72", "DATA.TEST_CROP_SIZE", "72"),
    ]


@pytest.fixture(scope="module")
def trained(demo, one_thread, tmp_path_factory):
    """A run of one epoch."""
    folder = tmp_path_factory.mktemp("run")
    assert main([*demo, *OFTEN, "OUTPUT_DIR", str(folder)]) == 0
    return folder


def test_a_run_trains_tests_and_reports(trained):
    found = results_of(trained)
    assert (found["task"], found["headline"]) == ("detection", "map")
    assert 0 < found["test"]["map"] <= 100
    assert found["test"]["num_unreadable"] == 0
    assert found["protocol"]["match_order"] == "input"
    assert found["protocol"]["detections_of_other_classes"] > 0
    assert "protocol: match_order input" in (trained / "log.txt").read_text()
    page = (trained / "report.html").read_text()
    assert "Key frames" in page and "average_precision" in page
    assert f"{found['protocol']['detections_excluded']} detections excluded" in page


def test_the_written_detections_are_judged_alike_by_the_command(trained, ava_folder, capsys):
    annotations = ava_folder / "annotations"
    words = [
        *("--ground-truth", str(annotations / "ava_val_v2.2.csv")),
        *("--detections", str(trained / "predictions/detections.csv")),
        *("--label-map", str(next(annotations.glob("*.pbtxt")))),
        *("--excluded", str(annotations / "ava_val_excluded_timestamps_v2.2.csv")),
        *("--json", str(trained / "again.json")),
    ]
    assert judge(words) == 0
    again = json.loads((trained / "again.json").read_text())
    assert 100 * again["mean_ap"] == pytest.approx(results_of(trained)["test"]["map"], abs=1e-6)
    assert again["match_order"] == "input"


def scores_with(demo, trained, folder, *words):
    test_only = ("TRAIN.ENABLE", "False", "TEST.CHECKPOINT_FILE_PATH")
    assert main([*demo, *test_only, newest_file(trained), "OUTPUT_DIR", str(folder), *words]) == 0
    return load_predictions(folder / "predictions/test.npz")["box_scores"]


def test_videos_give_what_their_frames_give(demo, trained, tmp_path):
    frames = load_predictions(trained / "predictions/test.npz")["box_scores"]
    videos = scores_with(demo, trained, tmp_path, "AVA.SOURCE", "video")
    assert np.abs(frames - videos).mean() < 0.02
    found, again = results_of(trained)["test"], results_of(tmp_path)["test"]
    assert found["num_boxes"] == again["num_boxes"]


def test_the_batch_size_of_the_test_does_not_matter(demo, trained, tmp_path):
    frames = load_predictions(trained / "predictions/test.npz")["box_scores"]
    one = scores_with(demo, trained, tmp_path, "TEST.BATCH_SIZE", "1")
    np.testing.assert_allclose(frames, one, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_two_processes_measure_what_one_does(places, demo, trained, tmp_path):
    words = ("TRAIN.ENABLE", "False", "TEST.CHECKPOINT_FILE_PATH", newest_file(trained))
    done = two_processes(*demo[2:], *words, "OUTPUT_DIR", str(tmp_path), cfg="ava")
    assert done.returncode == 0, done.stdout
    assert results_of(tmp_path)["test"]["map"] == pytest.approx(
        results_of(trained)["test"]["map"], abs=1e-6
    )
    assert (tmp_path / "predictions/detections.csv").is_file()


def test_a_run_that_lost_its_end_repeats_it_to_the_last_bit(demo, trained, tmp_path):
    words = [*demo, *OFTEN, "OUTPUT_DIR", str(tmp_path / "again")]
    assert_the_end_repeats(trained, tmp_path / "again", lambda: main(words))


def test_too_many_unreadable_key_frames_end_the_run(demo, ava_folder, tmp_path, capsys):
    shutil.copytree(ava_folder, tmp_path / "w")
    for folder in sorted((tmp_path / "w/frames").iterdir())[:4]:
        for frame in folder.iterdir():
            frame.write_bytes(b"torn")
    words = ("AVA.FRAME_DIR", str(tmp_path / "w/frames"), "OUTPUT_DIR", str(tmp_path / "run"))
    assert main([*demo, *words, "DATA.MAX_BAD_FRACTION", "0.2", "DATA.MAX_RETRIES", "20"]) == 1
    assert "DATA.MAX_BAD_FRACTION" in capsys.readouterr().err


def test_a_mirrored_test_scores_otherwise(demo, trained, tmp_path):
    frames = load_predictions(trained / "predictions/test.npz")["box_scores"]
    mirrored = scores_with(demo, trained, tmp_path, "AVA.TEST_FORCE_FLIP", "True")
    assert 1e-4 < np.abs(frames - mirrored).mean() < 0.5


def test_a_video_is_written_with_what_its_people_do(trained, demo, ava_folder, tmp_path, run_tool):
    tool = run_tool("demo")
    lines = (ava_folder / "annotations/ava_val_v2.2.csv").read_text().splitlines()
    video = lines[0].split(",")[0]
    boxes, out = tmp_path / "boxes.csv", tmp_path / "annotated.mp4"
    boxes.write_text("\n".join(line for line in lines if line.startswith(video)))
    file = str(ava_folder / f"videos/{video}.mp4")
    words = ["--video", file, "--boxes", str(boxes), "--out", str(out), *demo]
    run = ["OUTPUT_DIR", str(trained), "AVA.FRAME_RATE", "30"]
    done = tool(*words, "--first-second", "900", "--score", "0", *run)
    assert done.returncode == 0 and "boxes" in done.stdout
    with open_media(out) as annotated, open_media(file) as plain:
        assert annotated.video.num_frames == plain.video.num_frames
        frames = [media.read_frames([2 * 30])[0].float() for media in (annotated, plain)]
    height, width = frames[1].shape[-2:]
    assert frames[0].shape == (3, 5 * height, 5 * width)  # enlarged, for the words
    changed = frames[0] - frames[1].repeat_interleave(5, dim=1).repeat_interleave(5, dim=2)
    assert changed.abs().amax(dim=0).gt(100).float().mean() > 0.01
    done = tool("--video", file, *demo, *run)
    assert done.returncode == 1 and "give --boxes or --detector" in done.stderr
    done = tool("--video", "nowhere.mp4", *words[2:], *run)
    assert done.returncode == 1 and "nowhere.mp4: no such file" in done.stderr


@pytest.mark.parametrize("method", METHODS)
def test_every_published_config_takes_a_step_from_its_checkpoint(
    method, places, recorded, one_thread, tmp_path, light_files
):
    words = [*places, "NUM_GPUS", "0", "TRAIN.BATCH_SIZE", "2", "MODEL.NUM_CLASSES", "12"]
    words += ["DATA.NUM_FRAMES", "8", "TEST.BATCH_SIZE", "1", "AVA.FULL_TEST_ON_VAL", "True"]
    words += ["DATA.TRAIN_CROP_SIZE", "48", "DATA.TEST_CROP_SIZE", "48"]
    words += ["DATA.TRAIN_JITTER_SCALES", "[56,64]"]
    name = method.removesuffix("_visible")
    if name != "scratch":
        content = severe_layout(recorded(f"severe/ckpt_{name}.json"))
        words += ["MODEL.CKPT", str(write(tmp_path, content))]
    cfg = ROOT / f"configs/AVA/VSSL/32x2_112x112_R18_v2.2_{method}.yaml"
    assert main(["--cfg", str(cfg), "--dry-run", *words, "OUTPUT_DIR", str(tmp_path)]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("AVA.ANNOTATION_DIR", "nowhere"), "nowhere/ava_train_v2.2.csv"),
        (("AVA.FRAME_LIST_DIR", "nowhere"), "nowhere/train.csv"),
        (("AVA.TEST_LISTS", "['train.csv']"), "videos that no frame list or video file has"),
        (("AVA.DETECTION_SCORE_THRESH", "1.0"), "no box is left"),
        (("MODEL.NUM_CLASSES", "5"), "is not among the 5 of MODEL.NUM_CLASSES"),
        (("DETECTION.SPATIAL_SCALE_FACTOR", "16"), "spans 32 pixels: set it to 32"),
        (("MODEL.LOSS_FUNC", "bce_logit"), "MODEL.LOSS_FUNC is 'bce_logit'"),
        (("MODEL.HEAD_ACT", "softmax"), "MODEL.HEAD_ACT is 'softmax'"),
        (("AVA.LABEL_MAP_FILE", "nowhere.pbtxt"), "AVA.LABEL_MAP_FILE in AVA.ANNOTATION_DIR"),
        (("AVA.GROUNDTRUTH_FILE", "nowhere.csv"), "AVA.GROUNDTRUTH_FILE in AVA.ANNOTATION_DIR"),
        (("AVA.EXCLUSION_FILE", "nowhere.csv"), "AVA.EXCLUSION_FILE in AVA.ANNOTATION_DIR"),
        (("DETECTION.ENABLE", "False"), "set DETECTION.ENABLE True"),
    ],
)
def test_what_is_wrong_ends_the_run_with_its_reason(demo, tmp_path, words, message, capsys):
    words = ("OUTPUT_DIR", str(tmp_path), "AVA.FULL_TEST_ON_VAL", "True", *words)
    assert main([*demo, *words]) == 1
    out, err = capsys.readouterr()
    assert message in err and "Traceback" not in err
    assert "step 1/" not in out
    assert main([*demo, "--dry-run", *words]) == 1


@pytest.mark.parametrize("period", ["0", "1"])
def test_a_label_map_of_other_classes_is_refused_before_training(
    demo, ava_folder, tmp_path, capsys, period
):
    never = tmp_path / "never.pbtxt"
    never.write_text('item {\n  name: "never"\n  id: 2\n}\n')
    words = ["AVA.LABEL_MAP_FILE", str(never), "TRAIN.EVAL_PERIOD", period]
    assert main([*demo, *words, "OUTPUT_DIR", str(tmp_path / "run")]) == 1
    out, err = capsys.readouterr()
    assert f"None of the 1 classes of {never}" in err and "ava_val_v2.2.csv" in err
    assert "step 1/" not in out
