"""Configs and tools that come with the package: from a checkout, or inside an installed wheel."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
ROOTS = (PACKAGE.parent, PACKAGE)


def shipped(name: str | Path) -> Path | None:
    """Return a file below ``configs`` or ``tools`` by its name there, or None.

    >>> shipped("configs/nothing.yaml")
    """
    parts = Path(name).parts
    if not parts or parts[0] not in ("configs", "tools") or os.pardir in parts:
        return None
    return next((root / name for root in ROOTS if (root / name).is_file()), None)


def shipped_tools() -> list[str]:
    """Return the names of all tools."""
    folder = next((root / "tools" for root in ROOTS if (root / "tools/run_net.py").is_file()), None)
    return sorted(path.stem for path in folder.glob("*.py")) if folder else []
