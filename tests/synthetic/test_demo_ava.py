"""The demo world in AVA's format: its lists say what its pictures show."""

import csv
import re
from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from slowfast.datasets.media import VideoFile
from slowfast.synthetic.ava_lists import CLASSES, annotate, keyframes, special_keyframes
from slowfast.synthetic.ava_world import AVA
from slowfast.synthetic.presets import AVA_PRESETS
from slowfast.synthetic.scenes import doing

EVALUATED = [entry.number for entry in CLASSES if entry.evaluated]
BOXES = "person_box_67091280_iou90/ava_detection"


DETECTED = {
    "train": "train_boxes_and_labels_include_negative_v2.2",
    "val": "val_boxes_and_labels",
}


@pytest.fixture(scope="module")
def videos():
    """Return the scenes of the tiny world by name."""
    return {video.name: video for video in AVA.draw(AVA_PRESETS["tiny"], 0)}


def rows(ava, name):
    """Return the rows of an annotation file."""
    with (ava.root / "annotations" / name).open(newline="") as file:
        return list(csv.reader(file))


def by_box(table):
    """Return (labels, rest of the row) for each video, second and box of an annotation file."""
    boxes = defaultdict(lambda: (set(), set()))
    for row in table:
        labels, others = boxes[tuple(row[:6])]
        labels.add(row[6])
        others.add(row[7])
    return boxes


def overlap(one, other):
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    common = np.prod(np.clip(high - low, 0, None))
    return common / (np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]) - common)


def test_truth_is_what_the_actors_do_at_each_second(ava, videos):
    excluded = {(video, second) for video, second in special_keyframes(list(videos.values()))[0]}
    for split in ("train", "val"):
        found = by_box(rows(ava, f"ava_{split}_v2.2.csv"))
        wanted = [video for video in videos.values() if video.split == split]
        wanted = {key: own for video in wanted for key, own in annotate(video).items()}
        wanted = [e for key, own in wanted.items() if key not in excluded for e in own]
        assert len(found) == len(wanted)
        for (name, second, *corners), (labels, persons) in found.items():
            assert re.fullmatch(r"09\d\d", second) and all(len(c) == 5 for c in corners)
            box = np.array(corners, dtype=float)
            assert (box >= 0).all() and (box <= 1).all() and (box[2:] > box[:2]).all()
            (person,) = persons
            kinds = doing(videos[name].scene, int(person), int(second) - 900)
            assert labels == {str(c.number) for c in CLASSES if c.kind in kinds}
            key = (name, int(second), int(person))
            (entry,) = [e for e in wanted if (e.video, e.second, e.person) == key]
            assert np.abs(np.array(entry.box) - box).max() <= 0.0005 + 1e-9


def test_every_keyframe_shows_two_to_four_actors_unless_somebody_is_out(videos):
    for video in videos.values():
        seconds = keyframes(video.scene)
        assert (seconds[0], seconds[-1]) == (902, 900 + round(video.scene.seconds) - 2)
        assert all(2 <= len(found) <= 4 for found in annotate(video).values())


def test_pictures_and_files_show_the_same_at_the_same_number(ava, videos):
    for name, video in videos.items():
        folder = ava.root / "frames" / name
        count = video.scene.frame_count
        assert len(list(folder.iterdir())) == count
        numbers = np.linspace(8, count - 9, 5).astype(int)
        with VideoFile(ava.root / "videos" / f"{name}.mp4") as file:
            assert (file.video.num_frames, file.video.fps) == (count, 30)
            decoded = file.read_frames(numbers).permute(0, 2, 3, 1).numpy().astype(int)
        distances = {shift: [] for shift in (-6, 0, 6)}
        for number, picture in zip(numbers, decoded, strict=True):
            for shift, found in distances.items():
                with Image.open(folder / f"{name}_{number + shift + 1:06d}.jpg") as image:
                    found.append(np.abs(np.asarray(image).astype(int) - picture).mean())
        means = {shift: np.mean(found) for shift, found in distances.items()}
        assert means[0] < 7 and means[0] < min(means[-6], means[6])


def test_frame_lists_have_the_official_form_and_list_all_pictures(ava, videos):
    for split in ("train", "val"):
        lines = (ava.root / "annotations" / f"{split}.csv").read_text().splitlines()
        assert lines[0] == "original_vido_id video_id frame_id path labels"
        table = [line.split(" ") for line in lines[1:]]
        assert all(len(row) == 5 and row[4] == '""' for row in table)
        own = [video for video in videos.values() if video.split == split]
        assert list(dict.fromkeys(row[0] for row in table)) == [video.name for video in own]
        assert {row[1] for row in table} == {str(number) for number in range(len(own))}
        assert [row[2] for row in table] == [
            str(k) for v in own for k in range(v.scene.frame_count)
        ]
        assert all((ava.root / "frames" / row[3]).is_file() for row in table)


def test_the_class_list_has_gaps_and_the_official_form(ava):
    text = ava.root / "annotations" / "ava_action_list_v2.2_for_activitynet_2019.pbtxt"
    items = re.findall(r'item \{\n  name: "(.+)"\n  id: (\d+)\n\}\n', text.read_text())
    assert [int(number) for _, number in items] == EVALUATED
    assert tuple(name for name, _ in items) == ava.class_names
    assert any(b - a > 1 for a, b in pairwise(EVALUATED)) and max(EVALUATED) <= 80


def test_predicted_boxes_are_jittered_missed_and_false(ava, videos):
    truth, found = {}, {}
    for split, name in DETECTED.items():
        truth |= by_box(rows(ava, f"ava_{split}_v2.2.csv"))
        found |= by_box(rows(ava, f"{BOXES}_{name}.csv"))
    assert not set(truth) & set(found)
    places = {
        key: [e.box for e in own] for v in videos.values() for key, own in annotate(v).items()
    }
    actors = 0
    for (name, second, *corners), (labels, scores) in found.items():
        (score,) = scores
        assert 0.5 <= float(score) <= 1
        box = np.array(corners, dtype=float)
        assert (box >= 0).all() and (box <= 1).all() and (box[2:] > box[:2]).all()
        actors += labels != {""}
        if labels == {""}:
            others = places[name, int(second)]
            assert max(overlap(box, np.array(other)) for other in others) < 0.6
    assert 0.8 * len(truth) < actors < len(truth)
    assert 3 <= len(found) - actors
    sure = [float(score) >= 0.9 for _, scores in found.values() for score in scores]
    assert 0.6 < np.mean(sure) < 0.97


def test_one_val_keyframe_is_without_boxes_and_a_few_are_excluded(ava, videos):
    excluded, undetected = special_keyframes(list(videos.values()))
    table = rows(ava, "ava_val_excluded_timestamps_v2.2.csv")
    assert [(name, int(second)) for name, second in table] == excluded
    truth = {(r[0], int(r[1])) for r in rows(ava, "ava_val_v2.2.csv")}
    found = [r for r in rows(ava, f"{BOXES}_val_boxes_and_labels.csv") if float(r[7]) >= 0.9]
    found = {(r[0], int(r[1])) for r in found}
    assert truth - found == {undetected}
    assert found - truth == set(excluded)


@pytest.fixture(scope="module")
def small_labels():
    """Return the labels of the small world by split, one array (boxes, classes) per keyframe."""
    found = {"train": [], "val": []}
    for video in AVA.draw(AVA_PRESETS["small"], 0):
        for second in keyframes(video.scene):
            kinds = [doing(video.scene, w, second - 900) for w in range(len(video.scene.actors))]
            table = [[entry.kind in own for entry in CLASSES] for own in kinds]
            found[video.split].append(np.array(table, dtype=float))
    return found


@pytest.mark.parametrize("split", ["train", "val"])
def test_no_evaluated_class_is_rare_and_the_others_are(small_labels, split):
    shares = np.concatenate(small_labels[split]).mean(axis=0)
    for entry, share in zip(CLASSES, shares, strict=True):
        assert (0.1 < share < 0.4) if entry.evaluated else (share < 0.07)


def test_who_ignores_the_boxes_cannot_do_well(small_labels):
    """Even who knew how many in each picture do what, but not who, is far from perfect."""
    truth = np.concatenate(small_labels["val"])
    blind = np.concatenate(
        [np.broadcast_to(table.mean(axis=0), table.shape) for table in small_labels["val"]]
    )
    columns = [entry.number - 1 for entry in CLASSES if entry.evaluated]
    precisions = []
    for column in columns:
        order = np.argsort(-blind[:, column], kind="stable")
        hits = truth[order, column]
        precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
        precisions.append(precision[hits > 0].mean())
    assert np.mean(precisions) < 0.7


def test_the_look_of_an_actor_tells_nothing(small_labels):
    sizes, brightness, moves = [], [], []
    for video in AVA.draw(AVA_PRESETS["small"], 0):
        for number, actor in enumerate(video.scene.actors):
            for second in keyframes(video.scene):
                sizes.append(actor.body.look.radius)
                brightness.append(sum(actor.body.look.fill))
                own = doing(video.scene, number, second - 900)
                moves.append([entry.kind in own for entry in CLASSES if entry.evaluated])
    moves = np.array(moves, dtype=float)
    for values in (np.array(sizes), np.array(brightness)):
        for column in moves.T:
            assert abs(np.corrcoef(values, column)[0, 1]) < 0.15
