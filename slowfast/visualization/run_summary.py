"""The head of a report: what was run, on what, from which weights; and what its config changed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from slowfast.config import CfgNode, get_cfg, load_cfg
from slowfast.utils.errors import SlowFastError
from slowfast.utils.input_files import read_json
from slowfast.utils.logging import duration
from slowfast.utils.parser import FILE_ENDINGS
from slowfast.visualization import page


def summary(folder: Path, rows: list[dict[str, Any]]) -> list[str]:
    """Return a table of the run's data, network, first weights, time, code and command.

    Args:
        folder: of the run; its ``config.yaml`` and ``environment.json`` are read where they exist.
        rows: of ``stats.jsonl``.
    """
    if not (folder / "config.yaml").is_file():
        return []
    cfg, machine = load_cfg([str(folder / "config.yaml")]), _environment(folder)
    audio = f", audio {cfg.AUDIO.ARCH}" if cfg.AUDIO.ENABLE else ""
    facts = {
        "task": f"{cfg.TASK} ({cfg.MODEL.MODEL_NAME})" if cfg.TASK else cfg.MODEL.MODEL_NAME,
        "trained on": _data(cfg, "TRAIN"),
        "tested on": _data(cfg, "TEST"),
        "network": f"{cfg.MODEL.ARCH}{audio}",
        "first weights": _first_weights(cfg, folder),
        "training": _training(cfg, rows),
        "code": machine.get("git_commit"),
        "machine": _machine(machine),
        "command": shlex.join(map(str, machine.get("command", []))),
    }
    return [page.table(["", "this run"], [[name, fact] for name, fact in facts.items() if fact])]


def _environment(folder: Path) -> dict[str, Any]:
    file = folder / "environment.json"
    return read_json(file) if file.is_file() else {}


def _data(cfg: CfgNode, part: str) -> str | None:
    node = cfg[part]
    if not node.ENABLE:
        return None
    fold = f", fold {cfg.DATA.FOLD}" if node.DATASET in ("ucf101", "hmdb51") else ""
    share = cfg.DATA.TRAIN_FRACTION
    some = f", {100 * share:g} % of the list" if part == "TRAIN" and share < 1 else ""
    return f"{node.DATASET}{fold}{some}"


def _first_weights(cfg: CfgNode, folder: Path) -> str:
    file = folder / "checkpoint_import.json"
    if file.is_file():
        found = read_json(file)
        return f"{found['title']}: {found['path']}"
    return cfg.SSL.CHECKPOINT or cfg.TRAIN.CHECKPOINT_FILE_PATH or cfg.MODEL.CKPT or "random"


def _training(cfg: CfgNode, rows: list[dict[str, Any]]) -> str | None:
    """Return how far training went and how long its steps took, restarts included."""
    seconds, last = 0.0, 0
    for row in rows:
        if row["_type"] == "train_iter" and isinstance(row.get("dt"), (int, float)):
            seconds += (row["step"] - last) * row["dt"]
            last = row["step"]
    if not last:
        return None
    return f"{last} steps of {cfg.SOLVER.MAX_EPOCH} epochs, {duration(seconds)} without evaluations"


def _machine(machine: dict[str, Any]) -> str | None:
    if not machine:
        return None
    torch = (machine.get("packages") or {}).get("torch")
    count = machine.get("processes", 1)
    return f"{machine.get('host')}, {count} process{'es' * (count != 1)}, torch {torch}"


def config_changes(folder: Path) -> list[str]:
    """Return a table of the keys in which a run differs from the config files it was given.

    Where those files cannot be read any more, what differs from the defaults is shown.
    """
    file = folder / "config.yaml"
    if not file.is_file():
        return []
    cfg = load_cfg([str(file)])
    words = map(str, _environment(folder).get("command", []))
    files = [word for word in words if word.lower().endswith(FILE_ENDINGS)]
    try:
        base = load_cfg(files)
    except SlowFastError:
        base, files = get_cfg(), []
    rows = [[key, old, new] for key, old, new in differences(base, cfg)]
    parts = [page.heading(f"Keys that differ from {' '.join(files) or 'the defaults'}")]
    return [*parts, page.table(["key", "there", "here"], rows) if rows else page.paragraph("None.")]


def differences(one: CfgNode, other: CfgNode, before: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield the name and both values, as text, of every key whose values differ."""
    for name, value in other.items():
        old = one.get(name)
        if isinstance(value, CfgNode) and isinstance(old, CfgNode):
            yield from differences(old, value, f"{before}{name}.")
        elif value != old:
            yield f"{before}{name}", str(old), str(value)
