"""The part of a report about zero-shot classes: how near they lie to those that were learned."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from slowfast.evaluation.zero_shot import nearest_class
from slowfast.visualization import page
from slowfast.visualization.figures import COLORS, GREY, short, to_png
from slowfast.visualization.sections import SECTIONS

MAX_ROWS, MAX_COLUMNS = 50, 60
NUM_VIDEOS, NUM_NAMES = 12, 3
MAX_NAME = 34


@SECTIONS.register(name="zero_shot")
def sections(found: dict[str, np.ndarray]) -> list[str]:
    """Return the similarity of training and test classes, and the nearest names of some videos.

    Args:
        found: ``embedding`` ``(N, D)``, ``label``, ``valid``, ``path`` ``(N,)``, ``class_names`` and
            ``class_vectors`` ``(C, D)``, ``model_choice``; where the training classes are known, ``train_names``,
            ``train_vectors`` and ``train_kept``.
    """
    parts = _map(found) if len(found.get("train_names", ())) else []
    choice = page.paragraph(f"Tested: the {found['model_choice']}.")
    return [page.heading("Zero-shot"), choice, *parts, *_nearest_names(found)]


def _map(found: dict[str, np.ndarray]) -> list[str]:
    names = [str(name) for name in found["class_names"]]
    learned = [str(name) for name in found["train_names"]]
    kept = found["train_kept"].astype(bool)
    scores = found["train_vectors"] @ found["class_vectors"].T
    rows, columns = nearest_rows(scores, kept)
    figure = similarity_figure(
        scores[np.ix_(rows, columns)],
        [learned[k] for k in rows],
        [names[k] for k in columns],
        kept[rows],
    )
    text = (
        f"Cosines between the names of {len(learned)} training classes and {len(names)} test classes: "
        f"the {len(rows)} nearest training classes. A cross marks those that were left out of training, "
        f"{int((~kept).sum())} in all; what is dark beside a class that stayed was learned under "
        "another name."
    )
    return [
        page.heading("Training classes near the test classes"),
        page.paragraph(text),
        page.image(figure, "similarity of training and test classes"),
    ]


def nearest_rows(scores: np.ndarray, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and columns of ``(C, C')`` to draw, nearest pairs first.

    Args:
        kept: bool ``(C,)``; half of the rows at most are classes that were not.
    """
    order = np.argsort(-scores.max(axis=1), kind="stable")
    lost = order[~kept[order]][: MAX_ROWS // 2]
    stayed = order[kept[order]][: MAX_ROWS - len(lost)]
    rows = np.concatenate([lost, stayed])
    nearest = np.argsort(-scores[rows].max(axis=0), kind="stable")[:MAX_COLUMNS]
    place = scores[np.ix_(rows, nearest)].argmax(axis=0)
    return rows, nearest[np.argsort(place, kind="stable")]


def similarity_figure(
    scores: np.ndarray, rows: list[str], columns: list[str], kept: np.ndarray
) -> bytes:
    """Plot cosines ``(R, C)`` with the rows that were left out crossed."""
    size = (2.5 + 0.2 * len(columns), 1.5 + 0.2 * len(rows))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(scores, cmap="Blues", vmin=min(0.0, float(scores.min())), vmax=1)
    marks = ["" if good else "\u00d7 " for good in kept]
    labels = [mark + short(name, MAX_NAME) for mark, name in zip(marks, rows, strict=True)]
    axes.set_xticks(
        range(len(columns)), [short(n, MAX_NAME) for n in columns], rotation=90, fontsize=8
    )
    axes.set_yticks(range(len(rows)), labels, fontsize=8)
    for tick, good in zip(axes.get_yticklabels(), kept, strict=True):
        tick.set_color("black" if good else COLORS[1])
    for row in np.flatnonzero(~kept):
        axes.plot(scores[row].argmax(), row, "x", color=COLORS[1], markersize=6)
    axes.set_xlabel("test classes")
    axes.set_ylabel("training classes", color=GREY)
    figure.colorbar(image, ax=axes, shrink=0.6, label="cosine of their names")
    return to_png(figure)


def _nearest_names(found: dict[str, np.ndarray]) -> list[str]:
    readable = np.flatnonzero(found["valid"].astype(bool))
    if not len(readable):
        return []
    chosen = readable[np.linspace(0, len(readable) - 1, min(NUM_VIDEOS, len(readable))).astype(int)]
    names = [str(name) for name in found["class_names"]]
    vectors = found["class_vectors"]
    nearest = nearest_class(found["embedding"][chosen], vectors, NUM_NAMES)
    rows: list[list[Any]] = []
    for row, classes in zip(chosen, nearest, strict=True):
        cosines = vectors[classes] @ found["embedding"][row]
        words = [f"{names[k]} ({c:.2f})" for k, c in zip(classes, cosines, strict=True)]
        file = short(PurePath(str(found["path"][row])).name, MAX_NAME)
        rows.append([file, names[found["label"][row]], ", ".join(words)])
    header = ["video", "class", "nearest names (cosine)"]
    return [page.heading("Nearest names of some videos"), page.table(header, rows)]
