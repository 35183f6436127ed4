"""The demo world in Charades' format: several actions at a time, each in its interval."""

import re

import numpy as np
import pytest
from PIL import Image

from slowfast.datasets.media import VideoFile
from slowfast.synthetic.charades_world import CHARADES, CLASSES, frame_labels
from slowfast.synthetic.presets import CHARADES_PRESETS
from slowfast.synthetic.scenes import TRAVELS, doing


@pytest.fixture(scope="module")
def videos():
    """Return the videos of the tiny world."""
    return CHARADES.draw(CHARADES_PRESETS["tiny"], 0)


@pytest.fixture(scope="module")
def small_labels():
    """Return the labels of the small world by split, one array (frames, classes) per video."""
    found = {"train": [], "val": []}
    for video in CHARADES.draw(CHARADES_PRESETS["small"], 0):
        table = [[k in own for k in range(len(CLASSES))] for own in frame_labels(video.scene)[::6]]
        found[video.split].append(np.array(table, dtype=float))
    return found


@pytest.mark.parametrize("split", ["train", "val"])
def test_frame_lists_say_what_happens_in_each_frame(charades, videos, split):
    lines = (charades.root / "frame_lists" / f"{split}.csv").read_text().splitlines()
    assert lines[0] == "original_vido_id video_id frame_id path labels"
    table = [line.split(" ") for line in lines[1:]]
    own = [video for video in videos if video.split == split]
    assert len(table) == sum(video.scene.frame_count for video in own)
    row = iter(table)
    for number, video in enumerate(own):
        assert re.fullmatch(r"[A-Z0-9]{5}", video.name)
        for frame in range(video.scene.frame_count):
            name, index, position, path, labels = next(row)
            assert (name, index, position) == (video.name, str(number), str(frame))
            assert path == f"{name}/{name}-{frame + 1:06d}.jpg"
            assert re.fullmatch(r'"(\d+(,\d+)*)?"', labels)
            actors = range(len(video.scene.actors))
            kinds = set().union(*(doing(video.scene, w, frame / 24) for w in actors))
            wanted = [str(k) for k, kind in enumerate(CLASSES) if kind in kinds]
            assert labels.strip('"') == ",".join(wanted)


def test_every_listed_picture_is_that_of_the_file(charades, videos):
    for video in videos:
        folder = charades.root / "Charades_v1_rgb" / video.name
        count = video.scene.frame_count
        assert sorted(p.name for p in folder.iterdir()) == [
            f"{video.name}-{number:06d}.jpg" for number in range(1, count + 1)
        ]
        numbers = [0, count // 2, count - 1]
        with VideoFile(charades.root / "videos" / f"{video.name}.mp4") as file:
            assert (file.video.num_frames, file.video.fps) == (count, 24)
            decoded = file.read_frames(numbers).permute(0, 2, 3, 1).numpy().astype(int)
        for number, picture in zip(numbers, decoded, strict=True):
            with Image.open(folder / f"{video.name}-{number + 1:06d}.jpg") as image:
                assert np.abs(np.asarray(image).astype(int) - picture).mean() < 6


def test_the_classes_have_official_numbers(charades):
    lines = (charades.root / "Charades_v1_classes.txt").read_text().splitlines()
    assert lines == [f"c{k:03d} {name}" for k, name in enumerate(charades.class_names)]
    assert len(lines) == len(CLASSES) == 10


def test_lengths_differ(videos):
    low, high = CHARADES_PRESETS["tiny"].seconds
    seconds = [video.scene.seconds for video in videos]
    assert low - 0.05 <= min(seconds) and max(seconds) <= high + 0.05
    assert len(set(seconds)) > len(seconds) / 2


@pytest.mark.parametrize("split", ["train", "val"])
def test_every_class_is_common_but_never_everywhere(small_labels, split):
    shares = np.mean([table.max(axis=0) for table in small_labels[split]], axis=0)
    assert 0.15 < shares.min() and shares.max() < 0.5
    in_frames = np.concatenate(small_labels[split]).mean(axis=0)
    assert 0.03 < in_frames.min() and in_frames.max() < 0.3


def test_actions_overlap_and_do_not_fill_their_videos(small_labels):
    tables = small_labels["train"]
    assert np.mean([table.sum(axis=1).max() >= 2 for table in tables]) > 0.6
    lasting = [table.mean(axis=0)[table.max(axis=0) > 0] for table in tables]
    assert np.concatenate(lasting).mean() < 0.6


def test_nothing_travels_in_two_ways_at_once():
    for video in CHARADES.draw(CHARADES_PRESETS["small"], 1)[:60]:
        for actor in range(len(video.scene.actors)):
            for time in np.arange(0, video.scene.seconds, 0.25):
                assert len(doing(video.scene, actor, time) & TRAVELS) <= 1
