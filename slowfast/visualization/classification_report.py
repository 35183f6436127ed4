"""The part of a report about predicted classes."""

from __future__ import annotations

import numpy as np

from slowfast.evaluation import classification
from slowfast.utils.errors import MediaError
from slowfast.visualization import figures, page
from slowfast.visualization.sections import SECTIONS
from slowfast.visualization.thumbnails import read_frames_of

SAMPLES_EACH = 4
FRAMES_PER_STRIP = 6


@SECTIONS.register(name="classification")
def sections(found: dict[str, np.ndarray]) -> list[str]:
    """Return confusion, accuracy per class, and some videos.

    Args:
        found: ``scores`` ``(N, C)``, ``label``, ``valid``, ``path`` ``(N,)`` and ``class_names``.
    """
    scores, labels, valid = found["scores"], found["label"], found["valid"]
    names = [str(name) for name in found["class_names"]]
    names += [f"class {k}" for k in range(len(names), scores.shape[1])]
    matrix = classification.confusion_matrix(scores, labels, valid)
    accuracy = classification.per_class_accuracy(matrix)
    order = np.argsort(np.nan_to_num(accuracy, nan=np.inf), kind="stable")
    rows = [
        [names[k], int(matrix[k].sum()), float(accuracy[k]), _mistakes(matrix[k], k, names)]
        for k in order
        if matrix[k].sum()
    ]
    image = figures.confusion_figure(matrix, names)
    parts = [page.heading("Confusion"), page.image(image, "confusion")]
    parts += [page.heading("Classes, worst first")]
    parts += [page.table(["class", "videos", "top-1 %", "taken for"], rows)]
    return parts + _samples(found, names)


def _mistakes(row: np.ndarray, own: int, names: list[str]) -> str:
    columns = [*names, "unreadable"]
    wrong = [k for k in np.argsort(-row, kind="stable") if k != own and row[k]]
    return ", ".join(f"{columns[k]} ({row[k]})" for k in wrong[:3])


def _samples(found: dict[str, np.ndarray], names: list[str]) -> list[str]:
    """Show some test videos, mistakes first."""
    predicted = found["scores"].argmax(axis=1)
    right = (predicted == found["label"]) & found["valid"]
    parts = []
    for title, rows in (
        ("Mistakes", np.flatnonzero(~right & found["valid"])),
        ("Right", np.flatnonzero(right)),
    ):
        chosen = rows[np.linspace(0, len(rows) - 1, min(SAMPLES_EACH, len(rows))).astype(int)]
        strips, captions = [], []
        for row in chosen:
            try:
                strips.append(read_frames_of(str(found["path"][row]), FRAMES_PER_STRIP))
            except MediaError:
                continue
            true, guess = names[found["label"][row]], names[predicted[row]]
            captions.append(f"{true}, predicted {guess}" if true != guess else true)
        if strips:
            image = figures.film_strips(strips, captions)
            parts += [page.heading(title), page.image(image, title)]
    return parts
