"""One command for several folds, seeds or checkpoints, with their mean or a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from slowfast.config import CfgNode
from slowfast.engine.run import check_inputs
from slowfast.evaluation.uncertainty import mean_and_deviation
from slowfast.utils import distributed as du
from slowfast.utils.files import write_json
from slowfast.utils.input_files import read_json
from slowfast.utils.logging import get_logger, setup_logging

logger = get_logger(__name__)


def run_several(name: str, configs: Mapping[int | str, CfgNode], run: Callable) -> None:
    """Run one config after the other; what brings them together lies in the folder above theirs.

    Of folds and seeds that is ``results.json`` with their mean, of checkpoints the table and the plot
    of :func:`compare_runs`. A run that is finished is resumed like any run, that is, only tested
    again.

    Args:
        name: ``fold``, ``seed`` or ``checkpoint``.
        configs: of each run, by fold, seed or checkpoint.
        run: takes a config.

    Raises:
        ConfigError: what one of the runs reads is not there.
    """
    for cfg in configs.values():
        check_inputs(cfg)
    for cfg in configs.values():
        run(cfg)
    folders = {value: Path(cfg.OUTPUT_DIR) for value, cfg in configs.items()}
    first = next(iter(configs.values()))
    if du.is_root_proc() and first.TEST.ENABLE:
        setup_logging()
        logger.info("%s", _together(name, folders))


def _together(name: str, folders: Mapping[int | str, Path]) -> str:
    base = next(iter(folders.values())).parent
    if name == "checkpoint":
        from slowfast.visualization.compare import compare_runs  # needs matplotlib

        return f"results of checkpoints\n{compare_runs(list(folders.values()), base)}"
    summary = summarise(name, folders)
    write_json(base / "results.json", summary)
    return format_summary(name, summary)


def summarise(name: str, folders: Mapping[int | str, Path]) -> dict:
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
