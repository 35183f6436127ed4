"""Average precision as the area under the envelope of precision over recall.

This is the measure of PASCAL VOC since 2010 (Everingham et al., "The PASCAL Visual Object Classes
Challenge: A Retrospective", IJCV 2015, section 4.2.2): precision at a recall is the best precision
at that recall or a higher one, and every step of recall counts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Curve(NamedTuple):
    """Precision over recall, at the hits only: between two hits recall stands still.

    Attributes:
        recall, precision: fractions, ``(H,)``, best score first.
    """

    recall: np.ndarray
    precision: np.ndarray

    @property
    def envelope(self) -> np.ndarray:
        """The best precision at each recall or a higher one, ``(H,)``."""
        return np.maximum.accumulate(self.precision[::-1])[::-1]


def ranking(scores: np.ndarray) -> np.ndarray:
    """Return the rows ``(N,)``, best score first; among equal scores the last row goes first.

    The published evaluators sort upwards and turn the result round; with a stable sort this is
    the order they give.
    """
    # Sorting without regard to the order of equals, then sorting the rows of equals, is several
    # times as fast as a stable sort of decimals.
    quick = np.argsort(scores)
    rises = np.diff(scores[quick]) > 0
    if rises.all():
        return quick[::-1]
    rank = np.concatenate([[0], np.cumsum(rises)])
    return np.sort(rank * len(scores) + quick)[::-1] % len(scores)


def precision_recall(hits: np.ndarray, relevant: int) -> Curve:
    """Return the curve of a ranked list.

    Args:
        hits: ``(N,)`` booleans, best score first.
        relevant: how many things there were to find, at least the number of hits.
    """
    places = np.flatnonzero(hits) + 1
    found = np.arange(1, len(places) + 1)
    return Curve(found / max(relevant, 1), found / places)


def average_precision(curve: Curve, relevant: int) -> float:
    """Return the area under the envelope in [0, 1]; NaN where there was nothing to find."""
    return float(curve.envelope.sum() / relevant) if relevant else float("nan")
