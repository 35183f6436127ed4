"""How far embeddings ignore a transformation or tell it: pure functions on arrays.

Several clips of each video are embedded, forwards and backwards. A *space* has queries and keys: the
frames and the audio of a cross-modal method, or the same features twice. For a change of a clip,

* ``similarity`` is the mean cosine of a query and the changed key, beside that of its ``own`` key and
  that of keys of ``other`` videos;
* ``kept`` = (similarity - other) / (own - other): 1 where the change is ignored, 0 where it makes a
  clip as strange as one of another video, below 0 where it is pushed further away; None where a
  network finds its own keys no nearer than others;
* ``auc`` is the share of changes that a query tells by its own key being nearer, 0.5 where it cannot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from slowfast.evaluation.neighbours import unit

# Below this difference of own and other keys a space holds nothing that could be kept.
MIN_SCALE = 0.01


@dataclass(frozen=True)
class Space:
    """Embeddings of K clips of each of N videos.

    Attributes:
        query, key: ``(N, K, D)``.
        back: ``(N, K, D)``, keys of the same clips running backwards.
        start: ``(N, K)`` in seconds.
        same: queries and keys are the same features.
    """

    query: np.ndarray
    key: np.ndarray
    back: np.ndarray
    start: np.ndarray
    same: bool = False


def share_nearer(own: np.ndarray, other: np.ndarray) -> float:
    """Return the share of pairs in which ``own`` is larger; equal ones count half."""
    return float((own > other).mean() + (own == other).mean() / 2)


def measure(space: Space, edges: Sequence[float]) -> dict[str, dict]:
    """Return the measures of reversal and of shift, and similarity against distance.

    Args:
        space: at least two videos.
        edges: of the bins of distance, in seconds.

    Returns:
        ``reversal`` and ``shift`` with the measures above (``auc`` is None in a space of its own
        features, where it says nothing), and ``curve`` with ``distance``, ``similarity``,
        ``kept`` and ``pairs`` of each bin that is not empty.
    """
    query, key, back = (unit(x, x.dtype) for x in (space.query, space.key, space.back))
    own = np.einsum("nkd,nkd->nk", query, key)
    turned = np.einsum("nkd,nkd->nk", query, back)
    inside = np.einsum("nid,njd->nij", query, key)
    total = np.einsum("id,jd->", query.reshape(-1, query.shape[-1]), key.reshape(-1, key.shape[-1]))
    videos, clips = own.shape
    other = float((total - inside.sum()) / (videos * (videos - 1) * clips**2))
    scale = float(own.mean()) - other
    apart = np.broadcast_to(~np.eye(clips, dtype=bool), inside.shape)
    distance = np.abs(space.start[:, :, None] - space.start[:, None, :])[apart]
    shifted = inside[apart]
    owners = np.broadcast_to(own[:, :, None], inside.shape)[apart]
    found = {}
    for name, changed, before in (("reversal", turned, own), ("shift", shifted, owners)):
        found[name] = {
            "own": float(own.mean()),
            "other": other,
            "similarity": float(changed.mean()) if changed.size else None,
            "kept": _kept(changed, other, scale),
            "auc": None if space.same or not changed.size else share_nearer(before, changed),
        }
    return {**found, "curve": _curve(distance, shifted, edges, other, scale)}


def _kept(similarity: np.ndarray, other: float, scale: float) -> float | None:
    if not similarity.size or scale < MIN_SCALE:
        return None
    return float((similarity.mean() - other) / scale)


def _curve(
    distance: np.ndarray, similarity: np.ndarray, edges: Sequence[float], other: float, scale: float
) -> list[dict[str, float | None]]:
    rows = []
    for low, high in pairwise(edges):
        here = (distance >= low) & (distance < high)
        if here.any():
            rows.append(
                {
                    "distance": float(distance[here].mean()),
                    "similarity": float(similarity[here].mean()),
                    "kept": _kept(similarity[here], other, scale),
                    "pairs": int(here.sum()),
                }
            )
    return rows


def direction_auc(forwards: np.ndarray, back: np.ndarray) -> float | None:
    """Return how well a linear classifier tells the direction of clips of unseen videos, 0.5 to 1.

    Each half of the videos is judged by a classifier that learned from the other half.

    Args:
        forwards, back: features ``(N, K, D)`` of the same clips in both directions.

    Returns:
        The area under the ROC curve, mean of both halves; None with fewer than four videos.
    """
    if len(forwards) < 4:
        return None
    order = np.random.default_rng(0).permutation(len(forwards))
    halves = order[: len(order) // 2], order[len(order) // 2 :]
    areas = []
    for learn, judge in (halves, halves[::-1]):
        (x, y), (x_new, y_new) = (
            _directions(forwards[rows], back[rows]) for rows in (learn, judge)
        )
        scale = StandardScaler().fit(x)
        classifier = LogisticRegression(C=0.01, max_iter=1000).fit(scale.transform(x), y)
        areas.append(roc_auc_score(y_new, classifier.decision_function(scale.transform(x_new))))
    return float(np.mean(areas))


def _directions(forwards: np.ndarray, back: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    both = [part.reshape(-1, part.shape[-1]) for part in (forwards, back)]
    return np.concatenate(both), np.repeat([0, 1], [len(part) for part in both])
