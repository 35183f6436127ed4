"""Average precision of boxes on key frames, one detection at a time: slow, and hard to get wrong."""

from __future__ import annotations

import itertools
import math


def overlap(a, b) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / union if union > 0 else 0.0


def _right_ones(detections, boxes, threshold) -> list[tuple[float, bool]]:
    """Return the score of each detection of one frame and class, and whether it is right."""
    taken, judged = set(), []
    for box, score in detections:
        overlaps = [overlap(box, other) for other in boxes]
        best = max(range(len(boxes)), key=overlaps.__getitem__, default=None)
        right = best is not None and overlaps[best] >= threshold and best not in taken
        taken |= {best} if right else set()
        judged.append((score, right))
    return judged


def average_precision(truth, found, label, threshold=0.5, by_score=False) -> float:
    """Return the AP of a class.

    Args:
        truth: rows ``(key, box, label)``.
        found: rows ``(key, box, label, score)``.
    """
    relevant = [(key, box) for key, box, kind in truth if kind == label]
    if not relevant:
        return math.nan
    mine = [row for row in found if row[2] == label]
    judged = []
    for key in dict.fromkeys(row[0] for row in found):
        detections = [
            (box, score)
            for other, box, _, score in mine
            if other == key and box[2] > box[0] and box[3] > box[1]
        ]
        if by_score:
            detections.sort(key=lambda pair: -pair[1])
        boxes = [box for other, box in relevant if other == key]
        judged += _right_ones(detections, boxes, threshold)
    judged.sort(key=lambda pair: pair[0])
    judged.reverse()
    points, hits = [], 0
    for place, (_, right) in enumerate(judged, 1):
        hits += right
        points.append((hits / len(relevant), hits / place))
    steps = sorted({recall for recall, _ in points} | {0.0})
    return sum(
        (high - low) * max(precision for recall, precision in points if recall >= high)
        for low, high in itertools.pairwise(steps)
    )
