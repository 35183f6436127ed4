"""What measures are called where people read them; files keep the short names."""

from __future__ import annotations

import re

NAMES = {
    "mean_class_acc": "mean accuracy of the classes, %",
    "map": "mAP, %",
    "weighted_map": "mAP weighted by positives, %",
    "harmonic_mean": "harmonic mean of seen and unseen, %",
    "seen_acc": "accuracy of seen classes, %",
    "unseen_acc": "accuracy of unseen classes, %",
    "num_videos": "videos",
    "num_keyframes": "key frames",
    "num_boxes": "boxes",
    "num_classes": "classes",
    "num_classes_measured": "classes measured",
    "num_unreadable": "unreadable files",
    "lr": "learning rate",
    "grad_norm": "norm of the gradient",
    "grad_scale": "scale of the gradient",
    "*_acc": "accuracy, %",
}
SIDES = {"v": "frames", "a": "audio", "t": "text", "o": "another clip"}


def readable(name: str) -> str:
    """Return a measure's name in words, ``top-1 accuracy, %`` for ``top1_acc``, or the name itself.

    Measures of one of several sets begin with its name and a slash, which stay.
    """
    prefix, slash, short = name.rpartition("/")
    chance = short.startswith("chance_")
    words = _in_words(short.removeprefix("chance_"))
    return f"{prefix}{slash}{'chance of ' if chance else ''}{words}"


def _in_words(short: str) -> str:
    if short in NAMES:
        return NAMES[short]
    if found := re.fullmatch(r"(half_)?top(\d+)(_acc|_std)?", short):
        half = " among half of the classes" if found[1] else ""
        what = "deviation of top" if found[3] == "_std" else "top"
        return f"{what}-{found[2]} accuracy{half}, %"
    if found := re.fullmatch(r"(?:(\w)2(\w)|retrieval)_r(\d+|\*)", short):
        way = f"{SIDES.get(found[1], found[1])} \u2192 {SIDES.get(found[2], found[2])} "
        return f"{way if found[1] else 'retrieval '}R@{found[3]}, %"
    return f"R@{short[1:]}, %" if re.fullmatch(r"r\d+", short) else short
