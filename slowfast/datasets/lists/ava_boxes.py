"""AVA's boxes: annotated and detected ones, joined by key frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from slowfast.utils.errors import AnnotationError, brief
from slowfast.utils.input_files import OVERSHOOT, parse_number, read_rows
from slowfast.utils.logging import get_logger

logger = get_logger(__name__)

HIGHEST = 10**9  # that a second or a class can be
BACKGROUND = -1  # a detected box without an action
FIELDS = "video,second,x1,y1,x2,y2,action[,person or score]"

Key = tuple[str, int]  # video and second


@dataclass(frozen=True)
class BoxLine:
    """A line of a list of boxes.

    Attributes:
        key: video and second.
        corners: ``x1, y1, x2, y2`` as they are written.
        box: the same as shares of the frame, cut at its edge
            where they lie beyond it by more than ``OVERSHOOT``.
        action: from 1, or :data:`BACKGROUND`.
        score: of a detector; None where the line has none.
        where: file and line, for messages.
        overshoot: by how much the corners lie beyond the frame.
    """

    key: Key
    corners: tuple[str, ...]
    box: tuple[float, ...]
    action: int
    score: float | None
    where: str
    overshoot: float = 0.0


@dataclass
class KeyframeBoxes:
    """The boxes of a key frame, each with all its actions.

    Attributes:
        boxes: corners as they are written -> the box.
        actions: corners -> actions from 1, without repeats.
    """

    boxes: dict[tuple[str, ...], tuple[float, ...]] = field(default_factory=dict)
    actions: dict[tuple[str, ...], list[int]] = field(default_factory=dict)

    def add(self, line: BoxLine) -> None:
        """Take a line; boxes of equal text are one box."""
        self.boxes.setdefault(line.corners, line.box)
        actions = self.actions.setdefault(line.corners, [])
        if line.action != BACKGROUND and line.action not in actions:
            actions.append(line.action)

    def arrays(self, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
        """Return boxes ``(N, 4)`` as shares and labels ``(N, num_classes)`` of 0 and 1."""
        labels = np.zeros((len(self.boxes), num_classes), dtype=np.uint8)
        for row, corners in enumerate(self.boxes):
            labels[row, [action - 1 for action in self.actions[corners]]] = 1
        return np.array(list(self.boxes.values()), dtype=np.float64), labels


def read_keyframes(
    annotated: Iterable[str | Path],
    detected: Iterable[str | Path],
    num_classes: int,
    least_score: float,
) -> dict[Key, KeyframeBoxes]:
    """Return the boxes of every key frame, in the order of the lists.

    Args:
        annotated: lists whose last column is the person.
        detected: lists whose last column is a score.
        num_classes: actions are 1 to ``num_classes``.
        least_score: detected boxes below it are left out.

    Raises:
        AnnotationError: a file is missing, a line is wrong, or nothing is left.
    """
    keyframes: dict[Key, KeyframeBoxes] = {}
    outside: list[str] = []
    files = [(path, None) for path in annotated] + [(path, least_score) for path in detected]
    for path, least in files:
        for line in read_box_lines(path):
            if not (line.action == BACKGROUND or 1 <= line.action <= num_classes):
                raise AnnotationError(
                    f"{line.where}: action {line.action} is not among the {num_classes} of "
                    "MODEL.NUM_CLASSES."
                )
            if least is not None and line.score is None:
                raise AnnotationError(
                    f"{line.where}: no score in the eighth field, which detected boxes need."
                )
            if least is None or line.score >= least:
                keyframes.setdefault(line.key, KeyframeBoxes()).add(line)
                if line.overshoot:
                    outside.append(line.where)
    if outside:
        logger.warning(
            "%d lines have boxes that reach beyond the frame, which cuts them; first: %s.",
            len(outside),
            outside[0],
        )
    if not keyframes:
        names = ", ".join(str(path) for path, _ in files)
        raise AnnotationError(
            f"{names}: no box is left. Lower AVA.DETECTION_SCORE_THRESH ({least_score:g}), or "
            "check the lists."
        )
    return keyframes


def read_box_lines(path: str | Path) -> Iterator[BoxLine]:
    """Yield the lines of a list of boxes.

    Raises:
        AnnotationError: the file is missing, or a line is wrong.
    """
    for number, fields in read_rows(path, "no readable list of boxes"):
        yield _box_line(fields, f"{path}, line {number}")


def _box_line(fields: list[str], where: str) -> BoxLine:
    if len(fields) not in (7, 8):
        raise AnnotationError(f"{where}: {len(fields)} fields, expected {FIELDS}.")
    video, second, *corners, action = fields[:7]
    try:
        seconds = float(second)
        box = tuple(float(corner) for corner in corners)
        score = parse_number(fields[7], "score") if len(fields) == 8 and fields[7].strip() else None
        number = _whole(action) if action.strip() else BACKGROUND
    except ValueError as error:
        raise AnnotationError(f"{where}: {str(error)[:120]}; expected {FIELDS}.") from error
    if not (0 <= seconds < HIGHEST and seconds.is_integer()):
        raise AnnotationError(f"{where}: second {second[:30]} is not whole.")
    # Detectors overshoot a little, and the frame's edge cuts that off; this is something else.
    if not np.isfinite(box).all() or max(box) > 2 or min(box) < -1:
        raise AnnotationError(
            f"{where}: corners {','.join(corners)[:80]} are no shares of the frame (0 to 1)."
        )
    if box[2] < box[0] or box[3] < box[1]:
        raise AnnotationError(f"{where}: the box {','.join(corners)[:80]} ends before it begins.")
    overshoot = max(0.0, max(box) - 1, -min(box))
    if overshoot > OVERSHOOT:
        box = tuple(min(max(corner, 0.0), 1.0) for corner in box)
    return BoxLine((video, int(seconds)), tuple(corners), box, number, score, where, overshoot)


def _whole(text: str) -> int:
    """Return a whole number, also one that a program wrote as ``12.0``."""
    number = int(text.strip().removesuffix(".0"))
    if abs(number) > HIGHEST:
        raise ValueError(f"action {brief(text)} is no class")
    return number


def select_seconds(keyframes: Mapping[Key, KeyframeBoxes], every: int) -> dict[Key, KeyframeBoxes]:
    """Return the key frames whose second is a multiple of ``every``."""
    return {key: boxes for key, boxes in keyframes.items() if key[1] % every == 0}
