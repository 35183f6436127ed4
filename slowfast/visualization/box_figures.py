"""Boxes with words on images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from slowfast.visualization.figures import COLORS, short, to_png

WORD_LENGTH = 34


@dataclass(frozen=True)
class LabelledBox:
    """A box and what stands at it.

    Attributes:
        box: ``x1, y1, x2, y2`` as shares of the image.
        words: one line each.
    """

    box: tuple[float, float, float, float]
    words: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class BoxImage:
    """An image, uint8 ``(H, W, 3)``, with detected and annotated boxes."""

    image: np.ndarray
    title: str
    detected: list[LabelledBox]
    annotated: list[LabelledBox]


def box_pairs(pairs: Sequence[BoxImage]) -> bytes:
    """Draw each image twice, side by side: with its detected and with its annotated boxes."""
    shapes = [pair.image.shape for pair in pairs]
    height = sum(5.2 * h / w + 0.35 for h, w, _ in shapes)
    figure = Figure(figsize=(11, height), layout="constrained")
    ratios = [h / w for h, w, _ in shapes]
    grid = figure.subplots(len(pairs), 2, squeeze=False, height_ratios=ratios)
    for (left, right), pair in zip(grid, pairs, strict=True):
        _draw(left, pair.image, pair.detected, f"{pair.title}: detected")
        _draw(right, pair.image, pair.annotated, "annotated")
    return to_png(figure)


def _draw(axes, image: np.ndarray, boxes: Sequence[LabelledBox], title: str) -> None:
    height, width = image.shape[:2]
    axes.imshow(image)
    axes.set_title(short(title), fontsize=9)
    axes.set_axis_off()
    for place, drawn in enumerate(boxes):
        color = COLORS[place % len(COLORS)]
        x1, y1, x2, y2 = np.array(drawn.box) * [width, height, width, height]
        axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, lw=2, color=color))
        text = "\n".join(short(word, WORD_LENGTH) for word in drawn.words)
        if text:
            axes.text(
                x1,
                max(y1, 0),
                text,
                color="white",
                fontsize=7,
                va="bottom" if y1 > 0.25 * height else "top",
                bbox={"facecolor": color, "alpha": 0.85, "pad": 1.5, "edgecolor": "none"},
                clip_on=True,
            )
