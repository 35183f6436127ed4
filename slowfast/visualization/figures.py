"""Plots of a run as PNG bytes. Colours are chosen to be told apart without hue as well."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

matplotlib.use("Agg")

COLORS = ("#1b6ca8", "#d1495b", "#2e8b57", "#edae49", "#6a4c93", "#5c677d")
DPI = 110
MAX_NAMED_CLASSES = 60


def to_png(figure: Figure) -> bytes:
    """Render a figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight")
    return buffer.getvalue()


def learning_curves(rows: Sequence[dict[str, Any]], keys: Sequence[str]) -> bytes:
    """Plot numbers of ``stats.jsonl`` over the steps.

    Args:
        rows: of the log; ``train_iter`` rows are drawn as lines, ``val_epoch`` rows with dots.
        keys: one panel each, for example ``loss`` or ``top1_acc``.
    """
    figure = Figure(figsize=(4.4 * len(keys), 3.2), layout="constrained")
    for place, key in enumerate(keys):
        axes = figure.add_subplot(1, len(keys), place + 1)
        for color, kind, style in ((0, "train_iter", "-"), (1, "val_epoch", "o-")):
            points = [(r["step"], r[key]) for r in rows if r["_type"] == kind and key in r]
            if points:
                axes.plot(*zip(*points, strict=True), style, color=COLORS[color], ms=4, label=kind)
        axes.set_title(key)
        axes.set_xlabel("step")
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return to_png(figure)


def confusion_picture(matrix: np.ndarray, class_names: Sequence[str]) -> bytes:
    """Plot a confusion matrix ``(C, C + 1)``, each row as shares of its true class."""
    totals = np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    shares = matrix / totals
    if not matrix[:, -1].any():
        shares = shares[:, :-1]
    count = len(matrix)
    side = min(3 + 0.32 * count, 12)
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    if count <= MAX_NAMED_CLASSES:
        names = list(class_names)
        columns = names + ["unreadable"] * (shares.shape[1] - count)
        axes.set_xticks(range(len(columns)), columns, rotation=90)
        axes.set_yticks(range(count), names)
    if count <= 12:
        for y, x in np.argwhere(shares >= 0.005):
            ink = "white" if shares[y, x] > 0.5 else "black"
            axes.text(x, y, f"{100 * shares[y, x]:.0f}", ha="center", va="center", color=ink)
    figure.colorbar(image, ax=axes, shrink=0.7, label="share of the true class")
    return to_png(figure)


def film_strips(strips: Sequence[np.ndarray], captions: Sequence[str]) -> bytes:
    """Draw rows of frames with a caption each.

    Args:
        strips: one ``(T, H, W, 3)`` uint8 array per video.
        captions: one line per video.
    """
    rows, frames = len(strips), len(strips[0])
    figure = Figure(figsize=(1.35 * frames, 1.3 * rows), layout="constrained")
    for row, (strip, caption) in enumerate(zip(strips, captions, strict=True)):
        for column, picture in enumerate(strip):
            axes = figure.add_subplot(rows, frames, row * frames + column + 1)
            axes.imshow(picture)
            axes.set_axis_off()
            if column == 0:
                axes.set_title(caption, fontsize=8, loc="left")
    return to_png(figure)


def bar_chart(labels: Sequence[str], values: Sequence[float], title: str, unit: str) -> bytes:
    """Draw horizontal bars with their values."""
    figure = Figure(figsize=(6.4, 0.9 + 0.38 * len(labels)), layout="constrained")
    axes = figure.add_subplot()
    places = np.arange(len(labels))[::-1]
    bars = axes.barh(places, values, color=COLORS[0])
    axes.bar_label(bars, fmt="%.1f", padding=3)
    axes.set_yticks(places, labels)
    axes.set_xlabel(unit)
    axes.set_title(title)
    axes.margins(x=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    return to_png(figure)
