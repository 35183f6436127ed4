"""Mean average precision of videos that have several labels each, as on Charades.

    python -m slowfast.evaluation.multilabel --scores predictions/test.npz
    python -m slowfast.evaluation.multilabel --scores scores.csv --labels labels.csv

Files are ``.npz`` with arrays ``scores`` and ``labels`` (what a run leaves), or ``.csv`` and ``.npy``
tables with a row for each video and a column for each class.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from slowfast.utils.errors import AnnotationError, SlowFastError
from slowfast.utils.input_files import UNREADABLE_ARRAYS, reading_arrays


class MultiLabelResult(NamedTuple):
    """Average precisions as fractions.

    Attributes:
        mean: over the classes that have positives; NaN where none has.
        weighted: the same, each class with the share of its positives (the official second number).
        per_class: ``(C,)``, NaN for a class without positives.
        positives: ``(C,)`` videos of each class.
    """

    mean: float
    weighted: float
    per_class: np.ndarray
    positives: np.ndarray


def mean_average_precision(scores: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the mean AP and the AP of each class ``(C,)``, NaN where a class has no positive.

    Equal scores are one step of the curve, so that no order among them matters (scikit-learn's
    ``average_precision_score``, which PySlowFast uses too).

    Args:
        scores: ``(N, C)``, higher is surer.
        labels: ``(N, C)`` of 0 and 1.

    Raises:
        ValueError: shapes differ, labels are not 0 and 1, or scores are not finite.
    """
    result = evaluate(scores, labels)
    return result.mean, result.per_class


def evaluate(scores: np.ndarray, labels: np.ndarray) -> MultiLabelResult:
    """Return all measures of scores ``(N, C)``; see :func:`mean_average_precision`."""
    scores, labels = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    if scores.ndim != 2 or scores.shape != labels.shape:
        raise ValueError(f"scores {scores.shape} and labels {labels.shape}, expected one (N, C)")
    if not np.isin(labels, (0, 1)).all():
        raise ValueError("labels must be 0 or 1")
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite")
    from sklearn.metrics import average_precision_score  # half a second

    positives = labels.sum(axis=0).astype(int)
    per_class = np.full(labels.shape[1], np.nan)
    for k in np.flatnonzero(positives):
        per_class[k] = average_precision_score(labels[:, k], scores[:, k])
    if not positives.any():
        return MultiLabelResult(np.nan, np.nan, per_class, positives)
    weighted = np.nansum(per_class * positives) / positives.sum()
    return MultiLabelResult(float(np.nanmean(per_class)), float(weighted), per_class, positives)


def combine_views(scores: np.ndarray, method: str) -> np.ndarray:
    """Join views ``(N, V, C)`` to ``(N, C)``: the largest score (``max``) or their sum (``sum``)."""
    return scores.max(axis=1) if method == "max" else scores.sum(axis=1)


def read_table(path: str | Path, name: str) -> np.ndarray:
    """Return the table ``name`` (``scores`` or ``labels``) of a file.

    Raises:
        AnnotationError: the file is missing, or holds no such table.
    """
    path = Path(path)
    try:
        if path.suffix == ".npz":
            with reading_arrays(path, AnnotationError, f"no table of {name}") as arrays:
                return arrays[name]
        if path.suffix == ".npy":
            return np.load(path, allow_pickle=False)
        return np.loadtxt(path, delimiter=",", ndmin=2)
    except UNREADABLE_ARRAYS as error:
        raise AnnotationError(f"{path}: no table of {name} ({error}).") from error


def report(result: MultiLabelResult, names: Sequence[str] = ()) -> str:
    """Return the measures and a table of the classes, best first, as text."""
    lines = [f"mAP {100 * result.mean:.2f} %, weighted by positives {100 * result.weighted:.2f} %"]
    if np.isnan(result.mean):
        lines = ["mAP undefined: no class has a positive video"]
    order = np.argsort(-np.nan_to_num(result.per_class, nan=-1), kind="stable")
    for k in order:
        name = names[k] if len(names) > k else f"class {k}"
        ap = result.per_class[k]
        shown = "      -" if np.isnan(ap) else f"{100 * ap:7.2f}"
        lines.append(f"{shown} %  {result.positives[k]:6d} positives  {name}")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the measures of two tables."""
    parser = argparse.ArgumentParser(
        prog="python -m slowfast.evaluation.multilabel", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--scores", required=True, help=".npz, .npy or .csv")
    parser.add_argument("--labels", help="the same kinds; default: the file of the scores")
    args = parser.parse_args(argv)
    try:
        scores = read_table(args.scores, "scores")
        labels = read_table(args.labels or args.scores, "labels")
        names = _class_names(args.scores)
        sys.stdout.write(report(evaluate(scores, labels), names) + "\n")
    except (SlowFastError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def _class_names(path: str) -> list[str]:
    if not path.endswith(".npz"):
        return []
    with reading_arrays(path, AnnotationError, "no names of classes") as arrays:
        return arrays["class_names"].tolist() if "class_names" in arrays else []


if __name__ == "__main__":
    sys.exit(main())
