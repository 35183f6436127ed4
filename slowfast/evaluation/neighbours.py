"""Nearest neighbours in a space of features: exact search, voting, and retrieval of the same class.

Scores are cosines, rounded to six decimals so that the rounding of a matrix product decides nothing.
Of equal scores the lower row of the gallery goes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

QUERIES, GALLERY = 512, 8192  # rows of a block of scores, which takes 16 MB
DECIMALS = 6


class Neighbours(NamedTuple):
    """The nearest rows of a gallery, best first.

    Attributes:
        rows: int64 ``(N, k)``.
        scores: float32 ``(N, k)``.
    """

    rows: np.ndarray
    scores: np.ndarray


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors ``(..., D)`` of length 1, float32; zeros stay zeros."""
    vectors = np.asarray(vectors, np.float32)
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(lengths, np.finfo(np.float32).tiny)


def nearest(queries: np.ndarray, gallery: np.ndarray, k: int) -> Neighbours:
    """Return the k nearest rows of a gallery for each query, exactly, in bounded memory.

    Args:
        queries: ``(N, D)``, finite.
        gallery: ``(M, D)``, finite; may be memory-mapped.
        k: clamped to M.
    """
    k = min(k, len(gallery))
    rows = np.empty((len(queries), k), np.int64)
    scores = np.empty((len(queries), k), np.float32)
    for begin in range(0, len(queries), QUERIES):
        part = slice(begin, begin + QUERIES)
        rows[part], scores[part] = _nearest(unit(queries[part]), gallery, k)
    return Neighbours(rows, scores)


def _nearest(queries: np.ndarray, gallery: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    best = np.empty((len(queries), 0), np.float32)
    rows = np.empty((len(queries), 0), np.int64)
    for begin in range(0, len(gallery), GALLERY):
        block = np.round(queries @ unit(gallery[begin : begin + GALLERY]).T, DECIMALS)
        numbers = np.broadcast_to(np.arange(begin, begin + block.shape[1]), block.shape)
        best = np.concatenate([best, block], axis=1)
        rows = np.concatenate([rows, numbers], axis=1)
        if best.shape[1] > k:
            kept = _largest(best, k)
            best, rows = best[kept].reshape(-1, k), rows[kept].reshape(-1, k)
    order = np.argsort(-best, axis=1, kind="stable")  # rows ascend, so equal scores stay in order
    return np.take_along_axis(rows, order, 1), np.take_along_axis(best, order, 1)


def _largest(scores: np.ndarray, k: int) -> np.ndarray:
    """Return where the k largest of each row are, of equal ones the first."""
    limit = np.partition(scores, -k, axis=1)[:, [-k]]
    above, equal = scores > limit, scores == limit
    room = k - above.sum(axis=1, keepdims=True)
    return above | (equal & (equal.cumsum(axis=1) <= room))


def vote(found: Neighbours, labels: np.ndarray, classes: int, temperature: float) -> np.ndarray:
    """Return the votes of neighbours for each class ``(N, C)``, each with ``exp(cosine / t)``.

    Wu et al., "Unsupervised Feature Learning via Non-Parametric Instance Discrimination".

    Args:
        found: the neighbours that vote.
        labels: of the gallery.
        classes: C.
        temperature: t.
    """
    weights = np.exp((found.scores.astype(np.float64) - 1.0) / temperature)
    votes = np.zeros((len(weights), classes))
    queries = np.arange(len(weights))[:, None]
    np.add.at(votes, (queries, np.asarray(labels)[found.rows]), weights)
    return votes


def first_hits(found: Neighbours, queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Return the rank (from 1) of the first neighbour of a query's own class.

    Args:
        found: k neighbours of each query.
        queries, gallery: labels.

    Returns:
        int64 ``(N,)``, k + 1 where none of the k is of its class.
    """
    hits = np.asarray(gallery)[found.rows] == np.asarray(queries)[:, None]
    return np.where(hits.any(axis=1), hits.argmax(axis=1) + 1, found.rows.shape[1] + 1)


def class_recall(
    found: Neighbours, queries: np.ndarray, gallery: np.ndarray, count: int, ks: Sequence[int]
) -> dict[int, float]:
    """Return R@k: the percentage of ``count`` queries with one of their class among the first k.

    Args:
        found, queries, gallery: see :func:`first_hits`; at least ``max(ks)`` neighbours, or all.
        count: of all queries, those that could not be read included.
        ks: cut-offs.
    """
    ranks, width = first_hits(found, queries, gallery), found.rows.shape[1]
    return {k: 100.0 * float((ranks <= min(k, width)).sum()) / count for k in ks}
