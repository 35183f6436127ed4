"""Boxes with words on images, in figures and in videos."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image, ImageDraw, ImageFont

from slowfast.datasets.media.encode import Encoding, MediaWriter
from slowfast.visualization.figures import COLORS, short, to_png

WORD_LENGTH, FRAME_WORD_LENGTH = 34, 40
MIN_HEIGHT = 360  # of a frame with words on it


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


def draw_boxes(frame: np.ndarray, boxes: Iterable[LabelledBox]) -> np.ndarray:
    """Return a copy of a frame, uint8 ``(H, W, 3)``, with boxes and their words.

    Small frames are enlarged a whole number of times, so that words leave something to see.
    """
    height, width = frame.shape[:2]
    times = max(1, round(MIN_HEIGHT / height))
    height, width = height * times, width * times
    image = Image.fromarray(frame).resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    size = max(10, height // 28)
    font = ImageFont.load_default(size)
    for place, drawn in enumerate(boxes):
        color = COLORS[place % len(COLORS)]
        x1, y1, x2, y2 = np.array(drawn.box) * [width, height, width, height]
        draw.rectangle([x1, y1, x2, y2], outline=color, width=max(2, height // 160))
        for line, word in enumerate(drawn.words):
            text = short(word, FRAME_WORD_LENGTH)
            at = (x1 + 2, y1 + 2 + line * (size + 4))
            draw.rectangle(draw.textbbox(at, text, font=font), fill=color)
            draw.text(at, text, fill="white", font=font)
    return np.asarray(image)


def write_video(path: str | Path, frames: Iterable[np.ndarray], fps: float) -> int:
    """Write frames, uint8 ``(H, W, 3)``, as H.264 and return how many there were.

    Odd rows and columns, which H.264 cannot hold, are cut off. The file appears when it is whole.
    """
    with MediaWriter(path, Encoding(gop=250, crf=20, preset="medium"), fps) as writer:
        for frame in frames:
            writer.add(frame)
    return writer.count
