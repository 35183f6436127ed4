"""What ``tools/run_net.py`` does: train, test and report as the config says."""

from __future__ import annotations

from pathlib import Path

from slowfast.checkpoint.inputs import follow_checkpoint, warn_of_other_inputs
from slowfast.engine.cli import main
from slowfast.engine.dry_run import dry_run
from slowfast.engine.failures import record_failure
from slowfast.engine.needed import check_inputs
from slowfast.engine.run_folder import RunFolder
from slowfast.engine.signals import StopSignals
from slowfast.engine.test import test
from slowfast.engine.train import train
from slowfast.utils import distributed as du
from slowfast.utils.errors import SlowFastError
from slowfast.utils.logging import LOG_FILE, get_logger, setup_logging

logger = get_logger(__name__)

__all__ = ["main", "run", "run_dry"]


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
