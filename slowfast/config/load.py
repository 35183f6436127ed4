"""From files and overrides to one config, and a user's own modules (``IMPORTS``, ``--import``).

Modules are imported before any name is looked up: what they register (models, tasks, datasets, methods,
checkpoint formats) then counts like ours, and so do config keys that they add to
``slowfast.config.defaults._C``.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from slowfast.config.coerce import coerce
from slowfast.config.defaults import get_cfg
from slowfast.config.node import CfgNode, pair_entries
from slowfast.config.yaml_file import Entry, read_entries
from slowfast.utils.errors import ConfigError

KEY = "IMPORTS"


def load_cfg(
    files: Sequence[str | Path] = (), overrides: Sequence[Any] = (), imports: Sequence[str] = ()
) -> CfgNode:
    """Return the defaults, changed by each file in order and then by ``KEY VALUE`` overrides.

    Modules named by ``IMPORTS`` and by ``imports`` are imported first: they may add keys.
    Names and types are checked here; whether the values go together is for ``check_cfg`` to say.
    """
    read = [read_entries(path) for path in files]
    given = pair_entries(overrides)
    modules = import_named(chain(*read, given), imports)
    cfg = get_cfg()
    for entries in (*read, given):
        cfg.merge_entries(entries)
    if modules:
        cfg.IMPORTS = modules
    return cfg


def import_modules(names: Sequence[str], folders: Iterable[str | Path] = ()) -> None:
    """Import modules from the installed packages, the current directory or ``folders``.

    Raises:
        ConfigError: there is no such module, or it cannot be imported.
    """
    if not names:
        return
    for folder in map(os.path.abspath, (os.getcwd(), *folders)):
        if folder not in sys.path:
            sys.path.append(folder)
    for name in names:
        try:
            importlib.import_module(name)
        except (ImportError, SyntaxError, ValueError, TypeError) as error:
            missing = isinstance(error, ModuleNotFoundError) and error.name is not None
            if missing and f"{name}.".startswith(f"{error.name}."):
                raise ConfigError(
                    f"{KEY}: there is no module {name!r} among the installed packages, in the "
                    "current directory or beside the config file."
                ) from error
            raise ConfigError(
                f"{KEY}: {name!r} cannot be imported ({type(error).__name__}: {error})."
            ) from error


def import_named(entries: Iterable[Entry], extra: Sequence[str] = ()) -> list[str]:
    """Import what the entries of files and overrides name, the last of them, and ``extra``.

    Returns:
        All names. A value that is not a list of names is left for the merge to refuse.
    """
    names: list[str] = []
    folders = []
    for entry in entries:
        if entry.name != KEY:
            continue
        try:
            names = coerce(entry.value, "list[str]", entry.word)
        except ValueError:
            continue
        if entry.where:  # FILE:LINE
            folders.append(Path(entry.where.rpartition(":")[0]).parent)
    names = [*names, *(name for name in extra if name not in names)]
    import_modules(names, folders)
    return names
