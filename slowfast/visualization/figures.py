"""Plots as PNG bytes.

The colours are those of Okabe and Ito, which colour-blind readers tell apart; dashes, markers and
words say the same once more.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from slowfast.visualization.curves import Panel

matplotlib.use("Agg")
# A dollar sign in a class or file name is a dollar sign.
matplotlib.rcParams["text.parse_math"] = False

COLORS = ("#0072b2", "#d55e00", "#56b4e9", "#222222", "#e69f00", "#009e73", "#cc79a7", "#8a8a8a")
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1)), (0, (5, 1.5, 1, 1.5)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
CHANCE = {"linestyle": (0, (4, 3)), "linewidth": 1.1}
GREY = "#555555"
WHISKER = {"color": GREY, "capsize": 3, "linewidth": 1.1}
FROM_POINT = {"textcoords": "offset points"}
DPI = 110
MAX_NAMED_CLASSES = 60
PANELS_PER_ROW = 3


def short(text: str, length: int = 100) -> str:
    """Return one line of at most ``length`` letters that can be drawn; the middle is what goes."""
    text = " ".join(text.encode("utf-8", "replace").decode().split())
    half = (length - 1) // 2
    return text if len(text) <= length else f"{text[:half]}\u2026{text[-half:]}"


def to_png(figure: Figure, crop: bool = True) -> bytes:
    """Render a figure, without its empty margins unless ``crop`` is False."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight" if crop else None)
    return buffer.getvalue()


def learning_curves(panels: Sequence[Panel], last_step: int) -> bytes:
    """Plot numbers over the steps, at most :data:`PANELS_PER_ROW` panels side by side.

    Args:
        panels: see :func:`slowfast.visualization.curves.find_panels`.
        last_step: where the axes of all panels end.
    """
    legend_rows = max((len(panel.series) + 2) // 2 for panel in panels)
    height = 2.9 + 0.17 * legend_rows
    figure = Figure(figsize=(4.0 * PANELS_PER_ROW, height), layout="constrained")
    places = figure.subplots(1, PANELS_PER_ROW)
    for axes, panel in zip(places, panels, strict=False):
        _draw_panel(axes, panel)
        axes.set_xlim(-0.02 * last_step, 1.02 * last_step)
    for axes in places[len(panels) :]:
        axes.set_axis_off()
    return to_png(figure, crop=False)


def _draw_panel(axes, panel: Panel) -> None:
    for place, series in enumerate(panel.series):
        color = COLORS[place % len(COLORS)]
        # Thinner and thinner, so that one curve does not hide another of the same values.
        share = place / len(panel.series)
        if series.dots or len(series.points) < 3:
            style = {"marker": MARKERS[place % len(MARKERS)], "markersize": 6.5 - 3 * share}
        else:
            style = {"linestyle": DASHES[place % len(DASHES)]}
        steps, values = zip(*series.points, strict=True)
        axes.plot(steps, values, color=color, lw=2.2 - share, label=series.label, **style)
        if series.chance is not None:
            axes.axhline(series.chance, color=color, **CHANCE)
    handles, _ = axes.get_legend_handles_labels()
    if any(series.chance is not None for series in panel.series):
        several = len(panel.series) > 1
        label = "chance (same colour)" if several else "chance"
        handles.append(Line2D([], [], color=GREY, label=label, **CHANCE))
    if len(handles) > 1:
        axes.legend(
            handles=handles,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.2),
            ncols=2,
            fontsize=8,
            handlelength=3,
            frameon=False,
        )
    axes.set_title(panel.title, fontsize=10)
    axes.set_xlabel("step", fontsize=9)
    axes.locator_params(axis="x", nbins=6)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def confusion_figure(matrix: np.ndarray, class_names: Sequence[str]) -> bytes:
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
        names = [short(name, 40) for name in class_names]
        columns = names + ["unreadable"] * (shares.shape[1] - count)
        axes.set_xticks(range(len(columns)), columns, rotation=90)
        axes.set_yticks(range(count), names)
    if count <= 12:
        for y, x in np.argwhere(shares >= 0.005):
            ink = "white" if shares[y, x] > 0.5 else "black"
            axes.text(x, y, f"{100 * shares[y, x]:.0f}", ha="center", va="center", color=ink)
    figure.colorbar(image, ax=axes, shrink=0.7, label="share of the true class")
    return to_png(figure)


def bar_chart(
    labels: Sequence[str],
    values: Sequence[float],
    title: str,
    unit: str,
    chance: float | None = None,
    spread: Sequence[float] = (),
) -> bytes:
    """Draw horizontal bars with their values and deviations, and chance where it is given."""
    figure = Figure(figsize=(6.4, 0.9 + 0.38 * len(labels)), layout="constrained")
    axes = figure.add_subplot()
    places = np.arange(len(labels))[::-1]
    spread = spread or [0.0] * len(values)
    axes.barh(places, values, color=COLORS[0])
    for place, value, half in zip(places, values, spread, strict=True):
        if half:
            axes.errorbar(value, place, xerr=half, **WHISKER)
        at = _beside(value + half, chance, 0.1 * max(values))
        axes.annotate(f"{value:.1f}", (at, place), (3, 0), va="center", **FROM_POINT)
    axes.set_yticks(places, [short(label) for label in labels])
    axes.set_xlabel(unit)
    axes.set_title(title)
    axes.margins(x=0.12)
    if chance is not None:
        axes.axvline(chance, color=GREY, label=f"chance {chance:g}", **CHANCE)
        figure.legend(loc="outside lower right", frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    return to_png(figure)


def _beside(value: float, chance: float | None, room: float) -> float:
    """Return where the number of a bar begins: beyond the chance line if that would cross it."""
    return chance if chance is not None and value <= chance < value + room else value


def grouped_bars(
    values: dict[str, dict[str, float]],
    title: str,
    unit: str,
    chance: float | None = None,
    spread: dict[str, dict[str, float]] | None = None,
) -> bytes:
    """Draw groups of bars side by side, one colour for each name.

    Args:
        values: group, then name, to a number; a group may lack a name.
        title: above the bars.
        unit: what the numbers are.
        chance: drawn as a dashed line.
        spread: deviations of the numbers that have one.
    """
    names = list(dict.fromkeys(name for group in values.values() for name in group))
    width = 0.8 / len(names)
    size = (1.6 + len(values) * max(1.6, 0.6 * len(names)), 3.9)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    tallest = max(value for group in values.values() for value in group.values())
    handles = []
    for place, name in enumerate(names):
        there = [(k, group) for k, group in enumerate(values) if name in values[group]]
        at = [k + (place - (len(names) - 1) / 2) * width for k, _ in there]
        tall = [values[group][name] for _, group in there]
        color = COLORS[place % len(COLORS)]
        handles.append(axes.bar(at, tall, 0.92 * width, color=color, label=short(name)))
        for x, value, (_, group) in zip(at, tall, there, strict=True):
            half = (spread or {}).get(group, {}).get(name, 0.0)
            if half:
                axes.errorbar(x, value, yerr=half, **WHISKER)
            y = _beside(value + half, chance, 0.08 * tallest)
            axes.annotate(f"{value:.1f}", (x, y), (0, 3), ha="center", fontsize=9, **FROM_POINT)
    if chance is not None:
        handles.append(axes.axhline(chance, color=GREY, label=f"chance {chance:g}", **CHANCE))
    axes.set_xticks(range(len(values)), [textwrap.fill(short(group), 22) for group in values])
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel(unit)
    axes.set_title(title)
    axes.margins(y=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    columns = min(4, len(handles))
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, frameon=False)
    return to_png(figure)


def invariance_figure(results: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Plot the measures of :func:`slowfast.evaluation.invariance.measure` of several spaces as PNG."""
    figure = Figure(figsize=(10.0, 3.8), layout="constrained")
    bars, curve = figure.subplots(1, 2)
    places = np.arange(2)
    width = 0.8 / max(len(results), 1)
    for k, (name, found) in enumerate(results.items()):
        kept = [found[step]["kept"] for step in ("reversal", "shift")]
        style = {"color": COLORS[k % len(COLORS)], "label": name}
        offset = (k - (len(results) - 1) / 2) * width
        bars.bar(places + offset, [np.nan if x is None else x for x in kept], width, **style)
        rows = [row for row in found["curve"] if row["kept"] is not None]
        x, y = ([row[key] for row in rows] for key in ("distance", "kept"))
        curve.plot(x, y, marker=MARKERS[k % len(MARKERS)], **style)
    bars.set_xticks(places, ["reversal", "shift"])
    bars.set_ylabel("similarity kept")
    bars.set_title("1: ignored, 0: as another video", fontsize=9)
    curve.set_xlabel("distance of the starts in seconds")
    curve.set_ylabel("similarity kept")
    curve.legend(fontsize=8)
    for axes in (bars, curve):
        axes.axhline(0, color=GREY, **CHANCE)
        axes.axhline(1, color=GREY, **CHANCE)
    return to_png(figure)
