"""AVA's lists of boxes and of excluded key frames.

- Ground truth has lines ``video,second,x1,y1,x2,y2,action,person`` (the person may be missing),
  detections have lines ``video,second,x1,y1,x2,y2,action,score``, one for each box and action, without
  a header. ``902`` and ``0902`` are one second.
- Coordinates are shares of the width and height. What lies beyond the frame by
  ``OVERSHOOT`` or less is taken as it is; more is an error, since it means pixels.
- A detected box may end where it begins, or before: the evaluation drops and counts it.
- Excluded key frames are lines ``video,second``.

A byte order mark, Windows line ends and blank lines do no harm. The format is that of the AVA
challenge, https://research.google.com/ava/download.html.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

from slowfast.evaluation.boxes import Boxes, canonical_key, image_key, image_keys
from slowfast.utils.errors import AnnotationError
from slowfast.utils.files import atomic_write
from slowfast.utils.input_files import (
    OVERSHOOT,
    at_line,
    parse_number,
    parse_whole,
    read_lines,
)

Row = TypeVar("Row")

CORNERS = ("x1", "y1", "x2", "y2")
GROUND_TRUTH = ("video", "second", *CORNERS, "action", "person")
DETECTIONS = ("video", "second", *CORNERS, "action", "score")

# From 3.1 on, pandas always reads numbers exactly, and warns about the option.
_PANDAS = tuple(int(part) for part in pd.__version__.split(".")[:2])
_EXACT = {} if _PANDAS >= (3, 1) else {"float_precision": "round_trip"}
_ROWS_AT_ONCE = 100_000


def read_ground_truth(path: str | Path) -> Boxes:
    """Return the annotated boxes of a file, a row for each line.

    Raises:
        AnnotationError: the file is missing or empty, or a line is wrong.
    """
    return _read_boxes(path, GROUND_TRUTH)


def read_detections(path: str | Path) -> Boxes:
    """Return the scored boxes of a file, a row for each line.

    Raises:
        AnnotationError: the file is missing or empty, or a line is wrong.
    """
    return _read_boxes(path, DETECTIONS)


def read_excluded(path: str | Path) -> set[str]:
    """Return the keys of a list of key frames; it may be empty.

    Raises:
        AnnotationError: the file is missing, or a line is wrong.
    """
    return set(parse_lines(path, _parse_excluded))


def write_detections(path: str | Path, detections: Boxes, rounded: bool = False) -> None:
    """Write detections in AVA's format, atomically.

    Args:
        path: the csv file.
        detections: their keys must be ``video,second``.
        rounded: write 3 decimals of coordinates and 4 of scores, as PySlowFast does. This makes
            ties and so moves the mAP a little; by default numbers are read back as they were.

    Raises:
        AnnotationError: a key names no video and second that a csv line can hold.
    """
    spellings, texts = pd.factorize(detections.keys)
    keys = np.array([_writable_key(path, key) for key in texts], dtype=object)
    corner, score = ("{:.3f}", "{:.4f}") if rounded else ("{!r}", "{!r}")
    box_format = ",".join(["{}", *[corner] * 4])
    with atomic_write(path) as file:
        for begin in range(0, len(detections), _ROWS_AT_ONCE):
            part = slice(begin, begin + _ROWS_AT_ONCE)
            columns = (detections.boxes, detections.labels, detections.scores)
            lines, last, text = [], None, ""
            for key, box, label, value in zip(
                keys[spellings[part]], *(column[part].tolist() for column in columns), strict=True
            ):
                # The classes of a box stand together, and its text is the slow part.
                if (key, box) != last:
                    last, text = (key, box), box_format.format(key, *box)
                lines.append(f"{text},{label},{score.format(value)}\n")
            file.write("".join(lines).encode("utf-8", "surrogateescape"))


def _writable_key(path: str | Path, key: str) -> str:
    try:
        video, _, second = canonical_key(key).rpartition(",")
        if any(letter in video for letter in ',"\r\n'):
            raise ValueError("the name holds a comma, a quotation mark or a line end.")
        return parse_key(video, second)
    except ValueError as problem:
        raise AnnotationError(f"{path}: cannot name the key frame {key!r}: {problem}") from None


def _read_boxes(path: str | Path, columns: tuple[str, ...]) -> Boxes:
    """Read millions of lines quickly, and slowly those that are unusual or wrong."""
    quick = _read_quickly(path, columns)
    if quick is not None:
        return quick
    rows = parse_lines(path, lambda line: _parse_box(line, columns))
    if not rows:
        raise AnnotationError(f"{path}: no lines; expected {','.join(columns)} in each.")
    return Boxes(*(list(column) for column in zip(*rows, strict=True)))


def _read_quickly(path: str | Path, columns: tuple[str, ...]) -> Boxes | None:
    """Return all rows, or None if a line is one that :func:`_parse_box` should look at."""
    numbers = [name for name in columns if name in (*CORNERS, "score")]
    kinds = {name: "float64" if name in numbers else object for name in columns}
    try:
        table = pd.read_csv(
            path,
            header=None,
            names=list(columns),
            dtype=kinds,
            na_filter=False,
            quoting=csv.QUOTE_NONE,
            encoding="utf-8-sig",
            compression=None,
            **_EXACT,
        )
        # Lines that are too long move pandas' first column into the index.
        if not len(table) or not isinstance(table.index, pd.RangeIndex):
            return None
        keys = _keys_of(table["video"], table["second"])
        labels = _per_row(table["action"], lambda text: parse_whole(text, "action", 1))
    except (OSError, ValueError, OverflowError):
        return None
    boxes = table[list(CORNERS)].to_numpy()
    fine = (boxes >= -OVERSHOOT).all() and (boxes <= 1 + OVERSHOOT).all()
    if columns == GROUND_TRUTH:
        scores, fine = None, fine and (boxes[:, 2:] >= boxes[:, :2]).all()
    else:
        scores = table["score"].to_numpy()
        fine = fine and np.isfinite(scores).all()
    return Boxes(keys, boxes, labels, scores) if fine else None


def _per_row(texts: pd.Series, parse: Callable[[str], int]) -> np.ndarray:
    """Return what each row of a column says, parsing every text once."""
    rows, different = pd.factorize(texts)
    return np.array([parse(text) for text in different])[rows]


def _keys_of(videos: pd.Series, seconds: pd.Series) -> np.ndarray:
    video, names = pd.factorize(videos)
    second = _per_row(seconds, lambda text: parse_whole(text, "second", 0))
    step = int(second.max()) + 1
    rows, pairs = pd.factorize(video * step + second)
    return image_keys([parse_video(names[pair // step]) for pair in pairs], pairs % step)[rows]


def _parse_excluded(line: str) -> str:
    fields = line.split(",")
    if len(fields) != 2:
        raise ValueError(f"{len(fields)} fields, expected 2: video,second.")
    return parse_key(*fields)


def _parse_box(line: str, columns: tuple[str, ...]) -> tuple[str, list[float], int, float]:
    """Return key, corners, action and score of a line."""
    fields = line.split(",")
    is_truth = columns == GROUND_TRUTH
    if len(fields) != 8 and not (is_truth and len(fields) == 7):
        wanted = "7 or 8" if is_truth else "8"
        raise ValueError(f"{len(fields)} fields, expected {wanted}: {','.join(columns)}.")
    box = [parse_number(text, name) for text, name in zip(fields[2:6], CORNERS, strict=True)]
    for name, value in zip(CORNERS, box, strict=True):
        if not -OVERSHOOT <= value <= 1 + OVERSHOOT:
            raise ValueError(
                f"{name} is {value:g}, expected a share of the frame's width or height in [0, 1]."
            )
    for low, high in ((0, 2), (1, 3)) if is_truth else ():
        if box[high] < box[low]:
            raise ValueError(f"{CORNERS[high]} is {box[high]:g}, expected {CORNERS[low]} or more.")
    score = 1.0 if is_truth else parse_number(fields[7], "score")
    return parse_key(*fields[:2]), box, parse_whole(fields[6], "action", 1), score


def parse_lines(path: str | Path, parse: Callable[[str], Row]) -> list[Row]:
    """Return what ``parse`` makes of each line that is not blank.

    Raises:
        AnnotationError: the file cannot be read, or ``parse`` raised a ValueError with a sentence;
            the message then names the file and the line.
    """
    rows = []
    for number, line in read_lines(path):
        text = line.strip()
        if text:
            with at_line(path, number, text):
                rows.append(parse(text))
    return rows


def parse_key(video: str, second: str) -> str:
    """Return the key of a frame.

    Raises:
        ValueError: the video has no name, or the second is no whole number.
    """
    return image_key(parse_video(video), parse_whole(second, "second", 0))


def parse_video(text: str) -> str:
    """Return a name, or raise a ValueError if there is none."""
    # Some programs quote texts and not numbers; the quotes are no part of the name.
    name = text.strip().strip('"')
    if not name:
        raise ValueError("the video has no name.")
    return name
