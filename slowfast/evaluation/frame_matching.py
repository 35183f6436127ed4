"""Detections and ground truth of key frames: which of them find each other, and which are confused."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from slowfast.evaluation.boxes import Boxes, are_canonical, canonical_key, equal_pairs, iou
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


def true_positives(
    found: FrameBoxes, truth: FrameBoxes, threshold: float, by_score: bool
) -> np.ndarray:
    """Return which detections find a ground-truth box, ``(N,)`` booleans.

    A detection asks for the one box of its image and class that it covers best (the first of
    equals), and for no other. It finds it if their intersection over union reaches ``threshold``
    and no other asked before: detections ask in their own order or, ``by_score``, best score first.
    """
    classes = 1 + max(found.kind.max(initial=0), truth.kind.max(initial=0))
    rows, boxes = equal_pairs(
        found.image.astype(np.int64) * classes + found.kind,
        truth.image.astype(np.int64) * classes + truth.kind,
    )
    overlap = iou(found.boxes[rows], truth.boxes[boxes])
    asking = first_best(rows, overlap)
    asking = asking[overlap[asking] >= threshold]
    if by_score:
        asking = asking[np.argsort(-found.scores[rows[asking]], kind="stable")]
    hits = np.zeros(len(found.image), dtype=bool)
    hits[rows[first_of_each(boxes[asking], asking, len(truth.image))]] = True
    return hits


def first_best(groups: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the place of the greatest value of each group, the first of equals.

    Args:
        groups: ``(N,)``, those of one group side by side.
        values: ``(N,)``.
    """
    if not len(groups):
        return np.empty(0, np.int64)
    is_start = np.concatenate([[True], groups[1:] != groups[:-1]])
    starts = np.flatnonzero(is_start)
    group = np.cumsum(is_start) - 1
    best = np.flatnonzero(values == np.maximum.reduceat(values, starts)[group])
    return first_of_each(group[best], best, len(starts))


def first_of_each(groups: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """Return the first value ``(N,)`` of each group that occurs, by the group's number < count."""
    first = np.full(count, -1)
    first[groups[::-1]] = values[::-1]  # what is written last stays
    return first[first >= 0]


@dataclass(frozen=True, eq=False)
class Confusions:
    """False alarms that lie on a person who does something else.

    Attributes:
        counts: ``(C, C)``, predicted class by row, true class by column. A person often does several
            things at once; a false alarm then counts once in each of their columns.
        false_alarms: all false alarms of each class that were looked at, ``(C,)``.
        prevalence: the share of all annotated people who do each class, ``(C,)``.
    """

    counts: np.ndarray
    false_alarms: np.ndarray
    prevalence: np.ndarray

    def worst(self, number: int) -> list[tuple[int, int]]:
        """Return the (predicted, true) that happen most often beyond what prevalence explains.

        Most people stand, so most false alarms lie on people who stand; that alone says nothing.
        """
        excess = self.counts - np.outer(self.false_alarms, self.prevalence)
        order = np.argsort(-excess, axis=None, kind="stable")[:number]
        pairs = zip(*np.unravel_index(order, excess.shape), strict=True)
        return [(int(p), int(t)) for p, t in pairs if excess[p, t] > 0]


def confusions(
    found: FrameBoxes, truth: FrameBoxes, false_alarms: np.ndarray, classes: int, threshold: float
) -> Confusions:
    """Return what the people under some false alarms really do.

    A false alarm that also lies on a person of its own class came twice; it is no confusion.

    Args:
        found, truth: the boxes.
        false_alarms: rows of ``found``.
        classes: C, the number of classes.
        threshold: least intersection over union of boxes that lie on each other.
    """
    predicted = found.kind[false_alarms]
    rows, boxes = equal_pairs(found.image[false_alarms], truth.image)
    near = iou(found.boxes[false_alarms[rows]], truth.boxes[boxes]) >= threshold
    rows, true = rows[near], truth.kind[boxes[near]]
    twice = np.zeros(len(false_alarms), dtype=bool)
    twice[rows[true == predicted[rows]]] = True
    pairs = np.unique(rows[~twice[rows]] * classes + true[~twice[rows]])
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (predicted[pairs // classes], pairs % classes), 1)
    people = len(np.unique(np.column_stack([truth.image, truth.boxes]), axis=0))
    doing = np.bincount(truth.kind, minlength=classes)
    return Confusions(counts, np.bincount(predicted, minlength=classes), doing / max(people, 1))
