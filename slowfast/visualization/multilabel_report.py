"""The part of a report about videos with several labels."""

from __future__ import annotations

import numpy as np

from slowfast.evaluation import multilabel
from slowfast.visualization import page
from slowfast.visualization.figures import bar_chart
from slowfast.visualization.sections import SECTIONS

BARS = 60


@SECTIONS.register(name="multilabel")
def sections(found: dict[str, np.ndarray]) -> list[str]:
    """Return the average precision of each class.

    Args:
        found: ``scores`` and ``labels`` ``(N, C)``, ``path`` ``(N,)``, ``class_names`` and
            ``class_ap`` ``(C,)``.
    """
    result = multilabel.evaluate(found["scores"], found["labels"])
    if not result.positives.any():
        return [page.paragraph("The mAP is undefined: no class has a positive video.")]
    names = [str(name) for name in found["class_names"]]
    order = [k for k in np.argsort(-np.nan_to_num(result.per_class, nan=-1)) if result.positives[k]]
    shares = 100 * result.positives / len(found["scores"])
    rows = [
        [names[k], int(result.positives[k]), float(100 * result.per_class[k]), float(shares[k])]
        for k in order
    ]
    shown = order if len(order) <= BARS else [*order[: BARS // 2], *order[-(BARS // 2) :]]
    values = [100 * result.per_class[k] for k in shown]
    bars = bar_chart([names[k] for k in shown], values, "average precision", "%")
    return [
        page.heading("Classes, best first"),
        page.paragraph(
            f"mAP {100 * result.mean:.2f} %, weighted by positives {100 * result.weighted:.2f} %. "
            "Scores drawn at random would reach the share of positives."
        ),
        page.image(bars, "average precision of each class"),
        page.table(["class", "videos", "AP %", "positives %"], rows),
    ]
