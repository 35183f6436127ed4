"""Nearest neighbours in a space of features: search, voting, and retrieval of the same class.

Scores are cosines, rounded to six decimals so that the rounding of a matrix product decides nothing.
Of equal scores the lower row of the gallery goes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from slowfast.utils.errors import ConfigError

QUERIES, GALLERY = 512, 8192  # rows of a block of scores, which takes 16 MB
DECIMALS = 6
FAISS_TRAINING = 200_000  # rows that an index which must be trained sees


class Neighbours(NamedTuple):
    """The nearest rows of a gallery, best first.

    Attributes:
        rows: int64 ``(N, k)``.
        scores: float32 ``(N, k)``.
    """

    rows: np.ndarray
    scores: np.ndarray


def unit(vectors: np.ndarray, dtype: DTypeLike = np.float32) -> np.ndarray:
    """Return vectors ``(..., D)`` of length 1; zeros stay zeros."""
    vectors = np.asarray(vectors, dtype)
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(lengths, np.finfo(dtype).tiny)


def nearest(queries: np.ndarray, gallery: np.ndarray, k: int, faiss: str = "") -> Neighbours:
    """Return the k nearest rows of a gallery for each query; exactly, in bounded memory, without faiss.

    Args:
        queries: ``(N, D)``, finite.
        gallery: ``(M, D)``, finite; may be memory-mapped.
        k: clamped to M.
        faiss: index of :func:`faiss_index` to search with. It holds what it needs of the gallery in
            memory, and a query for which it finds fewer than k rows is searched exactly.
    """
    k = min(k, len(gallery))
    rows = np.empty((len(queries), k), np.int64)
    scores = np.empty((len(queries), k), np.float32)
    index = _filled(faiss_index(faiss, gallery.shape[1]), gallery) if faiss else None
    for begin in range(0, len(queries), QUERIES):
        part = slice(begin, begin + QUERIES)
        wanted = unit(queries[part])
        rows[part], scores[part] = (
            _nearest(wanted, gallery, k) if index is None else _ask(index, wanted, gallery, k)
        )
    return Neighbours(rows, scores)


def faiss_index(text: str, width: int) -> Any:
    """Return an empty index for cosines of the FAISS library.

    Args:
        text: in the language of FAISS's ``index_factory``: ``Flat``, ``IVF1024,Flat``, ``HNSW32``.
        width: D.

    Raises:
        ConfigError: FAISS is not installed, or does not know such an index.
    """
    try:
        import faiss  # an optional package

        return faiss.index_factory(width, text, faiss.METRIC_INNER_PRODUCT)
    except ImportError:
        raise ConfigError(f"PROBE.FAISS {text}: pip install faiss-cpu.") from None
    except RuntimeError as error:
        reason = str(error).strip().rpartition("\n")[2]
        raise ConfigError(f"PROBE.FAISS {text}: FAISS has no such index: {reason}") from None


def _filled(index: Any, gallery: np.ndarray) -> Any:
    if not index.is_trained:
        chosen = np.linspace(0, len(gallery) - 1, min(len(gallery), FAISS_TRAINING)).astype(int)
        index.train(unit(gallery[chosen]))
    for begin in range(0, len(gallery), GALLERY):
        index.add(unit(gallery[begin : begin + GALLERY]))
    return index


def _ask(
    index: Any, queries: np.ndarray, gallery: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    scores, rows = index.search(queries, k)
    few = (rows < 0).any(axis=1)
    if few.any():
        rows[few], scores[few] = _nearest(queries[few], gallery, k)
    scores = np.round(scores, DECIMALS)
    order = np.lexsort((rows, -scores), axis=1)
    return np.take_along_axis(rows, order, 1), np.take_along_axis(scores, order, 1)


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
