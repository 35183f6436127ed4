"""Embeddings of pairs: retrieval between them, and two properties of them on the sphere.

Alignment and uniformity are those of Wang and Isola, "Understanding Contrastive Representation Learning
through Alignment and Uniformity on the Hypersphere", ICML 2020, with its exponents 2 and t = 2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from slowfast.evaluation.neighbours import unit

CHUNK_SIZE = 1024
SHARPNESS = 2.0


def ranks(queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Return the rank (from 1) of each query's own item among all items.

    Items that score as high as the own one rank before it, so that constant embeddings do not
    look like perfect ones.

    Args:
        queries, gallery: ``(N, D)``; row i of both belongs to item i, and dot products are scores.

    Returns:
        int64 ``(N,)``; N + 1 where a score is not finite.
    """
    queries, gallery = np.asarray(queries, np.float64), np.asarray(gallery, np.float64)
    found = np.empty(len(queries), np.int64)
    for begin in range(0, len(queries), CHUNK_SIZE):
        rows = np.arange(begin, min(begin + CHUNK_SIZE, len(queries)))
        scores = queries[rows] @ gallery.T
        own = scores[np.arange(len(rows)), rows]
        found[rows] = (scores >= own[:, None]).sum(axis=1)
        found[rows[~np.isfinite(scores).all(axis=1)]] = len(queries) + 1
    return found


def recall(found: np.ndarray, count: int, ks: Sequence[int]) -> dict[int, float]:
    """Return for each k the percentage of ``count`` items that rank among the first k.

    Args:
        found: ranks of the items that could be read; the others were not found.
        count: all items.
        ks: cut-offs.
    """
    return {k: 100.0 * float((found <= k).sum()) / count for k in ks}


def median_rank(found: np.ndarray, count: int) -> float:
    """Return the median rank of ``count`` items, of which those without a rank come last.

    Args:
        found: ranks of the items that could be read.
        count: all items.
    """
    return float(np.median(np.concatenate([found, np.full(count - len(found), count + 1)])))


def alignment(one: np.ndarray, other: np.ndarray) -> float:
    """Return the mean squared distance of positive pairs; 0 is best, 2 that of random vectors.

    Args:
        one, other: ``(N, D)``; row i of both is a pair. They are brought to length 1.
    """
    difference = unit(one).astype(np.float64) - unit(other)
    return float(np.square(difference).sum(axis=1).mean())


def uniformity(vectors: np.ndarray) -> float:
    """Return ``log mean exp(-t d^2)`` over all pairs of different rows; the lower the more uniform.

    0 is that of vectors that are all the same; NaN where there is no pair.

    Args:
        vectors: ``(N, D)``; they are brought to length 1.
    """
    points, count = unit(vectors).astype(np.float64), len(vectors)
    if count < 2:
        return float("nan")
    total = 0.0
    for begin in range(0, count, CHUNK_SIZE):
        cosines = points[begin : begin + CHUNK_SIZE] @ points.T
        total += np.exp(-SHARPNESS * np.maximum(2.0 - 2.0 * cosines, 0.0)).sum()
    return float(np.log(max(total - count, np.finfo(float).tiny) / (count * (count - 1))))
