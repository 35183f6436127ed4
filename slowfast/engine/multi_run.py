"""One command for several folds or seeds, with their mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from slowfast.evaluation.uncertainty import mean_and_deviation
from slowfast.utils import distributed as du
from slowfast.utils.files import write_json
from slowfast.utils.input_files import read_json
from slowfast.utils.logging import get_logger, setup_logging

logger = get_logger(__name__)


@dataclass(frozen=True)
class MultiRun:
    """What differs between runs that are averaged.

    Attributes:
        name: ``fold`` or ``seed``.
        key: the config key that holds it.
        values: one for each run.
    """

    name: str
    key: str
    values: Sequence[int]

    @classmethod
    def folds(cls, values: Sequence[int]) -> MultiRun:
        """Return one run for each data split."""
        return cls("fold", "DATA.FOLD", values)

    @classmethod
    def seeds(cls, values: Sequence[int]) -> MultiRun:
        """Return one run for each seed of all random numbers."""
        return cls("seed", "RNG_SEED", values)


def run_folds_or_seeds(cfg, repeats: MultiRun, run: Callable[..., None]) -> None:
    """Run each in ``OUTPUT_DIR/fold-0k`` or ``seed-0k``; their mean is ``OUTPUT_DIR/results.json``.

    A run that is finished is resumed like any run, that is, only tested again.
    """
    base = Path(cfg.OUTPUT_DIR)
    folders = {value: base / f"{repeats.name}-{value:02d}" for value in repeats.values}
    for value, folder in folders.items():
        one = cfg.clone()
        one.merge_from_list([repeats.key, value, "OUTPUT_DIR", str(folder)])
        run(one)
    if du.is_root_proc() and cfg.TEST.ENABLE:
        summary = summarise(repeats.name, folders)
        write_json(base / "results.json", summary)
        setup_logging()
        logger.info("%s", format_summary(repeats.name, summary))


def summarise(name: str, folders: dict[int, Path]) -> dict:
    """Return the measures of each run with mean and standard deviation (N - 1)."""
    each = {k: read_json(folder / "results.json") for k, folder in folders.items()}
    first = next(iter(each.values()))
    measures = [k for k in first["test"] if not k.rpartition("/")[2].startswith("num_")]
    values = {k: [result["test"][k] for result in each.values()] for k in measures}
    means, deviations = mean_and_deviation(values)
    return {
        "headline": first["headline"],
        f"{name}s": {k: result["test"] for k, result in each.items()},
        "mean": means,
        "std": deviations,
    }


def _shown(value: float | None, width: int) -> str:
    return ("-" if value is None else f"{value:.2f}").rjust(width)


def format_summary(name: str, summary: dict) -> str:
    """Return the table of :func:`summarise` as text."""
    measures = list(summary["mean"])
    width = max(len(m) for m in measures) + 2
    lines = [name.ljust(8) + "".join(m.rjust(width) for m in measures)]
    for value, result in summary[f"{name}s"].items():
        lines.append(str(value).ljust(8) + "".join(_shown(result[m], width) for m in measures))
    for row in ("mean", "std"):
        numbers = summary[row]
        lines.append(row.ljust(8) + "".join(_shown(numbers[m], width) for m in measures))
    return f"results over {name}s\n" + "\n".join(lines)
