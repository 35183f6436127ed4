"""Single-label classification from scores.

Items whose file could not be read are counted as wrong by every function here, never left out.
"""

from __future__ import annotations

import numpy as np


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
    scores, labels = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    count, classes = scores.shape
    own = scores[np.arange(count), labels][:, None]
    earlier = np.arange(classes)[None, :] < labels[:, None]
    ranks = ((scores > own) | ((scores == own) & earlier)).sum(axis=1)
    unusable = ~np.isfinite(scores).all(axis=1)
    if valid is not None:
        unusable |= ~np.asarray(valid, dtype=bool)
    return np.where(unusable, classes, ranks)


def topk_accuracy(
    scores: np.ndarray, labels: np.ndarray, k: int, valid: np.ndarray | None = None
) -> float:
    """Return the percentage of items whose label is among the k best (k clamped to C)."""
    k = min(k, np.asarray(scores).shape[1])
    return float(100.0 * (label_ranks(scores, labels, valid) < k).mean())


def confusion_matrix(
    scores: np.ndarray, labels: np.ndarray, valid: np.ndarray | None = None
) -> np.ndarray:
    """Return counts ``(C, C + 1)``: true class by row, predicted class by column.

    The last column counts unreadable items and those with scores that are not finite.
    """
    scores, labels = np.asarray(scores), np.asarray(labels)
    classes = scores.shape[1]
    usable = np.isfinite(scores).all(axis=1)
    if valid is not None:
        usable &= np.asarray(valid, dtype=bool)
    predicted = np.where(usable, scores.argmax(axis=1), classes)
    matrix = np.zeros((classes, classes + 1), dtype=np.int64)
    np.add.at(matrix, (labels, predicted), 1)
    return matrix


def per_class_accuracy(matrix: np.ndarray) -> np.ndarray:
    """Return the percentage of right items per class, NaN for classes without items.

    Args:
        matrix: from :func:`confusion_matrix`.
    """
    totals = matrix.sum(axis=1)
    right = np.diagonal(matrix[:, : len(matrix)])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(totals > 0, 100.0 * right / totals, np.nan)


def mean_class_accuracy(matrix: np.ndarray) -> float:
    """Return the mean of :func:`per_class_accuracy` over the classes that occur."""
    return float(np.nanmean(per_class_accuracy(matrix)))


def combine_views(scores: np.ndarray, method: str) -> np.ndarray:
    """Reduce ``(N, V, C)`` scores of views to ``(N, C)``: their mean (``sum``) or maximum.

    ``sum`` is divided by V, which changes no ranking and keeps probabilities.
    """
    return scores.max(axis=1) if method == "max" else scores.mean(axis=1)
