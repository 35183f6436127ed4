"""The command line of ``tools/run_net.py``.

Nothing heavy is imported before the config is checked: help and errors in it need no torch.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

from slowfast.config.defaults import assert_and_infer_cfg
from slowfast.config.help import help_config
from slowfast.config.imports import import_modules
from slowfast.utils.errors import SlowFastError
from slowfast.utils.parser import load_config, parse_args
from slowfast.utils.processes import leave


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return the exit status; errors are one message, no traceback."""
    try:
        args = parse_args(argv)
        if args.help_config is not None:
            import_modules(args.imports)
            sys.stdout.write(help_config(args.help_config) + "\n")
            return 0
        cfg = assert_and_infer_cfg(load_config(args))
    except (SlowFastError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    from slowfast.engine.failures import run_cli

    return run_cli(lambda: _run(args, cfg))


def command() -> NoReturn:
    """Run the command line of this process and end it."""
    leave(main())


def _run(args, cfg) -> None:
    from slowfast.engine.launch import launch_job
    from slowfast.engine.multi_run import MultiRun, run_folds_or_seeds
    from slowfast.engine.run import run, run_dry

    if args.dry_run:
        launch_job(cfg, run_dry)
    elif args.folds or args.seeds:
        repeats = MultiRun.folds(args.folds) if args.folds else MultiRun.seeds(args.seeds)
        run_folds_or_seeds(cfg, repeats, lambda one: launch_job(one, run))
    else:
        launch_job(cfg, run)
