"""From files and overrides to one config."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from slowfast.config.defaults import get_cfg
from slowfast.config.imports import import_named
from slowfast.config.node import CfgNode, pair_entries
from slowfast.config.yaml_file import read_entries


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
