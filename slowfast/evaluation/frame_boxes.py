"""From tables of named key frames and class ids to numbers: what takes part in an evaluation."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from slowfast.evaluation.boxes import Boxes, are_canonical, canonical_key
from slowfast.utils.errors import SlowFastError


class FrameBoxes(NamedTuple):
    """Boxes ready to be matched.

    Attributes:
        image: number of the key frame, ``(N,)``; the same on both sides.
        kind: place of the class among those that count, ``(N,)``.
        boxes: ``(N, 4)``.
        scores: ``(N,)``.
    """

    image: np.ndarray
    kind: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray

    def select(self, rows: np.ndarray) -> FrameBoxes:
        """Return some rows, chosen by a mask or by their numbers."""
        return FrameBoxes(*(column[rows] for column in self))


def prepare(
    ground_truth: Boxes, detections: Boxes, labels: Sequence[int], excluded: Collection[str]
) -> tuple[FrameBoxes, FrameBoxes, dict[str, int]]:
    """Return the detections and the ground truth that count, and how many do and do not.

    Detections come key frame by key frame, in the order in which these first appear, and keep their
    order within each. This is how the published evaluators line them up, and it decides ties.

    Args:
        ground_truth, detections: all boxes.
        labels: the class ids that count, rising.
        excluded: the key frames that do not.

    Raises:
        SlowFastError: a ground-truth box ends before it begins.
    """
    _check_corners(ground_truth)
    images, is_out = _number_images(np.concatenate([detections.keys, ground_truth.keys]), excluded)
    split = len(detections)
    found, found_counts = _taking_part(detections, images[:split], is_out[:split], labels)
    truth, truth_counts = _taking_part(ground_truth, images[split:], is_out[split:], labels)
    if (np.diff(found.image) < 0).any():
        first_seen, _ = pd.factorize(found.image)
        found = found.select(np.argsort(first_seen, kind="stable"))
    solid = (found.boxes[:, 2] > found.boxes[:, 0]) & (found.boxes[:, 3] > found.boxes[:, 1])
    if not solid.all():
        found = found.select(solid)
    annotated = np.bincount(truth.image, minlength=1 + found.image.max(initial=0)) > 0
    counts = {
        "keyframes": int(annotated.sum()),
        "ground_truth": len(truth.image),
        "detections": len(found.image),
        **{f"ground_truth_{reason}": number for reason, number in truth_counts.items()},
        **{f"detections_{reason}": number for reason, number in found_counts.items()},
        "detections_without_area": int((~solid).sum()),
        "detections_on_frames_without_ground_truth": int((~annotated[found.image]).sum()),
    }
    return found, truth, counts


def _check_corners(ground_truth: Boxes) -> None:
    wrong = (ground_truth.boxes[:, 2:] < ground_truth.boxes[:, :2]).any(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        raise SlowFastError(
            f"ground truth, row {row} on {ground_truth.keys[row]}: the box "
            f"{ground_truth.boxes[row].tolist()} ends before it begins; expected x1, y1, x2, y2."
        )


def _number_images(keys: np.ndarray, excluded: Collection[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return for each row the number of its key frame, and whether that is excluded."""
    # The rows of a key frame stand together, mostly: only the first of each group is looked up.
    is_first = np.append(True, keys[1:] != keys[:-1])[: len(keys)]
    spellings, names = pd.factorize(keys[is_first])
    numbers = np.arange(len(names))
    if not are_canonical(names):
        numbers, names = pd.factorize(np.array([*map(canonical_key, names)], dtype=object))
    out = {canonical_key(key) for key in excluded}
    is_out = np.fromiter(map(out.__contains__, names), bool, len(names))
    images = numbers.astype(np.int32)[spellings][np.cumsum(is_first) - 1]
    return images, is_out[images]


def _taking_part(
    table: Boxes, images: np.ndarray, is_out: np.ndarray, labels: Sequence[int]
) -> tuple[FrameBoxes, dict[str, int]]:
    kinds = pd.Index(labels, dtype=np.int64).get_indexer(table.labels)
    other = kinds < 0
    counts = {"excluded": int(is_out.sum()), "of_other_classes": int((other & ~is_out).sum())}
    all_rows = FrameBoxes(images, kinds.astype(np.int32), table.boxes, table.scores)
    keep = ~(is_out | other)
    return all_rows if keep.all() else all_rows.select(keep), counts
