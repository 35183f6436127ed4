"""Which detections of a frame find a ground-truth box, and which are taken for another action."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slowfast.evaluation.boxes import equal_pairs, iou
from slowfast.evaluation.frame_boxes import FrameBoxes


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
