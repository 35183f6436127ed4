"""Checking data in AVA's form: every disagreement is named, nothing good is accused."""

import csv
import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from slowfast.config import load_cfg
from slowfast.dataprep.ava_prepare.folders import COLUMNS as RECORD_COLUMNS
from slowfast.dataprep.ava_verify import verify_ava
from slowfast.evaluation.ava.files import read_ground_truth
from slowfast.utils.errors import AnnotationError
from slowfast.utils.files import write_csv

RATE, SECONDS = 5, 6
COUNT = RATE * SECONDS
BOX, OTHER = "0.1,0.1,0.5,0.9", "0.500,0.2,0.9,0.8"
SPLITS = {"train": ("-a", "b"), "val": ("c",)}


class World:
    """Three videos of six seconds with frames, lists and boxes; a test breaks what it is about."""

    def __init__(self, folder):
        self.frames, self.lists = folder / "frames", folder / "annotations"
        self.out = folder / "out"
        self.lists.mkdir()
        rng = np.random.default_rng(0)
        for split, videos in SPLITS.items():
            for video in videos:
                (self.frames / video).mkdir(parents=True)
                for k in range(COUNT):
                    frame = rng.integers(0, 255, (12, 16, 3), np.uint8)
                    Image.fromarray(frame).save(self.frames / self.frame(video, k))
            self.write_frame_list(split, {video: COUNT for video in videos})
            rows = [f"{v},{s:04d},{BOX},1,0" for v in videos for s in (902, 903)]
            rows += [f"{v},0902,{OTHER},{action},1" for v in videos for action in (2, 3)]
            self.write(f"ava_{split}_v2.2.csv", rows)
            rows = [f"{v},{s},0.11,0.1,0.5,0.91,1,0.95" for v in videos for s in (902, 903)]
            self.write(f"found_{split}.csv", [*rows, f"{videos[0]},904,0,0,1,1,,0.2"])
        self.write("excluded.csv", [])
        names = "".join(f'item {{\n  name: "{name}"\n  id: {k}\n}}\n' for k, name in NAMES.items())
        self.write("map.pbtxt", [names])

    @staticmethod
    def frame(video, k):
        return f"{video}/{video}_{k + 1:06d}.jpg"

    def write(self, name, rows):
        (self.lists / name).write_text("".join(f"{row}\n" for row in rows))

    def add(self, name, *rows):
        self.write(name, [*(self.lists / name).read_text().splitlines(), *rows])

    def write_frame_list(self, split, counts):
        rows = [
            f'{video} 0 {k} {self.frame(video, k)} ""'
            for video, count in counts.items()
            for k in range(count)
        ]
        self.write(f"{split}.csv", ["original_vido_id video_id frame_id path labels", *rows])

    def words(self):
        """Return the keys of a config that describes this world."""
        return [
            *("TRAIN.DATASET", "ava", "TEST.DATASET", "ava", "MODEL.NUM_CLASSES", "4"),
            *("AVA.FRAME_DIR", str(self.frames), "AVA.FRAME_RATE", str(RATE)),
            *("AVA.FRAME_LIST_DIR", str(self.lists), "AVA.ANNOTATION_DIR", str(self.lists)),
            *("AVA.TRAIN_PREDICT_BOX_LISTS", "['found_train.csv', 'ava_train_v2.2.csv']"),
            *("AVA.TEST_PREDICT_BOX_LISTS", "['found_val.csv']"),
            *("AVA.LABEL_MAP_FILE", "map.pbtxt", "AVA.EXCLUSION_FILE", "excluded.csv"),
        ]

    def verify(self, *words, full=False):
        cfg = load_cfg([], [*self.words(), *words])
        return verify_ava(cfg, self.out, workers=0, full=full)


NAMES = {1: "sit", 2: "stand", 4: "sing"}


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_a_good_dataset_is_ok_and_counted(world):
    report = world.verify()
    assert report.ok, str(report)
    assert "train: 2 of 2 videos can be used, 60 of 60 frames are there" in str(report)
    assert "Nothing to correct" in str(report)
    summary = json.loads((world.out / "summary.json").read_text())
    train = summary["splits"]["train"]
    assert (train["keyframes"], train["boxes"], train["predicted_boxes"]) == (4, 6, 4)
    assert train["labels"] == {"1": 4, "2": 2, "3": 2}
    with (world.out / "train.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["video"] for row in rows] == ["-a", "b"]
    assert (rows[0]["listed"], rows[0]["width"], rows[0]["keyframes"]) == ("30", "16", "2")
    assert rows[0]["boxes"] == "3" and len(rows[0]["digest"]) == 32


def test_the_notes_of_a_good_dataset(world):
    notes = world.verify().notes
    text = "\n".join(notes)
    assert "val: 3 classes are scored; 1 that occur are not: 3." in notes
    assert "val: 1 scored classes never occur: sing (4)." in notes
    assert "official AVA has 235 videos here" in text and "official AVA has 64" in text
    assert "found 2 of 30 to 30, from 902 to 903" in text
    assert len(notes) == 4


def test_missing_and_extra_pictures_are_counted(world):
    (world.frames / world.frame("b", 3)).unlink()
    (world.frames / world.frame("b", 9)).unlink()
    Image.new("RGB", (16, 12)).save(world.frames / world.frame("c", COUNT))
    report = world.verify()
    (problem,) = report.problems
    assert "train: 1 of 2 videos cannot be used" in problem
    assert "2 listed frames are missing, first b_000004.jpg" in problem
    assert any("1 folders hold more frames than their list names: c (1)" in n for n in report.notes)


def test_a_folder_that_is_not_there(world):
    shutil.rmtree(world.frames / "c")
    (problem,) = world.verify().problems
    assert "val: 1 of 1 videos cannot be used" in problem
    assert "none of its 30 listed frames is there" in problem


def test_torn_pictures_are_found_by_reading_all(world):
    for k in (5, 24):  # not among the few that are read otherwise
        path = world.frames / world.frame("-a", k)
        path.write_bytes(path.read_bytes()[:300])
    assert world.verify().ok
    (problem,) = world.verify(full=True).problems
    assert "2 frames are damaged, first" in problem and world.frame("-a", 5) in problem
    last = world.frames / world.frame("-a", COUNT - 1)
    last.write_bytes(b"")
    assert not world.verify().ok


def test_pictures_of_different_sizes(world):
    Image.new("RGB", (8, 8)).save(world.frames / world.frame("c", 0))
    assert any("frames differ in size" in text for text in world.verify().problems)


def test_key_frames_outside_of_their_video_and_boxes_without_video(world):
    world.add("ava_train_v2.2.csv", f"b,906,{BOX},1,0", f"b,899,{BOX},1,0", f"z,902,{BOX},1,0")
    world.add("found_val.csv", f"y,902,{BOX},1,0.99")
    problems = world.verify().problems
    assert (
        "train: 2 annotated key frames lie outside their videos: b at 906, b at 899" in problems[1]
    )
    assert "annotated boxes of 1 videos that are in no frame list" in problems[0]
    assert problems[2].startswith("val: predicted boxes of 1 videos") and "y." in problems[2]


def test_listed_videos_without_boxes(world):
    shutil.copytree(world.frames / "c", world.frames / "d")
    for path in sorted((world.frames / "d").iterdir()):
        path.rename(path.with_name(path.name.replace("c_", "d_")))
    world.write_frame_list("val", {"c": COUNT, "d": COUNT})
    assert "val: 1 listed videos have no boxes: d." in world.verify().notes


def test_labels_that_are_no_classes(world):
    world.add("ava_val_v2.2.csv", f"c,902,{BOX},5,0", f"c,902,{BOX},0,0")
    (problem,) = world.verify().problems
    assert "2 annotated labels are no classes of MODEL.NUM_CLASSES: 5 (" in problem
    assert "ava_val_v2.2.csv, line 5)" in problem


def test_odd_boxes_are_noted(world):
    world.add("ava_train_v2.2.csv", "b,902,0.5,0.1,0.5,0.9,1,0", "b,902,-0.1,0.1,0.5,0.9,1,0")
    world.add("ava_train_v2.2.csv", f"b,902,{BOX},1,7")
    report = world.verify()
    assert report.ok
    text = "\n".join(report.notes)
    assert "1 annotated boxes have no area: " in text
    assert "1 annotated boxes reach beyond the frame" in text
    assert "1 annotated lines are repeats." in text


def test_wrong_lines_and_missing_files_are_problems_not_errors(world):
    world.add("ava_train_v2.2.csv", "b,902,10,20,30,40,1,0")
    world.add("found_train.csv", f"b,902,{BOX},1")
    (world.lists / "val.csv").unlink()
    (world.lists / "map.pbtxt").unlink()
    (world.lists / "excluded.csv").write_text("c;902\n")
    text = "\n".join(world.verify().problems)
    for part in (
        "are no shares of the frame",
        "a predicted box without a score",
        "val.csv: no readable frame list",
        "map.pbtxt",
        "excluded.csv, line 1",
    ):
        assert part in text


def test_the_same_video_in_both_splits_by_name_or_by_content(world):
    world.write_frame_list("val", {"c": COUNT, "b": COUNT})
    (problem,) = world.verify().problems
    assert "1 videos are in training too: b." in problem
    world.write_frame_list("val", {"c": COUNT})
    for k in range(COUNT):
        shutil.copy(
            world.frames / world.frame("b", k),
            world.frames / world.frame("c", k),
        )
    (problem,) = world.verify().problems
    assert "1 videos are in training too: c (as b)." in problem


def test_key_frames_without_predictions(world):
    world.write("found_val.csv", ["c,902,0.11,0.1,0.5,0.91,1,0.95", "c,904,0,0,1,1,1,0.99"])
    report = world.verify()
    assert report.ok
    text = "\n".join(report.notes)
    assert "1 of 2 annotated key frames have no predicted box" in text and "c at 903" in text
    assert "1 key frames have predicted boxes only, which count as false" in text
    world.write("excluded.csv", ["c,0903", "c,0904", "c,0905"])
    text = "\n".join(world.verify().notes)
    assert "no predicted box" not in text and "predicted boxes only" not in text
    assert "1 excluded key frames have no boxes anyway: c at 905." in text
    world.write("found_val.csv", ["c,904,0,0,1,1,1,0.99"])
    world.write("excluded.csv", [])
    assert "2 of 2 annotated key frames have no predicted box" in world.verify().problems[0]


def test_predictions_that_are_the_annotation(world):
    shutil.copy(world.lists / "ava_val_v2.2.csv", world.lists / "found_val.csv")
    rows = [f"c,{second},{BOX},1,0.99" for second in (902, 903)]
    world.write("found_val.csv", rows)
    assert any("2 of 2 predicted boxes are the annotated ones" in n for n in world.verify().notes)


def test_a_label_map_with_too_many_classes(world):
    world.add("map.pbtxt", 'item { name: "fly" id: 9 }')
    (problem,) = world.verify().problems
    assert "classes 9 are not among the 4 of MODEL.NUM_CLASSES" in problem


def test_pictures_by_different_programs_are_noted(world):
    rows = [{"video": "b", "tool": "ffmpeg 4.1"}, {"video": "c", "tool": "pyav 18"}]
    write_csv(world.frames / "prepared.csv", RECORD_COLUMNS, rows)
    assert any(
        "come from different programs: ffmpeg 4.1, pyav 18" in n for n in world.verify().notes
    )


def test_video_files_instead_of_pictures(world, tmp_path, media_factory):
    folder = tmp_path / "videos"
    folder.mkdir()
    for number, video in enumerate(("-a", "b", "c")):
        shutil.copy(media_factory(frames=120, shade=number), folder / f"{video}.mp4")
    shutil.rmtree(world.frames)
    words = ("AVA.SOURCE", "video", "AVA.VIDEO_DIR", str(folder))
    report = world.verify(*words)
    assert report.ok, str(report)
    later = world.verify(*words, "AVA.VIDEO_START", "903.0")
    assert any(
        "key frames lie outside their videos: -a at 902, b at 902" in t for t in later.problems
    )
    (folder / "b.mp4").write_bytes(b"html")
    (folder / "c.mp4").unlink()
    text = "\n".join(world.verify(*words).problems)
    assert "b.mp4: not readable as media" in text
    assert "val: annotated boxes of 1 videos" in text


def test_the_tool_knows_ava_by_its_config(world, tmp_path, capsys):
    tool = Path(__file__).parents[2] / "tools" / "prepare_data.py"
    spec = importlib.util.spec_from_file_location("prepare_data_tool", tool)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "run.yaml").write_text("MODEL: {NUM_CLASSES: 4}\n")
    words = ["--cfg", str(tmp_path / "run.yaml"), *world.words()]
    words = ["verify", *words, "--out", str(world.out), "--workers", "0"]
    assert module.main(words) == 0
    assert "6 boxes at 4 key frames" in capsys.readouterr().out
    frame = world.frames / world.frame("b", 5)
    frame.write_bytes(frame.read_bytes()[:300])
    assert module.main(words) == 0
    assert module.main([*words, "--deep"]) == 1
    assert "PROBLEM train: 1 of 2 videos cannot be used" in capsys.readouterr().out


def test_true_boxes_that_the_evaluation_refuses_are_a_problem(world):
    world.add("ava_val_v2.2.csv", "c,902,0.1,0.1,1.05,0.9,1,0", "c,902,0.1,0.1,1.005,0.9,1,1")
    (problem,) = world.verify().problems
    assert "1 annotated boxes reach beyond the frame by more than 0.01" in problem
    assert "ava_val_v2.2.csv, line 5" in problem
    with pytest.raises(AnnotationError, match=r"line 5: x2 is 1\.05"):
        read_ground_truth(world.lists / "ava_val_v2.2.csv")
