"""The demo worlds in AVA's and Charades' formats: lists and media agree."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from slowfast.datasets.lists.ava_boxes import read_keyframes
from slowfast.datasets.lists.charades_files import read_frame_videos
from slowfast.datasets.lists.frame_lists import read_frame_list
from slowfast.datasets.media import open_media
from slowfast.datasets.media.frame_folder import read_image
from slowfast.evaluation.ava import read_excluded, read_label_map
from slowfast.synthetic import write_ava_world, write_charades_world

GROUND_TRUTH = "ava_{}_v2.2.csv"
DETECTED = {
    "train": "ava_detection_train_boxes_and_labels_include_negative_v2.2.csv",
    "val": "ava_detection_val_boxes_and_labels.csv",
}


@pytest.fixture(scope="module")
def ava(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ava")
    write_ava_world(folder, "tiny")
    return folder / "ava"


@pytest.fixture(scope="module")
def charades(tmp_path_factory):
    folder = tmp_path_factory.mktemp("charades")
    write_charades_world(folder, "tiny")
    return folder / "charades"


def boxes_of(ava, split):
    lists = ava / "annotations"
    return read_keyframes([lists / GROUND_TRUTH.format(split)], [], 80, 0.9)


def detected_of(ava, split):
    folder = ava / "annotations/person_box_67091280_iou90"
    return read_keyframes([], [folder / DETECTED[split]], 80, 0.9)


def excluded(ava):
    return read_excluded(ava / "annotations/ava_val_excluded_timestamps_v2.2.csv")


def content(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "demo.json"):
        digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


@pytest.mark.parametrize("world", ["ava", "charades"])
def test_the_same_seed_gives_the_same_bytes(world, request, tmp_path):
    first = request.getfixturevalue(world)
    {"ava": write_ava_world, "charades": write_charades_world}[world](tmp_path, "tiny")
    assert content(first) == content(tmp_path / world)


@pytest.mark.parametrize("split", ["train", "val"])
def test_every_listed_picture_exists_and_is_a_frame_of_its_video(ava, split):
    for video, lines in read_frame_list(ava / f"annotations/{split}.csv"):
        pictures = [ava / "frames" / line.path for line in lines]
        assert all(picture.is_file() for picture in pictures)
        with open_media(ava / f"videos/{video}.mp4") as media:
            assert media.video.num_frames == len(pictures) and media.video.fps == 30
            frames = media.read_frames([0, 61])
        for k, frame in zip((0, 61), frames, strict=True):
            difference = (frame.float() - read_image(pictures[k]).float()).abs().mean()
            assert difference < 6


@pytest.mark.parametrize("split", ["train", "val"])
def test_boxes_lie_in_pictures_at_seconds_that_exist(ava, split):
    lengths = {v: len(lines) for v, lines in read_frame_list(ava / f"annotations/{split}.csv")}
    for (video, second), boxes in boxes_of(ava, split).items():
        corners, labels = boxes.arrays(12)
        assert 902 <= second and (second - 900) * 30 < lengths[video]
        assert (corners >= 0).all() and (corners <= 1).all()
        assert (corners[:, 2:] > corners[:, :2]).all()
        assert (labels.sum(axis=1) >= 1).all()


def test_labels_belong_to_boxes_and_no_evaluated_class_is_rare(ava):
    classes = read_label_map(ava / "annotations/ava_action_list_v2.2_for_activitynet_2019.pbtxt")
    keyframes = [boxes.arrays(12)[1] for boxes in boxes_of(ava, "train").values()]
    differ = [len(np.unique(labels, axis=0)) > 1 for labels in keyframes]
    shares = np.concatenate(keyframes).mean(axis=0)
    assert len(classes) == 9 and set(classes) != set(range(1, 10))
    assert min(shares[k - 1] for k in classes) > 0.03
    assert np.mean(differ) > 0.8


def test_detected_boxes_are_noisy_and_leave_some_people_out(ava):
    truth, found = boxes_of(ava, "val"), detected_of(ava, "val")
    assert {f"{video},{second:04d}" for video, second in set(found) - set(truth)} <= excluded(ava)
    exact = sum(
        corners in truth[key].boxes
        for key, boxes in found.items()
        if key in truth
        for corners in boxes.boxes
    )
    total = sum(len(boxes.boxes) for boxes in found.values())
    assert exact < 0.2 * total
    assert 0.5 < total / sum(len(boxes.boxes) for boxes in truth.values()) < 1.3


def test_excluded_key_frames_are_not_annotated(ava):
    keys = {f"{video},{second:04d}" for video, second in boxes_of(ava, "val")}
    assert excluded(ava) and not excluded(ava) & keys


def test_charades_videos_have_several_actions_that_overlap(charades):
    videos = read_frame_videos(charades / "frame_lists/train.csv", charades / "Charades_v1_rgb")
    assert len(videos) == 8
    overlaps = 0
    for video in videos:
        length = len(video.frames)
        with open_media(charades / f"videos/{video.name}.mp4") as media:
            assert media.video.num_frames == length and media.video.fps == 24
        assert (charades / "Charades_v1_rgb" / video.frames[length - 1]).is_file()
        _, begins, ends = video.intervals.T
        chunk_size = [((begins <= k) & (ends >= k)).sum() for k in range(0, length, 6)]
        overlaps += max(chunk_size) > 1
    assert overlaps >= 4
    shown = [set(video.intervals[:, 0].tolist()) for video in videos]
    assert len(set().union(*shown)) >= 8 and not set.intersection(*shown)


def test_a_second_call_makes_nothing_again(charades):
    before = (charades / "frame_lists/train.csv").stat().st_mtime_ns
    assert write_charades_world(charades.parent, "tiny").written == 0
    assert (charades / "frame_lists/train.csv").stat().st_mtime_ns == before
