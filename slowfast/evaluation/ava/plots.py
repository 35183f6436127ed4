"""Figures of an AVA evaluation, as PNG bytes: APs, precision over recall, confusions."""

from __future__ import annotations

import io
import textwrap

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from slowfast.evaluation.ava.measure import AvaResult

# A dollar sign in a class name is a dollar sign.
matplotlib.rcParams["text.parse_math"] = False

# Of Okabe and Ito, which colour-blind readers tell apart.
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#555555"
DPI = 110
PANELS_PER_ROW = 8
WORST = 20
NAME_LENGTH = 44


def figures(result: AvaResult) -> dict[str, bytes]:
    """Return file name to figure; those that would show nothing are left out."""
    made = {"average_precision.png": average_precision_bars(result)}
    if any(result.ground_truth.values()):
        made["precision_recall.png"] = precision_recall_panels(result)
    if result.confusions is not None and result.confusions.worst(1):
        made["confusions.png"] = confusion_bars(result)
    return made


def average_precision_bars(result: AvaResult) -> bytes:
    """Draw the AP of every class, best first, with the size of its ground truth."""
    labels = result.best_first()
    places = np.arange(len(labels))
    figure = Figure(figsize=(8.6, 1.5 + 0.19 * len(labels)), layout="constrained")
    axes = figure.add_subplot()
    values = 100 * np.nan_to_num([result.per_class[label] for label in labels])
    axes.barh(places, values, height=0.75, color=BLUE)
    for place, label, value in zip(places, labels, values, strict=True):
        boxes = result.ground_truth[label]
        text = f"{value:.1f}  ({boxes:,})" if boxes else "no ground truth"
        axes.annotate(
            text,
            (value, place),
            (3, 0),
            textcoords="offset points",
            va="center",
            fontsize=7.5,
            color="black" if boxes else GREY,
            # The line of the mean must not cross a number.
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
        )
    mean = 100 * result.mean_ap
    axes.axvline(mean, color=ORANGE, lw=1.2, ls=(0, (5, 3)), zorder=1)
    axes.set_yticks(places, [_short(result.class_names[label]) for label in labels], fontsize=8)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_xlim(0, min(1.12 * max(values.max(), 1), 112))
    axes.set_xlabel("average precision in %  (in brackets: boxes of ground truth)")
    axes.set_title(f"{_title(result)}\ndashed: the mean, {mean:.2f} %", fontsize=10)
    _plain(axes)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    return _to_png(figure)


def precision_recall_panels(result: AvaResult) -> bytes:
    """Draw a small panel for every class with ground truth; the filled area is its AP."""
    labels = [label for label in result.best_first() if result.ground_truth[label]]
    rows = -(-len(labels) // PANELS_PER_ROW)
    columns = min(PANELS_PER_ROW, len(labels))
    figure = Figure(figsize=(1 + 1.5 * columns, 1.1 + 1.55 * rows), layout="constrained")
    all_axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes, label in zip(all_axes.flat, labels, strict=False):
        curve = result.curves[label]
        recall, envelope = np.append(0, curve.recall), curve.envelope
        if len(envelope):
            envelope = np.append(envelope[0], envelope)
            axes.fill_between(recall, envelope, step="pre", color=BLUE, alpha=0.25, lw=0)
            axes.step(recall, envelope, where="pre", color=BLUE, lw=1.2)
        name = textwrap.fill(_short(result.class_names[label], 38), 20)
        axes.set_title(name, fontsize=7, linespacing=0.95)
        text = f"{100 * result.per_class[label]:.1f} %"
        axes.text(0.97, 0.95, text, fontsize=7.5, ha="right", va="top", transform=axes.transAxes)
        axes.set(xlim=(0, 1), ylim=(0, 1.03), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
        axes.set_xticklabels(["0", "", "1"], fontsize=7)
        axes.set_yticklabels(["0", "", "1"], fontsize=7)
        axes.grid(alpha=0.3)
        _plain(axes)
    for axes in all_axes.flat[len(labels) :]:
        axes.set_axis_off()
    figure.supxlabel("recall", fontsize=9)
    figure.supylabel("precision", fontsize=9)
    figure.suptitle(f"{_title(result)}: AP is the filled area", fontsize=10)
    return _to_png(figure)


def confusion_bars(result: AvaResult) -> bytes:
    """Draw which actions the most certain false alarms were mistaken for."""
    found, labels = result.confusions, list(result.per_class)
    names = [_short(result.class_names[label]) for label in labels]
    pairs = found.worst(WORST)
    places = np.arange(len(pairs))
    figure = Figure(figsize=(9.6, 1.9 + 0.3 * len(pairs)), layout="constrained")
    axes = figure.add_subplot()
    alarms = np.array([found.false_alarms[predicted] for predicted, _ in pairs])
    counts = np.array([found.counts[pair] for pair in pairs])
    usual = 100 * np.array([found.prevalence[true] for _, true in pairs])
    shares = 100 * counts / alarms
    axes.barh(places, shares, height=0.7, color=BLUE)
    axes.vlines(usual, places - 0.42, places + 0.42, color=ORANGE, lw=2.2)
    for place, share, common, count, total in zip(
        places, shares, usual, counts, alarms, strict=True
    ):
        text = f"{count:,} of {total:,}"
        at = max(share, common)
        axes.annotate(
            text, (at, place), (4, 0), textcoords="offset points", va="center", fontsize=8
        )
    rows = [f"{names[predicted]}  \u2192  {names[true]}" for predicted, true in pairs]
    axes.set_yticks(places, rows, fontsize=8)
    axes.set_ylim(len(pairs) - 0.4, -0.6)
    widest = max(shares.max(), usual.max())
    axes.set_xlim(0, 1.17 * widest)
    axes.set_xticks([tick for tick in axes.get_xticks() if tick <= 100])
    axes.set_xlabel("share of the predicted class's false alarms, %")
    figure.suptitle(
        "Predicted action  \u2192  what the person under the box really does\n"
        "False alarms among the n best detections of a class with n boxes of ground truth;\n"
        "orange: how many of all annotated people do that; first what exceeds it by most",
        fontsize=10,
    )
    _plain(axes)
    return _to_png(figure)


def _title(result: AvaResult) -> str:
    return f"AVA frame AP at IoU {result.iou_threshold:g}, match order '{result.match_order}'"


def _short(name: str, length: int = NAME_LENGTH) -> str:
    return name if len(name) <= length else name[: length - 1] + "\u2026"


def _plain(axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)


def _to_png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight")
    return buffer.getvalue()
