"""Frame-mAP of AVA: do boxes of people, each with an action and a score, find the annotated ones?

The protocol is that of the ActivityNet AVA challenge (Gu et al., "AVA: A Video Dataset of
Spatio-temporally Localized Atomic Visual Actions", CVPR 2018) as PySlowFast evaluates it:

- A detection is right if it reaches an intersection over union of 0.5 with the ground-truth box of
  its key frame and class that it covers best, and no earlier detection has found that box.
- All detections of a class are ranked by score over all key frames; the AP is the area under the
  envelope of precision over recall (:mod:`slowfast.evaluation.average_precision`).
- The mAP is the mean over the classes that have ground truth. A class without ground truth has no AP
  (NaN), a class with ground truth and no detection has AP 0.
- Detections on key frames without ground truth are wrong. Excluded key frames, and classes that the
  label map does not name, count on neither side. Detected boxes without area are dropped.

**Match order.** Which detection is the *earlier* one differs between evaluators. PySlowFast and the
SEVERE benchmark take the detections of a key frame as they stand in the file (``input``, the
default); PASCAL VOC takes the best score first (``score``). Where boxes overlap, the two give
different numbers, so every result says which one it used.

    python -m slowfast.evaluation.ava outputs/ava/RUN
    python -m slowfast.evaluation.ava --ground-truth ava_val_v2.2.csv --detections detections.csv \\
        --label-map ava_action_list_v2.2_for_activitynet_2019.pbtxt \\
        --excluded ava_val_excluded_timestamps_v2.2.csv --plots plots
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from slowfast.evaluation.ava.files import (
    read_detections,
    read_excluded,
    read_ground_truth,
)
from slowfast.evaluation.ava.label_map import read_label_map
from slowfast.evaluation.average_precision import (
    Curve,
    average_precision,
    precision_recall,
    ranking,
)
from slowfast.evaluation.boxes import Boxes, image_keys
from slowfast.evaluation.frame_matching import (
    Confusions,
    FrameBoxes,
    confusions,
    prepare,
    true_positives,
)
from slowfast.utils.errors import AnnotationError, SlowFastError
from slowfast.utils.files import null_for_nan

MATCH_ORDERS = ("input", "score")


@dataclass(frozen=True, eq=False)
class AvaResult:
    """What :func:`evaluate` found.

    Attributes:
        mean_ap: the mean of the classes' APs, a fraction; NaN where no class has ground truth.
        per_class: class id to AP, NaN for a class without ground truth.
        class_names: class id to name.
        match_order: ``input`` or ``score``.
        iou_threshold: least overlap of a right detection.
        counts: key frames and boxes that took part, and those that were left out, by reason.
        ground_truth, detections: boxes that took part, by class id.
        curves: class id to precision over recall; empty curves where nothing was found.
        confusions: in the order of ``per_class``, if they were asked for.
    """

    mean_ap: float
    per_class: dict[int, float]
    class_names: dict[int, str]
    match_order: str
    iou_threshold: float
    counts: dict[str, int]
    ground_truth: dict[int, int]
    detections: dict[int, int]
    curves: dict[int, Curve]
    confusions: Confusions | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers for a JSON file, best class first; None stands for NaN."""
        found = {
            "mean_ap": self.mean_ap,
            "iou_threshold": self.iou_threshold,
            "match_order": self.match_order,
            "counts": self.counts,
            "classes": [
                {
                    "id": label,
                    "name": self.class_names[label],
                    "ap": self.per_class[label],
                    "ground_truth": self.ground_truth[label],
                    "detections": self.detections[label],
                }
                for label in self.best_first()
            ],
        }
        return null_for_nan(found)

    def best_first(self) -> list[int]:
        """Return the class ids by falling AP; those without one come last."""
        return sorted(
            self.per_class, key=lambda label: -np.nan_to_num(self.per_class[label], nan=-1)
        )


def boxes_of(table: pd.DataFrame) -> Boxes:
    """Return the rows of a data frame, whose columns are in the order of AVA's files.

    Raises:
        AnnotationError: there are fewer than seven columns, or no row.
    """
    if table.shape[1] < 7 or not len(table):
        raise AnnotationError(
            f"a data frame of {table.shape[0]} rows and {table.shape[1]} columns, expected video, "
            "second, x1, y1, x2, y2, action and, for detections, the score."
        )
    columns = [table.iloc[:, k].to_numpy() for k in range(min(table.shape[1], 8))]
    keys = image_keys(map(str, columns[0]), map(int, columns[1]))
    corners = np.stack([column.astype(float) for column in columns[2:6]], axis=1)
    # The eighth column of ground truth is a person, which plays no part.
    scores = columns[7].astype(float) if len(columns) == 8 else None
    return Boxes(keys, corners, columns[6].astype(int), scores)


def evaluate(
    ground_truth: Boxes,
    detections: Boxes,
    label_map: Mapping[int, str] | None = None,
    excluded: Collection[str] = (),
    iou_threshold: float = 0.5,
    match_order: str = "input",
    with_confusions: bool = False,
) -> AvaResult:
    """Return frame-mAP and the APs of all classes.

    Args:
        ground_truth: annotated boxes; their scores play no part.
        detections: scored boxes. Their order matters, see ``match_order``.
        label_map: class id to name of the classes that count. By default all classes of the
            ground truth count, named by their ids.
        excluded: key frames that do not count, as ``video,second``.
        iou_threshold: least overlap of a right detection, in (0, 1].
        match_order: who finds a box that several detections cover: ``input``, the one that stands
            first in ``detections`` (PySlowFast, SEVERE); ``score``, the one with the best score
            (VOC), among equals the first.
        with_confusions: also look what the most certain false alarms were mistaken for.

    Raises:
        ValueError: an argument is out of range.
        SlowFastError: there is no class, or a ground-truth box ends before it begins.
    """
    names = _class_names(ground_truth, label_map)
    _check_arguments(excluded, iou_threshold, match_order)
    found, truth, counts = prepare(ground_truth, detections, list(names), excluded)
    hits = true_positives(found, truth, iou_threshold, by_score=match_order == "score")
    ranked = _ranked(found, len(names))
    relevant = np.bincount(truth.kind, minlength=len(names)).tolist()
    curves = [precision_recall(hits[rows], n) for rows, n in zip(ranked, relevant, strict=True)]
    aps = [average_precision(curve, n) for curve, n in zip(curves, relevant, strict=True)]
    defined = [ap for ap in aps if not np.isnan(ap)]
    mistaken = None
    if with_confusions:
        # As many detections of a class as it has ground truth: a perfect ranking has no others.
        certain = np.concatenate([rows[:n] for rows, n in zip(ranked, relevant, strict=True)])
        mistaken = confusions(found, truth, certain[~hits[certain]], len(names), iou_threshold)
    return AvaResult(
        mean_ap=float(np.mean(defined)) if defined else float("nan"),
        per_class=dict(zip(names, aps, strict=True)),
        class_names=names,
        match_order=match_order,
        iou_threshold=iou_threshold,
        counts=counts,
        ground_truth=dict(zip(names, relevant, strict=True)),
        detections=dict(zip(names, map(len, ranked), strict=True)),
        curves=dict(zip(names, curves, strict=True)),
        confusions=mistaken,
    )


def _class_names(ground_truth: Boxes, label_map: Mapping[int, str] | None) -> dict[int, str]:
    if label_map is None:
        label_map = {int(label): str(label) for label in np.unique(ground_truth.labels)}
    if not label_map:
        raise SlowFastError(
            "There is no class to evaluate: the label map or ground truth is empty."
        )
    return {int(label): str(label_map[label]) for label in sorted(label_map)}


def _check_arguments(excluded: Any, iou_threshold: float, match_order: str) -> None:
    if match_order not in MATCH_ORDERS:
        raise ValueError(f"match_order {match_order!r}: choose one of {', '.join(MATCH_ORDERS)}")
    if not 0 < iou_threshold <= 1:
        raise ValueError(f"iou_threshold {iou_threshold}: expected a number in (0, 1]")
    if isinstance(excluded, (str, Path)):
        raise ValueError(f"excluded {str(excluded)!r}: expected keys; read_excluded reads a file")


def evaluate_files(
    ground_truth: str | Path | pd.DataFrame,
    detections: str | Path | pd.DataFrame,
    label_map: str | Path | Mapping[int, str] | None = None,
    excluded: str | Path | pd.DataFrame | Collection[str] | None = None,
    iou_threshold: float = 0.5,
    match_order: str = "input",
    with_confusions: bool = False,
) -> AvaResult:
    """Return :func:`evaluate` of AVA's files (:mod:`slowfast.evaluation.ava.files`) or data frames.

    Args:
        ground_truth: file, or columns in the order of AVA's files: video, second, x1, y1, x2, y2,
            action, and any more.
        detections: the same with the score as the eighth column.
        label_map: file, or class id to name.
        excluded: file, columns video and second, or keys ``video,second``.
        iou_threshold, match_order, with_confusions: see :func:`evaluate`.

    Raises:
        AnnotationError: a file is missing, empty or has a wrong line.
        ValueError, SlowFastError: see :func:`evaluate`.
    """
    truth, found = (
        boxes_of(source) if isinstance(source, pd.DataFrame) else read(source)
        for source, read in ((ground_truth, read_ground_truth), (detections, read_detections))
    )
    if isinstance(label_map, (str, Path)):
        label_map = read_label_map(label_map)
    if isinstance(excluded, (str, Path)):
        excluded = read_excluded(excluded)
    elif isinstance(excluded, pd.DataFrame):
        videos, seconds = excluded.iloc[:, 0], excluded.iloc[:, 1]
        excluded = image_keys(map(str, videos), map(int, seconds))
    keys = set() if excluded is None else set(excluded)
    return evaluate(truth, found, label_map, keys, iou_threshold, match_order, with_confusions)


def evaluate_ava(
    ground_truth: str | Path | pd.DataFrame,
    detections: str | Path | pd.DataFrame,
    label_map: str | Path | Mapping[int, str] | None = None,
    excluded: str | Path | pd.DataFrame | Collection[str] | None = None,
    iou_threshold: float = 0.5,
    match_order: str = "input",
) -> dict[str, Any]:
    """Return what :func:`evaluate_files` finds, as plain values.

    Returns:
        ``mAP`` (a fraction), ``per_class`` (class name to AP, NaN where a class has no ground
        truth), ``match_order``, ``iou_threshold`` and ``counts``.
    """
    sources = (ground_truth, detections, label_map, excluded)
    result = evaluate_files(*sources, iou_threshold, match_order)
    names = result.class_names
    return {
        "mAP": result.mean_ap,
        "per_class": {names[label]: ap for label, ap in result.per_class.items()},
        "match_order": result.match_order,
        "iou_threshold": result.iou_threshold,
        "counts": result.counts,
    }


def _ranked(found: FrameBoxes, classes: int) -> list[np.ndarray]:
    """Return the rows of each class, best score first."""
    # Whole numbers of 16 bits are sorted by counting, several times as fast as by comparing.
    small = found.kind.astype(np.int16 if classes < 2**15 else np.int64)
    by_class = np.argsort(small, kind="stable")
    ends = np.cumsum(np.bincount(found.kind, minlength=classes))[:-1]
    return [rows[ranking(found.scores[rows])] for rows in np.split(by_class, ends)]
