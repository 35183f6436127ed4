"""How much memory of this process a piece of work takes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_megabytes(work: Callable[[], object]) -> float | None:
    """Return how far memory rises during a work, or None where the system does not tell."""
    try:
        ctypes.CDLL(None).malloc_trim(0)  # what was freed earlier must not serve this work
        CLEAR.write_text("5")  # Linux: the highest memory so far becomes the present one
        before = _status("VmRSS")
        work()
        return _status("VmHWM") - before
    except (OSError, AttributeError, TypeError):
        return None


def _status(field: str) -> float:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024 / 1e6
