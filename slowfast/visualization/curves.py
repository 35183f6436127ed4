"""Which numbers of ``stats.jsonl`` are drawn together.

Numbers are grouped by how they are called, not by which method wrote them: ``loss_v2a`` and
``loss_a2v`` share the panel ``loss_*``, ``top1_acc`` and ``top5_acc`` the panel ``*_acc``. Errors in
training are drawn as accuracies, beside those of validation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from slowfast.utils.step_clock import PHASES
from slowfast.visualization.words import readable

# Means over an epoch (train_epoch) would only repeat what train_iter shows.
KINDS = ("train_iter", "val_epoch", "epoch_start")
NOT_DRAWN = re.compile(r"step|epoch|iter|(num|chance)_.*")
SHARED_ENDING = "_acc"
SOURCES = {"train_iter": "training", "val_epoch": "validation", "epoch_start": "start of an epoch"}
# What the training loop adds for every method; it comes after what is learned.
LOOP = {
    "lr": "lr",
    "grad_norm": "grad_norm",
    "grad_scale": "grad_scale",
    **dict.fromkeys(("dt", *(f"dt_{phase}" for phase in PHASES)), "seconds per step"),
    "gpu_mem_gib": "GPU memory, GiB",
}


@dataclass
class Series:
    """A curve.

    Attributes:
        label: its name in a legend.
        points: ``(step, value)``; NaN where the value was not finite.
        dots: measured now and then, so that each point is worth a dot.
        chance: what guessing reaches, where it is known.
    """

    label: str
    points: list[tuple[int, float]]
    dots: bool = False
    chance: float | None = None


@dataclass
class Panel:
    """Curves that share their axes."""

    title: str
    series: list[Series]


def find_panels(rows: Sequence[dict[str, Any]]) -> list[Panel]:
    """Return what there is to draw: the loss first, then validation, then the rest."""
    found = _collect(rows)
    same = _same_as_loss(found)
    groups: dict[tuple[str, bool], list[tuple[str, str]]] = {}
    for key, kind in sorted(found, key=_rank):
        if key not in same:
            groups.setdefault((_group(key), kind == "epoch_start"), []).append((key, kind))
    chances = {k: v for row in rows for k, v in row.items() if k.startswith("chance_")}
    panels = []
    for (title, _), members in groups.items():
        several = len({kind for _, kind in members}) > 1
        series = [
            Series(
                f"{key}, {SOURCES[kind]}" if several else key,
                found[key, kind],
                dots=kind != "train_iter",
                chance=chance_of(key, chances),
            )
            for key, kind in members
        ]
        panels.append(Panel(_title(title, [key for key, _ in members], same), series))
    return panels


def _collect(rows: Iterable[dict[str, Any]]) -> dict[tuple[str, str], list[tuple[int, float]]]:
    found: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for row in rows:
        kind = row.get("_type")
        if kind not in KINDS:
            continue
        for key, value in row.items():
            if isinstance(value, (bool, str)) or NOT_DRAWN.fullmatch(key):
                continue
            if value is None or isinstance(value, (int, float)):
                number = math.nan if value is None else float(value)
                if key.endswith("_err"):  # percent of wrong answers
                    key, number = f"{key.removesuffix('_err')}_acc", 100.0 - number
                found.setdefault((key, kind), []).append((row["step"], number))
    unused = ("gpu_mem_gib", "train_iter")
    if not any(value for _, value in found.get(unused, [])):
        found.pop(unused, None)
    return {
        name: points
        for name, points in found.items()
        if not all(math.isnan(value) for _, value in points)
    }


def _same_as_loss(found: dict[tuple[str, str], list[tuple[int, float]]]) -> list[str]:
    """Return the names whose curve is that of the loss: a loss of one term, for example."""
    loss = found.get(("loss", "train_iter"))
    return [
        key
        for (key, kind), points in found.items()
        if kind == "train_iter" and key != "loss" and not key.startswith("loss_") and points == loss
    ]


def _rank(name: tuple[str, str]) -> int:
    key, kind = name
    if key in LOOP:
        return 10 + list(LOOP).index(key)
    if key == "loss":
        return 0
    return {"val_epoch": 1, "train_iter": 2, "epoch_start": 3}[kind]


def _group(key: str) -> str:
    if key in LOOP:
        return LOOP[key]
    if key.endswith(SHARED_ENDING):
        return f"*{SHARED_ENDING}"
    first, line, _ = key.partition("_")
    return f"{first}_*" if line else key


def _title(group: str, keys: Sequence[str], same_as_loss: Sequence[str]) -> str:
    if group == "loss" and same_as_loss:
        return f"loss (= {', '.join(same_as_loss)})"
    if len(set(keys)) == 1 and "*" in group:
        return readable(keys[0])
    if not group.endswith("*"):
        return readable(group)
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*keys, strict=False))
    return readable("".join(letters[0] for letters in alike) + "*")


def chance_of(key: str, measures: dict[str, Any]) -> float | None:
    """Return the chance level of a measure, in percent, or None.

    ``chance_map`` is that of ``map``, ``chance_r1`` that of every ``..._r1``, ``chance_top1`` that of
    ``top1_acc``; among the first k, guessing finds k times as much. Measures of one of several sets
    begin with its name and a slash.
    """
    prefix, slash, name = key.rpartition("/")
    chance = f"{prefix}{slash}chance_"
    if chance + name in measures:
        return measures[chance + name]
    found = re.search(r"_(r)(\d+)$", name) or re.fullmatch(r"(top)(\d+)(?:_acc)?", name)
    if found and measures.get(f"{chance}{found[1]}1"):
        return min(100.0, int(found[2]) * measures[f"{chance}{found[1]}1"])
    return None
