"""What ``tools/run_net.py`` does: look for what is missing, train, test and report as the config says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from slowfast.checkpoint.formats import AUTO, SCRATCH, find_format
from slowfast.checkpoint.inputs import follow_checkpoint, warn_of_other_inputs
from slowfast.datasets.build import needed_files
from slowfast.engine.cli import main
from slowfast.engine.dry_run import dry_run
from slowfast.engine.failures import record_failure
from slowfast.engine.run_folder import RunFolder
from slowfast.engine.signals import StopSignals
from slowfast.engine.test import test
from slowfast.engine.train import checkpoint_store, train
from slowfast.evaluation.uncertainty import mean_and_deviation
from slowfast.ssl.base import SSL_METHODS
from slowfast.utils import distributed as du
from slowfast.utils.errors import SlowFastError
from slowfast.utils.files import write_json
from slowfast.utils.input_files import read_json
from slowfast.utils.logging import LOG_FILE, get_logger, setup_logging
from slowfast.utils.needed import Needed, check_present

logger = get_logger(__name__)

__all__ = ["check_inputs", "main", "run", "run_dry", "run_repeatedly"]


def run(cfg) -> None:
    """Train if ``TRAIN.ENABLE``, test if ``TEST.ENABLE``, and write the report."""
    check_inputs(cfg)
    follow_checkpoint(cfg)
    with (
        RunFolder(cfg) as folder,
        StopSignals() as signals,
        record_failure(folder.path / LOG_FILE, signals),
    ):
        setup_logging(folder.path)
        warn_of_other_inputs(cfg)
        if cfg.TRAIN.ENABLE:
            train(cfg, signals)
        if cfg.TEST.ENABLE:
            test(cfg, signals)
        if du.is_root_proc():
            _report(folder.path)


def _report(folder: Path) -> None:
    """Write the report; what goes wrong with it does not undo a finished run."""
    from slowfast.visualization.report import write_report  # needs matplotlib

    try:
        write_report(folder)
    except (
        *(SlowFastError, OSError, RuntimeError, LookupError, ValueError, TypeError),
        *(ArithmeticError, AttributeError),  # what another program wrote into the run's files
    ) as error:
        logger.warning("report.html could not be written: %s", error)


def run_dry(cfg) -> None:
    """Build everything and take one step; trains nothing and keeps no result."""
    setup_logging()
    check_inputs(cfg)
    follow_checkpoint(cfg)
    warn_of_other_inputs(cfg)
    dry_run(cfg)


MANIFEST = "python tools/prepare_data.py manifest --cfg CFG --out FOLDER"


def check_inputs(cfg) -> None:
    """Return if weights, lists and folders of a run are there.

    Raises:
        ConfigError: names all that are not, weights first, with keys and origins.
    """
    with cfg.unobserved():
        check_present([*_weights(cfg), *_data(cfg)])


def _weights(cfg) -> Iterator[Needed]:
    """Yield the checkpoints that a run starts from, or tests, unless it has some of its own."""
    train, model = cfg.TRAIN, cfg.MODEL
    if cfg.TEST.ENABLE and cfg.TEST.CHECKPOINT_FILE_PATH:
        path = cfg.TEST.CHECKPOINT_FILE_PATH
        yield Needed("TEST.CHECKPOINT_FILE_PATH", path, "the weights to test")
    own = bool(checkpoint_store(cfg).files())
    if train.ENABLE:
        own = own and train.AUTO_RESUME
    else:
        own = own or bool(cfg.TEST.CHECKPOINT_FILE_PATH)
    if own:
        return
    if train.CHECKPOINT_FILE_PATH:
        yield Needed("TRAIN.CHECKPOINT_FILE_PATH", train.CHECKPOINT_FILE_PATH, "the first weights")
        return
    if train.ENABLE and model.MODEL_NAME in SSL_METHODS:
        if cfg.SSL.CHECKPOINT:
            yield Needed("SSL.CHECKPOINT", cfg.SSL.CHECKPOINT, "the weights to continue from")
    elif model.CKPT and model.INIT_METHOD != SCRATCH:
        yield Needed("MODEL.CKPT", model.CKPT, *_origin(model.INIT_METHOD))


def _origin(method: str) -> tuple[str, str]:
    """Return what weights of a method are called, and where its authors publish them."""
    if method == AUTO:
        return "the first weights", ""
    _, found = find_format(method)
    return f"weights of {found.title}", found.source


def _data(cfg) -> Iterator[Needed]:
    if cfg.DATA.MANIFEST_DIR:
        yield Needed("DATA.MANIFEST_DIR", cfg.DATA.MANIFEST_DIR, "manifests", MANIFEST)
        return
    train, test = cfg.TRAIN, cfg.TEST
    splits = {
        "train": train.ENABLE,
        "val": train.ENABLE and train.EVAL_PERIOD > 0,
        "test": test.ENABLE and not cfg.ZERO_SHOT.TEST_SETS,
    }
    for split, used in splits.items():
        if used:
            yield from needed_files(cfg, split)


# What runs that are averaged differ in -> the key that holds it.
REPEATED = {"fold": "DATA.FOLD", "seed": "RNG_SEED"}


def run_repeatedly(cfg, name: str, values: Sequence[int], run: Callable[..., None]) -> None:
    """Run each in ``OUTPUT_DIR/fold-0k`` or ``seed-0k``; their mean is ``OUTPUT_DIR/results.json``.

    A run that is finished is resumed like any run, that is, only tested again.

    Args:
        cfg: of all runs.
        name: ``fold`` or ``seed``.
        values: one for each run.
        run: is called with the config of each.
    """
    base = Path(cfg.OUTPUT_DIR)
    folders = {value: base / f"{name}-{value:02d}" for value in values}
    for value, folder in folders.items():
        one = cfg.clone()
        one.merge_from_list([REPEATED[name], value, "OUTPUT_DIR", str(folder)])
        run(one)
    if du.is_root_proc() and cfg.TEST.ENABLE:
        summary = summarise(name, folders)
        write_json(base / "results.json", summary)
        setup_logging()
        logger.info("%s", format_summary(name, summary))


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
