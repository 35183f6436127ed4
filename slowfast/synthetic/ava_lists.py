"""The lists that AVA comes with, for a world of scenes: annotations, classes, detections.

The first second of a video plays the part of second 900 of a film. Annotated are the seconds from
902 to two before the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slowfast.synthetic.layouts import write_text
from slowfast.synthetic.scene_writer import SceneVideo, SceneWorld
from slowfast.synthetic.scenes import Scene, actor_poses, doing, render_scene

Array = np.ndarray

FIRST_SECOND = 900
ANNOTATIONS = "annotations"
_DETECTIONS = f"{ANNOTATIONS}/person_box_67091280_iou90"
_JITTER = 0.03
_MISSED, _DOUBTED, _FALSE = 0.06, 0.12, 0.25
_THRESHOLD = 0.9


@dataclass(frozen=True)
class AvaClass:
    """A class: its number in the lists, what ``doing`` calls it, and its name."""

    number: int
    kind: str
    name: str
    evaluated: bool = True


CLASSES = (
    AvaClass(1, "Glide", "glide"),
    AvaClass(2, "ZigZag", "zigzag", evaluated=False),
    AvaClass(3, "Bounce", "bounce"),
    AvaClass(4, "Sway", "sway"),
    AvaClass(5, "Jump", "jump (from place to place)", evaluated=False),
    AvaClass(6, "Orbit", "circle"),
    AvaClass(7, "Blink", "blink"),
    AvaClass(8, "Pulse", "swell (and shrink)", evaluated=False),
    AvaClass(9, "Spin", "spin"),
    AvaClass(10, "Hold", "hold (a ball)"),
    AvaClass(11, "Talk", "talk to (another)"),
    AvaClass(12, "Listen", "listen to (another)"),
)


@dataclass(frozen=True)
class Annotation:
    """One actor at one second; ``box`` is x1, y1, x2, y2 as shares of width and height."""

    video: str
    second: int
    person: int
    box: tuple[float, ...]
    labels: tuple[int, ...]


def write_lists(world: SceneWorld, root: Path, videos: Sequence[SceneVideo], seed: int) -> None:
    """Write every list below ``root``."""
    folder, rng = root / ANNOTATIONS, np.random.default_rng([seed, 3])
    classes = [line for entry in CLASSES if entry.evaluated for line in _class_lines(entry)]
    write_text(folder / "ava_action_list_v2.2_for_activitynet_2019.pbtxt", classes)
    left_out, undetected = special_keyframes(videos)
    rows = [f"{video},{second:04d}" for video, second in left_out]
    write_text(folder / "ava_val_excluded_timestamps_v2.2.csv", rows)
    files = {"train": "train_boxes_and_labels_include_negative_v2.2", "val": "val_boxes_and_labels"}
    for split, detections in files.items():
        own = [video for video in videos if video.split == split]
        world.write_frame_list(folder / f"{split}.csv", own)
        truth = {key: found for video in own for key, found in annotate(video).items()}
        rows = [row for key, found in truth.items() if key not in left_out for row in _rows(found)]
        write_text(folder / f"ava_{split}_v2.2.csv", rows)
        seen = [(key, found) for key, found in truth.items() if key != undetected]
        rows = [row for key, found in seen for row in _detect(key, found, rng)]
        write_text(root / _DETECTIONS / f"ava_detection_{detections}.csv", rows)


def keyframes(scene: Scene) -> range:
    """Return the annotated seconds of a scene."""
    return range(FIRST_SECOND + 2, FIRST_SECOND + int(scene.seconds) - 1)


def annotate(video: SceneVideo) -> dict[tuple[str, int], list[Annotation]]:
    """Return who is where and does what at every keyframe; the keys are video and second.

    Those whose centre is outside the frame are left out.
    """
    scene, seconds = video.scene, keyframes(video.scene)
    times = np.array(seconds, dtype=np.float64) - FIRST_SECOND
    _, boxes = render_scene(scene, times)
    height, width = scene.size
    found = {(video.name, second): [] for second in seconds}
    for person in range(len(scene.actors)):
        centres = actor_poses(scene, person, times)[:, 0]
        for place, second in enumerate(seconds):
            if 0 <= centres[place] <= width:
                box = tuple(boxes[place, person] / (width, height, width, height))
                labels = _labels(scene, person, times[place])
                entry = Annotation(video.name, second, person, box, labels)
                found[video.name, second].append(entry)
    return found


def special_keyframes(
    videos: Sequence[SceneVideo],
) -> tuple[list[tuple[str, int]], tuple[str, int]]:
    """Return the keyframes that are excluded, and the one at which no box is predicted.

    The excluded have predictions but no truth, as if they could not be annotated: who
    forgets to exclude them counts the predictions as false.
    """
    val = [video for video in videos if video.split == "val"]
    second = FIRST_SECOND + 3
    return [(video.name, second) for video in val[::5]], (val[-1].name, second)


def _labels(scene: Scene, person: int, time: float) -> tuple[int, ...]:
    kinds = doing(scene, person, time)
    return tuple(entry.number for entry in CLASSES if entry.kind in kinds)


def _class_lines(entry: AvaClass) -> list[str]:
    return ["item {", f'  name: "{entry.name}"', f"  id: {entry.number}", "}"]


def _rows(found: Sequence[Annotation]) -> Iterator[str]:
    for entry in found:
        for label in entry.labels:
            yield f"{_place(entry.video, entry.second, entry.box)},{label},{entry.person}"


def _place(video: str, second: int, box: Sequence[float]) -> str:
    return ",".join([video, f"{second:04d}", *(f"{value:.3f}" for value in box)])


def _detect(
    key: tuple[str, int], found: Sequence[Annotation], rng: np.random.Generator
) -> Iterator[str]:
    """Yield what a detector might have found: boxes a little off, some missed, some of background.

    At least one actor is found for sure, so that a score of 0.9 leaves no frame empty.
    """
    sure = rng.integers(len(found))
    for number, entry in enumerate(found):
        missed, doubted = rng.uniform(size=2) < (_MISSED, _DOUBTED)
        box, score = _jittered(entry.box, rng), _score(doubted and number != sure, rng)
        if number == sure or not missed:
            for label in entry.labels:
                yield f"{_place(*key, box)},{label},{score}"
    box = _false_box([entry.box for entry in found], rng)
    if rng.uniform() < _FALSE and box is not None:
        yield f"{_place(*key, box)},,{_score(rng.uniform() < 0.8, rng)}"


def _score(doubted: bool, rng: np.random.Generator) -> str:
    low, high = (0.5, _THRESHOLD - 0.001) if doubted else (_THRESHOLD, 1.0)
    return f"{rng.uniform(low, high):.6f}"


def _jittered(box: Sequence[float], rng: np.random.Generator) -> Array:
    corners = np.array(box)
    sizes = np.tile(corners[2:] - corners[:2], 2)
    return np.clip(corners + _JITTER * sizes * rng.standard_normal(4), 0, 1)


def _false_box(boxes: Sequence[Sequence[float]], rng: np.random.Generator) -> Array | None:
    """Return a box as large as the first one that hardly overlaps any, None if there is no room."""
    size = np.array(boxes[0][2:]) - boxes[0][:2]
    for _ in range(20):
        corner = rng.uniform(0, 1 - size)
        if all(_overlap((*corner, *(corner + size)), other) < 0.2 for other in boxes):
            return np.concatenate([corner, corner + size])
    return None


def _overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Return intersection over union."""
    a, b = np.array(one), np.array(other)
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    common = np.prod(np.clip(high - low, 0, None))
    return float(common / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - common))
