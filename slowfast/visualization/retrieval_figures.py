"""Figures of embeddings: what is found, and where things lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from slowfast.visualization.figures import COLORS, GREY, MARKERS, short, to_png

CELL_INCHES = 2.6
NUM_NAMED = 12  # classes with a colour; the others are grey
OTHERS = "#c4c4c4"


@dataclass
class Cell:
    """A file in a table of film strips.

    Attributes:
        strip: uint8 ``(T, H, W, 3)``, or None where the file cannot be shown.
        lines: what stands above it.
        framed: whether it is the one that was looked for.
    """

    strip: np.ndarray | None
    lines: tuple[str, str]
    framed: bool = False


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


def strip_table(rows: Sequence[Sequence[Cell]], header: Sequence[str]) -> bytes:
    """Draw rows of film strips: a query, then what was found for it.

    Args:
        rows: cells, as many in each as there are column titles.
        header: column titles.
    """
    images = [[_join(cell.strip) for cell in row] for row in rows]
    flattest = max(p.shape[0] / p.shape[1] for row in images for p in row)
    height = len(rows) * (CELL_INCHES * flattest + 0.52) + 0.3
    figure = Figure(figsize=(CELL_INCHES * len(header), height), layout="constrained")
    grid = figure.subplots(len(rows), len(header), squeeze=False)
    for places, row, joined in zip(grid, rows, images, strict=True):
        for axes, cell, image in zip(places, row, joined, strict=True):
            axes.imshow(image)
            axes.set_anchor("NW")
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set(color=COLORS[0], linewidth=4, visible=cell.framed)
            axes.set_title("\n".join(cell.lines), fontsize=7.5, loc="left", linespacing=1.3)
            if cell.strip is None:
                axes.text(0.5, 0.5, "cannot be shown", ha="center", va="center",
                          transform=axes.transAxes, color=GREY, fontsize=8)  # fmt: skip
    for axes, title in zip(grid[0], header, strict=True):
        place = (0, 1), (0, 32)
        axes.annotate(title, place[0], place[1], xycoords="axes fraction",
                      textcoords="offset points", fontsize=9, fontweight="bold")  # fmt: skip
    return to_png(figure, crop=False)


def _join(strip: np.ndarray | None) -> np.ndarray:
    """Put the frames of a strip beside each other, with white lines between them."""
    if strip is None:
        return np.full((20, 100, 3), 235, np.uint8)
    gap = np.full((strip.shape[1], max(1, strip.shape[2] // 40), 3), 255, np.uint8)
    parts = [part for frame in strip for part in (frame, gap)]
    return np.concatenate(parts[:-1], axis=1)


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
