"""Single-label classification from scores.

Items whose file could not be read are counted as wrong by every function here, never left out.
"""

from __future__ import annotations

import numpy as np

ROWS_AT_ONCE = 1024


def label_ranks(scores: np.ndarray, labels: np.ndarray, valid: np.ndarray | None = None):
    """Return how many classes score above the true one, per item.

    Args:
        scores: ``(N, C)``.
        labels: ``(N,)`` class numbers.
        valid: ``(N,)`` booleans; invalid items rank last.

    Returns:
        ``(N,)`` integers in [0, C]. Among equal scores the lower class number goes first; C
        stands for an item without usable scores.
    """
    scores, labels = np.asarray(scores), np.asarray(labels)
    count, classes = scores.shape
    ranks = np.empty(count, dtype=np.int64)
    for begin in range(0, count, ROWS_AT_ONCE):  # memory beside the scores stays small
        part = slice(begin, begin + ROWS_AT_ONCE)
        own = np.take_along_axis(scores[part], labels[part, None], axis=1)
        earlier = np.arange(classes)[None, :] < labels[part, None]
        ranks[part] = ((scores[part] > own) | ((scores[part] == own) & earlier)).sum(axis=1)
    return np.where(_usable(scores, valid), ranks, classes)


def _usable(scores: np.ndarray, valid: np.ndarray | None) -> np.ndarray:
    parts = range(0, len(scores), ROWS_AT_ONCE)
    finite = [np.isfinite(scores[k : k + ROWS_AT_ONCE]).all(axis=1) for k in parts]
    usable = np.concatenate(finite) if finite else np.ones(0, dtype=bool)
    return usable if valid is None else usable & np.asarray(valid, dtype=bool)


def predicted_classes(scores: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
    """Return the class with the best score ``(N,)``; C for items without usable scores."""
    scores = np.asarray(scores)
    return np.where(_usable(scores, valid), scores.argmax(axis=1), scores.shape[1])


def topk_accuracy(
    scores: np.ndarray, labels: np.ndarray, k: int, valid: np.ndarray | None = None
) -> float:
    """Return the percentage of items whose label is among the k best (k clamped to C)."""
    k = min(k, np.asarray(scores).shape[1])
    return float(100.0 * (label_ranks(scores, labels, valid) < k).mean())


def count_pairs(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return counts ``(C, C + 1)``: true class by row, predicted class by column.

    The last column counts items without usable scores, see :func:`predicted_classes`.
    """
    codes = np.asarray(labels) * (classes + 1) + predicted
    return np.bincount(codes, minlength=classes * (classes + 1)).reshape(classes, classes + 1)


def per_class_accuracy(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return the percentage of right items per class ``(C,)``, NaN for classes without items.

    Args:
        labels: ``(N,)``.
        predicted: ``(N,)``, from :func:`predicted_classes`.
        classes: C.
    """
    labels = np.asarray(labels)
    totals = np.bincount(labels, minlength=classes)
    right = np.bincount(labels[labels == predicted], minlength=classes)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(totals > 0, 100.0 * right / totals, np.nan)


def mean_class_accuracy(labels: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    """Return the mean of :func:`per_class_accuracy` over the classes that occur."""
    return float(np.nanmean(per_class_accuracy(labels, predicted, classes)))


def combine_views(scores: np.ndarray, method: str) -> np.ndarray:
    """Reduce ``(N, V, C)`` scores of views to ``(N, C)``: their mean (``sum``) or maximum.

    ``sum`` is divided by V, which changes no ranking and keeps probabilities.
    """
    return scores.max(axis=1) if method == "max" else scores.mean(axis=1)
