"""Two properties of embeddings on the sphere: alignment and uniformity.

Wang and Isola, "Understanding Contrastive Representation Learning through Alignment and Uniformity on
the Hypersphere", ICML 2020, with its exponents 2 and t = 2.
"""

from __future__ import annotations

import numpy as np

from slowfast.evaluation.neighbours import unit

CHUNK = 1024


def alignment(one: np.ndarray, other: np.ndarray) -> float:
    """Return the mean squared distance of positive pairs; 0 is best, 2 that of random vectors.

    Args:
        one, other: ``(N, D)``; row i of both is a pair. They are brought to length 1.
    """
    difference = unit(one).astype(np.float64) - unit(other)
    return float(np.square(difference).sum(axis=1).mean())


def uniformity(vectors: np.ndarray, t: float = 2.0) -> float:
    """Return ``log mean exp(-t d^2)`` over all pairs of different rows; the lower the more uniform.

    0 is that of vectors that are all the same; NaN where there is no pair.

    Args:
        vectors: ``(N, D)``; they are brought to length 1.
        t: sharpness.
    """
    points, count = unit(vectors).astype(np.float64), len(vectors)
    if count < 2:
        return float("nan")
    total = 0.0
    for begin in range(0, count, CHUNK):
        cosines = points[begin : begin + CHUNK] @ points.T
        total += np.exp(-t * np.maximum(2.0 - 2.0 * cosines, 0.0)).sum()
    return float(np.log(max(total - count, np.finfo(float).tiny) / (count * (count - 1))))
