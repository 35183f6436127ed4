"""One command for several folds, with their mean."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from slowfast.utils import distributed as du
from slowfast.utils.files import write_json
from slowfast.utils.logging import get_logger, setup_logging

logger = get_logger(__name__)


def run_folds(cfg, folds: Sequence[int], run: Callable[..., None]) -> None:
    """Run each fold in ``OUTPUT_DIR/fold-0k`` and write their mean to ``OUTPUT_DIR/results.json``.

    A fold that is finished is resumed like any run, that is, only tested again.
    """
    base = Path(cfg.OUTPUT_DIR)
    for fold in folds:
        fold_cfg = cfg.clone()
        fold_cfg.DATA.FOLD = fold
        fold_cfg.OUTPUT_DIR = str(base / f"fold-{fold:02d}")
        run(fold_cfg)
    if du.is_root_proc() and cfg.TEST.ENABLE:
        summary = summarise({fold: base / f"fold-{fold:02d}" for fold in folds})
        write_json(base / "results.json", summary)
        setup_logging()
        logger.info("%s", format_summary(summary))


def summarise(folders: dict[int, Path]) -> dict:
    """Return per-fold measures with mean and standard deviation (over folds, N - 1)."""
    per_fold = {
        fold: json.loads((folder / "results.json").read_text()) for fold, folder in folders.items()
    }
    first = next(iter(per_fold.values()))
    measures = [k for k in first["test"] if not k.startswith("num_")]
    values = {k: [result["test"][k] for result in per_fold.values()] for k in measures}
    return {
        "headline": first["headline"],
        "folds": {fold: result["test"] for fold, result in per_fold.items()},
        "mean": {k: float(np.mean(v)) for k, v in values.items()},
        "std": {k: float(np.std(v, ddof=1)) if len(v) > 1 else 0.0 for k, v in values.items()},
    }


def format_summary(summary: dict) -> str:
    """Return the table of :func:`summarise` as text."""
    measures = list(summary["mean"])
    width = max(len(m) for m in measures) + 2
    lines = ["fold".ljust(8) + "".join(m.rjust(width) for m in measures)]
    for fold, result in summary["folds"].items():
        lines.append(
            str(fold).ljust(8) + "".join(f"{result[m]:.2f}".rjust(width) for m in measures)
        )
    for row in ("mean", "std"):
        numbers = summary[row]
        lines.append(row.ljust(8) + "".join(f"{numbers[m]:.2f}".rjust(width) for m in measures))
    return "results over folds\n" + "\n".join(lines)
