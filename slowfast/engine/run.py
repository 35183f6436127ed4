"""What ``tools/run_net.py`` does: look for what is missing, train, test and report as the config says."""

from __future__ import annotations

from collections.abc import Iterator
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
from slowfast.ssl.base import SSL_METHODS
from slowfast.utils import distributed as du
from slowfast.utils.errors import SlowFastError
from slowfast.utils.logging import LOG_FILE, get_logger, setup_logging
from slowfast.utils.needed import Needed, check_present

logger = get_logger(__name__)

MANIFEST = "python tools/prepare_data.py manifest --cfg CFG --out FOLDER"

__all__ = ["check_inputs", "main", "run", "run_dry"]


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
