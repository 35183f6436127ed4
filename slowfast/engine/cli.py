"""The command line of ``tools/run_net.py``, and how all tools end.

Nothing heavy is imported here: help and errors in a config need no torch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from slowfast.config.defaults import assert_and_infer_cfg
from slowfast.config.help import help_config
from slowfast.utils.errors import SlowFastError, StopRequested
from slowfast.utils.parser import load_config, parse_args


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return the exit status; errors are one message, no traceback."""
    return guarded(lambda: _main(parse_args(argv)))


def _main(args) -> None:
    if args.help_config is not None:
        sys.stdout.write(help_config(args.help_config) + "\n")
        return
    cfg = assert_and_infer_cfg(load_config(args))
    from slowfast.engine.launch import launch_job
    from slowfast.engine.repeats import Repeats, run_repeats
    from slowfast.engine.run import run, run_dry

    if args.dry_run:
        launch_job(cfg, run_dry)
    elif args.folds or args.seeds:
        repeats = Repeats.folds(args.folds) if args.folds else Repeats.seeds(args.seeds)
        run_repeats(cfg, repeats, lambda one: launch_job(one, run))
    else:
        launch_job(cfg, run)


def guarded(work: Callable[[], None]) -> int:
    """Call ``work`` and turn what it raises into an exit status and one message."""
    try:
        work()
    except (SlowFastError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except StopRequested as stop:
        if stop.reason:
            sys.stderr.write(f"{stop.reason}; the same command resumes the run\n")
        return stop.exit_status
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    finally:
        if "torch" in sys.modules:
            from slowfast.utils.distributed import destroy_process_group

            destroy_process_group()
    return 0
