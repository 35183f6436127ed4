"""How sure a measure is: by the number of items, and by runs that were repeated."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

Measures = dict[str, float | None]

DEVIATIONS = 1.96  # for 95 %


def accuracy_interval(percent: float, count: int) -> tuple[float, float]:
    """Return the interval in which the accuracy of endless test data lies with 95 %, in percent.

    Wilson's score interval (1927), which also holds near 0 and 100 %.

    Args:
        percent: measured share of right answers.
        count: of independent items, more than 0.
    """
    share, spread = percent / 100.0, DEVIATIONS**2 / count
    centre = share + spread / 2
    half = math.sqrt(spread * share * (1 - share) + spread**2 / 4)
    low, high = ((centre + sign * half) / (1 + spread) for sign in (-1, 1))
    return 100.0 * max(low, 0.0), 100.0 * min(high, 1.0)


def mean_and_deviation(
    values: Mapping[str, Sequence[float | None]],
) -> tuple[Measures, Measures]:
    """Return mean and standard deviation (N - 1) by name, undefined where one of the values is.

    The deviation of a single value is 0.
    """
    means: Measures = {}
    deviations: Measures = {}
    for name, several in values.items():
        if None in several:
            means[name] = deviations[name] = None
        else:
            means[name] = float(np.mean(several))
            deviations[name] = float(np.std(several, ddof=1)) if len(several) > 1 else 0.0
    return means, deviations
