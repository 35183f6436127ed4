"""What ``tools/run_net.py`` does: train, test and report as the config says."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from slowfast.checkpoint.inputs import follow_checkpoint, warn_of_other_inputs
from slowfast.config.defaults import assert_and_infer_cfg
from slowfast.config.help import help_config
from slowfast.config.imports import import_modules
from slowfast.engine.dry_run import dry_run
from slowfast.engine.failures import leave, record_failure, run_cli
from slowfast.engine.launch import launch_job
from slowfast.engine.multi_run import MultiRun, run_folds_or_seeds
from slowfast.engine.run_folder import RunFolder
from slowfast.engine.signals import StopSignals
from slowfast.engine.test import test
from slowfast.engine.train import train
from slowfast.utils import distributed as du
from slowfast.utils.errors import SlowFastError
from slowfast.utils.logging import LOG_FILE, get_logger, setup_logging
from slowfast.utils.parser import load_config, parse_args
from slowfast.visualization.report import write_report

logger = get_logger(__name__)


def run(cfg) -> None:
    """Train if ``TRAIN.ENABLE``, test if ``TEST.ENABLE``, and write the report."""
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
    try:
        write_report(folder)
    except (SlowFastError, OSError, RuntimeError, LookupError, ValueError, TypeError) as error:
        logger.warning("report.html could not be written: %s", error)


def run_dry(cfg) -> None:
    """Build everything and take one step; trains nothing and keeps no result."""
    setup_logging()
    follow_checkpoint(cfg)
    warn_of_other_inputs(cfg)
    dry_run(cfg)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return the exit status; errors are one message, no traceback."""
    return run_cli(lambda: _main(parse_args(argv)))


def command() -> NoReturn:
    """Run the command line of this process and end it."""
    leave(main())


def _main(args) -> None:
    if args.help_config is not None:
        import_modules(args.imports)
        sys.stdout.write(help_config(args.help_config) + "\n")
        return
    cfg = assert_and_infer_cfg(load_config(args))
    if args.dry_run:
        launch_job(cfg, run_dry)
    elif args.folds or args.seeds:
        repeats = MultiRun.folds(args.folds) if args.folds else MultiRun.seeds(args.seeds)
        run_folds_or_seeds(cfg, repeats, lambda one: launch_job(one, run))
    else:
        launch_job(cfg, run)
