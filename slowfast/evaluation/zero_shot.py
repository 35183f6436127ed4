"""Zero-shot classification by word vectors: nearest classes, protocols, and classes kept apart.

Brattoli et al., "Rethinking Zero-shot Video Classification: End-to-end Training for Realistic
Applications" (CVPR 2020).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from slowfast.evaluation.neighbours import unit
from slowfast.utils.errors import ConfigError

CHUNK_SIZE = 4096
NUM_SPLITS = 10


def nearest_class(embeddings: np.ndarray, class_vectors: np.ndarray, k: int = 1) -> np.ndarray:
    """Return the numbers int64 ``(N, k)`` of the nearest classes by cosine, the nearest first.

    Of equally near classes the first one counts as nearer; k above C counts as C.

    Args:
        embeddings: ``(N, D)``, of any length.
        class_vectors: ``(C, D)``, of any length.

    Raises:
        ConfigError: the two are not matrices of equally long rows.
    """
    shapes = np.shape(embeddings), np.shape(class_vectors)
    if [len(shape) for shape in shapes] != [2, 2] or shapes[0][1] != shapes[1][1]:
        raise ConfigError(
            f"Embeddings of shape {shapes[0]} have no distance to class vectors of shape {shapes[1]}: "
            "take the table of word vectors (ZERO_SHOT.VECTORS) that the network was trained with."
        )
    classes = unit(class_vectors, np.float64)
    k = min(k, len(classes))
    found = [np.zeros((0, k), np.int64)]
    for start in range(0, len(embeddings), CHUNK_SIZE):
        scores = unit(embeddings[start : start + CHUNK_SIZE], np.float64) @ classes.T
        found.append(np.argsort(-scores, axis=1, kind="stable")[:, :k])
    return np.concatenate(found)


def topk_accuracy(
    embeddings: np.ndarray,
    labels: np.ndarray,
    class_vectors: np.ndarray,
    k: int,
    valid: np.ndarray | None = None,
) -> float:
    """Return the share in percent of items whose class is among the k nearest.

    Args:
        labels: int64 ``(N,)``.
        valid: bool ``(N,)``; the others could not be read and count as wrong.
    """
    hits = (nearest_class(embeddings, class_vectors, k) == labels[:, None]).any(axis=1)
    hits = hits if valid is None else hits & valid
    return 100.0 * float(hits.mean()) if len(hits) else float("nan")


def half_class_splits(num_classes: int) -> list[np.ndarray]:
    """Return the published subsets of half of the classes: permutations of seeds 0, 1, ..."""
    return [
        np.random.RandomState(seed).permutation(num_classes)[: num_classes // 2]
        for seed in range(NUM_SPLITS)
    ]


def half_class_accuracy(
    embeddings: np.ndarray,
    labels: np.ndarray,
    class_vectors: np.ndarray,
    ks: Sequence[int] = (1, 5),
    valid: np.ndarray | None = None,
) -> dict[int, tuple[float, float]]:
    """Return mean and population deviation over the subsets for each k, in percent.

    Items of the subset's classes are classified among these alone; subsets without any item are
    left out.
    """
    found: dict[int, list[float]] = {k: [] for k in ks}
    for chosen in half_class_splits(len(class_vectors)):
        place = np.full(len(class_vectors), -1)
        place[chosen] = np.arange(len(chosen))
        rows = place[labels] >= 0
        if not rows.any():
            continue
        good = None if valid is None else valid[rows]
        subset = embeddings[rows], place[labels[rows]], class_vectors[chosen]
        for k in ks:
            found[k].append(topk_accuracy(*subset, k, good))
    return {k: (float(np.mean(v)), float(np.std(v))) for k, v in found.items() if v}


class Generalised(NamedTuple):
    """Accuracy among seen and unseen classes together, in percent.

    Attributes:
        seen, unseen: mean over the items of seen and of unseen classes.
        harmonic: their harmonic mean.
    """

    seen: float
    unseen: float
    harmonic: float


def generalised_accuracy(
    embeddings: np.ndarray, labels: np.ndarray, class_vectors: np.ndarray, is_seen: np.ndarray
) -> Generalised:
    """Return top-1 accuracies where every item may be taken for any class.

    Args:
        labels: int64 ``(N,)`` among all classes.
        is_seen: bool ``(C,)``, whether a class was trained on.
    """
    hits = nearest_class(embeddings, class_vectors)[:, 0] == labels
    seen_items = is_seen[labels]
    seen, unseen = (100.0 * float(hits[rows].mean()) for rows in (seen_items, ~seen_items))
    total = seen + unseen
    return Generalised(seen, unseen, 2 * seen * unseen / total if total else 0.0)


class Separation(NamedTuple):
    """How far training classes are from the test classes.

    Attributes:
        kept: bool ``(C,)``.
        nearest: the nearest test class of each.
        distance: 1 - cosine to it.
    """

    kept: np.ndarray
    nearest: np.ndarray
    distance: np.ndarray


def separate(
    train_vectors: np.ndarray, test_vectors: np.ndarray, threshold: float = 0.05
) -> Separation:
    """Keep the training classes that are at least ``threshold`` from every test class.

    Args:
        train_vectors, test_vectors: unit vectors ``(C, D)`` and ``(C', D)``.
    """
    # Equal names are 0 apart, whatever the rounding.
    train, test = (unit(vectors, np.float64) for vectors in (train_vectors, test_vectors))
    distances = np.maximum(1.0 - train @ test.T, 0.0)
    nearest = distances.argmin(axis=1)
    distance = distances[np.arange(len(distances)), nearest]
    return Separation(distance >= threshold, nearest, distance)


def same_words(
    train_words: Mapping[str, Sequence[str]], test_words: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    """Return the training classes with the very words of test classes, and which; no vectors needed."""
    known: dict[tuple[str, ...], list[str]] = {}
    for name, words in test_words.items():
        known.setdefault(tuple(sorted(words)), []).append(name)
    keys = {name: tuple(sorted(words)) for name, words in train_words.items()}
    return {name: known[key] for name, key in keys.items() if key in known}
