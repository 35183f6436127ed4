"""From files and overrides to one config."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slowfast.config.defaults import get_cfg
from slowfast.config.node import CfgNode


def load_cfg(files: Sequence[str | Path] = (), overrides: Sequence[Any] = ()) -> CfgNode:
    """Return the defaults, changed by each file in order and then by ``KEY VALUE`` overrides.

    Names and types are checked here; whether the values go together is for ``check_cfg`` to say.
    """
    cfg = get_cfg()
    for path in files:
        cfg.merge_from_file(path)
    cfg.merge_from_list(overrides)
    return cfg
