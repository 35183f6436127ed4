"""The command line of ``tools/run_net.py``, and of ``slowfast``, which knows the other tools too.

Nothing heavy is imported before the config is checked: help and errors in it need no torch.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence
from typing import NoReturn

from slowfast.config.defaults import assert_and_infer_cfg
from slowfast.config.help import help_config
from slowfast.config.load import import_modules
from slowfast.utils.errors import SlowFastError, did_you_mean
from slowfast.utils.parser import each_run, parse_args, repeated
from slowfast.utils.paths import shipped, shipped_tools
from slowfast.utils.processes import leave


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return the exit status; errors are one message, no traceback."""
    try:
        args = parse_args(argv)
        if args.help_config is not None:
            import_modules(args.imports)
            sys.stdout.write(help_config(args.help_config) + "\n")
            return 0
        configs = {value: assert_and_infer_cfg(cfg) for value, cfg in each_run(args).items()}
    except (SlowFastError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    from slowfast.engine.failures import run_cli

    return run_cli(lambda: _run(args, configs))


def command() -> NoReturn:
    """Run the command line of this process and end it."""
    leave(main())


def console() -> NoReturn:
    """Run ``slowfast``: a tool by its name (``slowfast prepare_data ...``), otherwise a config."""
    words, tools = sys.argv[1:], shipped_tools()
    name = words[0].replace("-", "_") if words else ""
    if name in tools:
        sys.argv = [f"slowfast {name}", *words[1:]]
        runpy.run_path(str(shipped(f"tools/{name}.py")), run_name="__main__")
        leave(0)
    if words in (["-h"], ["--help"]):
        sys.stdout.write(f"Tools, as 'slowfast NAME ...': {', '.join(tools)}. A run:\n\n")
    elif words and not words[0].startswith("-"):
        sys.stderr.write(f"error: no tool {words[0]!r}. {did_you_mean(name, tools)}\n")
        leave(2)
    command()


def _run(args, configs) -> None:
    from slowfast.engine.launch import launch_job
    from slowfast.engine.multi_run import run_several
    from slowfast.engine.run import run, run_dry

    if args.dry_run:
        launch_job(next(iter(configs.values())), run_dry)
    elif name := repeated(args):
        run_several(name, configs, lambda cfg: launch_job(cfg, run))
    else:
        launch_job(*configs.values(), run)
