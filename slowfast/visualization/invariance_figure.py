"""A figure of what a network ignores: reversal and shift, and similarity against distance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from slowfast.visualization.figures import CHANCE, COLORS, GREY, MARKERS, to_png


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
