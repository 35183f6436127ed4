"""The part of a report about predicted classes."""

from __future__ import annotations

import numpy as np

from slowfast.evaluation import classification
from slowfast.visualization import figures, page
from slowfast.visualization.sections import SECTIONS
from slowfast.visualization.strips import Strip, read_strip, strip_table

SAMPLES_EACH = 4
FRAMES_PER_STRIP = 6
MOST_DRAWN = 1000  # more classes than pixels would only cost memory


@SECTIONS.register(name="classification")
def sections(found: dict[str, np.ndarray]) -> list[str]:
    """Return confusion, accuracy per class, and some videos.

    Args:
        found: ``scores`` ``(N, C)``, ``label``, ``valid``, ``path`` ``(N,)`` and ``class_names``.
    """
    scores, labels, valid = found["scores"], found["label"], found["valid"]
    names = [str(name) for name in found["class_names"]]
    names += [f"class {k}" for k in range(len(names), scores.shape[1])]
    classes = scores.shape[1]
    predicted = classification.predicted_classes(scores, valid)
    accuracy = classification.per_class_accuracy(labels, predicted, classes)
    order = np.argsort(np.nan_to_num(accuracy, nan=np.inf), kind="stable")
    counts = np.bincount(labels, minlength=classes)
    mistakes = _mistakes(labels, predicted, [*names, "unreadable"])
    rows = [
        [names[k], int(counts[k]), float(accuracy[k]), ", ".join(mistakes.get(int(k), [])[:3])]
        for k in order
        if counts[k]
    ]
    image = figures.confusion_figure(confusion_cells(labels, predicted, classes), names)
    parts = [page.heading("Confusion"), page.image(image, "confusion")]
    parts += [page.heading("Classes, worst first")]
    parts += [page.table(["class", "videos", "top-1 %", "taken for"], rows)]
    return parts + _samples(found, names)


def _mistakes(
    labels: np.ndarray, predicted: np.ndarray, columns: list[str]
) -> dict[int, list[str]]:
    """Return what each class was taken for, most often first."""
    wrong = labels != predicted
    pairs = np.stack([labels[wrong], predicted[wrong]], axis=1)
    pairs, counts = np.unique(pairs, axis=0, return_counts=True)
    found: dict[int, list[str]] = {}
    for row in np.argsort(-counts, kind="stable"):
        true, guess = pairs[row].tolist()
        found.setdefault(true, []).append(f"{columns[guess]} ({counts[row]})")
    return found


def confusion_cells(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return the confusion matrix; of very many classes, neighbours are counted together."""
    if classes <= MOST_DRAWN:
        return classification.count_pairs(labels, predicted, classes)
    cells = [column * MOST_DRAWN // classes for column in (labels, predicted)]
    return classification.count_pairs(*cells, MOST_DRAWN)


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
        strips = []
        for row in chosen:
            true, guess = names[found["label"][row]], names[predicted[row]]
            caption = f"{true}, predicted {guess}" if true != guess else true
            frames = read_strip(str(found["path"][row]), FRAMES_PER_STRIP)
            if frames is not None:
                strips.append([Strip(frames, [figures.short(caption)])])
        if strips:
            parts += [page.heading(title), strip_table(strips)]
    return parts
