"""Boxes of people on key frames, each with one action, and which of them lie on each other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from slowfast.utils.errors import SlowFastError

CANONICAL = re.compile(r"(?:[^\n]+,\d{4}\n)*")


def image_key(video: str, second: int) -> str:
    """Return AVA's name of a key frame: ``image_key("abc", 902) == "abc,0902"``."""
    return f"{video},{int(second):04d}"


def image_keys(videos: Iterable[str], seconds: Iterable[int]) -> np.ndarray:
    """Return :func:`image_key` of each pair, ``(N,)`` of strings."""
    keys = [image_key(video, second) for video, second in zip(videos, seconds, strict=True)]
    return np.array(keys, dtype=object)


def are_canonical(keys: Sequence[str]) -> bool:
    """Tell whether all keys are spelt as :func:`image_key` does; nearly always they are."""
    try:
        return CANONICAL.fullmatch("\n".join(keys) + "\n") is not None
    except TypeError:  # a key that is no text
        return False


def canonical_key(key: str | tuple[str, int]) -> str:
    """Return the one spelling of a key: ``abc,902`` is ``abc,0902``; other names stay."""
    if isinstance(key, tuple):
        return image_key(*key)
    video, _, second = str(key).rpartition(",")
    return image_key(video, int(second)) if video and second.isdecimal() else str(key)


@dataclass(frozen=True, eq=False)
class Boxes:
    """A table with one row for each box and action.

    Args:
        keys: names of the key frames, ``(N,)`` of strings; see :func:`image_keys`.
        boxes: ``(N, 4)`` corners ``[x1, y1, x2, y2]``, in any unit that is the same on both sides;
            AVA's files hold shares of the width and height.
        labels: class ids, ``(N,)``.
        scores: ``(N,)``, higher is surer; None (ground truth) stands for ones.

    Raises:
        ValueError: the columns differ in length, or a shape is wrong.
        SlowFastError: a coordinate or a score is not finite.
    """

    keys: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray | None = None

    def __post_init__(self) -> None:
        count = len(self.keys)
        columns: dict[str, Any] = {
            "keys": np.asarray(self.keys, dtype=object),
            "boxes": np.asarray(self.boxes, dtype=np.float64).reshape(-1, 4),
            "labels": _whole(self.labels),
            "scores": np.ones(count) if self.scores is None else np.asarray(self.scores, float),
        }
        for name, column in columns.items():
            wanted = (count, 4) if name == "boxes" else (count,)
            if column.shape != wanted:
                raise ValueError(f"{name} has the shape {column.shape}, expected {wanted}")
            object.__setattr__(self, name, column)
        for name in ("boxes", "scores"):
            _check_finite(name, columns[name], columns["keys"])

    def __len__(self) -> int:
        return len(self.keys)

    def select(self, rows: np.ndarray) -> Boxes:
        """Return some rows, chosen by a mask ``(N,)`` or by their numbers."""
        return Boxes(self.keys[rows], self.boxes[rows], self.labels[rows], self.scores[rows])

    @classmethod
    def from_scores(
        cls,
        keys: Sequence[str],
        boxes: np.ndarray,
        scores: np.ndarray,
    ) -> Boxes:
        """Return the detections of a network that scores every class for every box.

        Args:
            keys: the key frame of each box, ``(N,)``.
            boxes: ``(N, 4)``.
            scores: ``(N, C)``.

        Returns:
            N * C rows, all classes of the first box first; classes count from 1 to C, as AVA's.
        """
        scores = np.asarray(scores, dtype=np.float64)
        count, classes = scores.shape
        return cls(
            np.repeat(np.asarray(keys, dtype=object), classes),
            np.repeat(np.asarray(boxes, dtype=np.float64), classes, axis=0),
            np.tile(np.arange(1, classes + 1), count),
            scores.reshape(-1),
        )


def _whole(labels: Any) -> np.ndarray:
    found = np.asarray(labels)
    whole = found.astype(np.int64)
    if not np.array_equal(whole, found):
        raise ValueError("labels must be whole numbers")
    return whole


def _check_finite(name: str, column: np.ndarray, keys: np.ndarray) -> None:
    if np.isfinite(column).all():
        return
    bad = np.flatnonzero(~np.isfinite(column.reshape(len(column), -1)).all(axis=1))
    raise SlowFastError(
        f"{len(bad)} of {len(column)} rows have {name} that are not finite; the first is row "
        f"{bad[0]} on {keys[bad[0]]}: {column[bad[0]]}. Such boxes cannot be ranked or matched."
    )


def iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the intersection over union of each row of ``(N, 4)`` with that row of the other.

    It is 0 where both boxes have no area.
    """
    sides = np.minimum(first[:, 2:], second[:, 2:]) - np.maximum(first[:, :2], second[:, :2])
    sides = np.maximum(sides, 0)
    shared = sides[:, 0] * sides[:, 1]
    union = _area(first) + _area(second) - shared
    return np.divide(shared, union, out=np.zeros_like(union), where=union > 0)


def _area(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def equal_pairs(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return all (l, r) with ``left[l] == right[r]``, ordered by l, then by r.

    Args:
        left, right: whole numbers from 0 on, ``(N,)`` and ``(M,)``. Memory grows with the greatest.
    """
    size = 1 + max(left.max(initial=0), right.max(initial=0))
    counts = np.bincount(right, minlength=size)
    order = np.argsort(right, kind="stable")
    start = np.empty(size, np.int64)  # of each number in the order
    start[right[order[::-1]]] = np.arange(len(right))[::-1]
    rows = np.flatnonzero(counts[left])
    many = counts[left[rows]]
    # The k-th partner of a row stands k places after the first one.
    done = np.cumsum(many) - many
    place = np.arange(many.sum()) + np.repeat(start[left[rows]] - done, many)
    return np.repeat(rows, many), order[place]
