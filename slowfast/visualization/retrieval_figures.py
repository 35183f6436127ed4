"""The map of embeddings: where things lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from slowfast.visualization.figures import COLORS, MARKERS, short, to_png

NUM_NAMED = 12  # classes with a colour; the others are grey
OTHERS = "#c4c4c4"


@dataclass
class Cloud:
    """Points in a plane.

    Attributes:
        title: what they are.
        points: ``(N, 2)``.
        shares: of the variance, along both axes; empty where they are not directions.
        labels: class numbers ``(N,)``, negative for none.
    """

    title: str
    points: np.ndarray
    shares: Sequence[float]
    labels: np.ndarray


def class_map(clouds: Sequence[Cloud], names: Sequence[str]) -> bytes:
    """Draw points in a plane, the most frequent classes each with a colour and a marker.

    Args:
        clouds: one panel each; their labels count the same classes.
        names: of the classes.
    """
    labels = np.concatenate([cloud.labels for cloud in clouds])
    classes, counts = np.unique(labels[labels >= 0], return_counts=True)
    shown = np.sort(classes[np.argsort(-counts, kind="stable")[:NUM_NAMED]])
    rest = "other classes" if len(classes) > len(shown) else "no label"
    figure = Figure(figsize=(4.6 * len(clouds), 5.0), layout="constrained")
    grid = figure.subplots(1, len(clouds), squeeze=False)[0]
    for axes, cloud in zip(grid, clouds, strict=True):
        others = ~np.isin(cloud.labels, shown)
        if others.any():
            label = rest if len(shown) else "files"
            axes.scatter(*cloud.points[others].T, s=10, color=OTHERS, label=label)
        for place, number in enumerate(shown):
            axes.scatter(
                *cloud.points[cloud.labels == number].T,
                s=24,
                color=COLORS[place % len(COLORS)],
                marker=MARKERS[place % len(MARKERS)],
                alpha=0.85,
                linewidths=0,
                # Legends leave out what begins with an underscore.
                label=" " + short(names[number], 26),
            )
        axes.set_title(cloud.title, fontsize=10)
        if len(cloud.shares):
            axes.set_xlabel(f"{cloud.shares[0]:.0%} of the variance", fontsize=9)
            axes.set_ylabel(f"{cloud.shares[1]:.0%} of the variance", fontsize=9)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    legend = dict(zip(*reversed(grid[0].get_legend_handles_labels()), strict=True))
    figure.legend(
        legend.values(),
        legend.keys(),
        loc="outside lower center",
        ncols=4,
        frameon=False,
        fontsize=8,
    )
    return to_png(figure, crop=False)
