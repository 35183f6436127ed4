"""What the benchmarks measure with: works that take turns, memory, what they ran on, and the rows of
the README's table.
"""

from __future__ import annotations

import ctypes
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import torch

Work = Callable[[], object]


class Seconds(NamedTuple):
    """Seconds on the clock, and of all threads of this process."""

    wall: float
    cpu: float


def setting(device: str = "cpu") -> str:
    """Return hardware, load and versions on one line."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    where = f"{name}, {os.cpu_count()} cores, {torch.get_num_threads()} threads{load}"
    if device == "cuda":
        where = f"{torch.cuda.get_device_name()}; {where}"
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("torch", "torchvision", "av", "numpy")
    )
    return f"{where}; Python {platform.python_version()}, {versions}"


def timed(work: Work) -> Seconds:
    """Return the seconds of a work, with what it asked of a GPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return Seconds(time.perf_counter() - wall, time.process_time() - cpu)


def in_turns(works: dict[str, Work], rounds: int) -> dict[str, list[Seconds]]:
    """Return the seconds of every round; works take turns, and none always goes first."""
    measured: dict[str, list[Seconds]] = {name: [] for name in works}
    for number in range(rounds):
        for name in list(works)[:: 1 if number % 2 else -1]:
            measured[name].append(timed(works[name]))
    return measured


def median(rounds: list[Seconds]) -> Seconds:
    """Return the median of either kind of seconds."""
    return Seconds(*map(statistics.median, zip(*rounds, strict=True)))


def ratio(ours: list[Seconds], theirs: list[Seconds], kind: str) -> float:
    """Return the median over rounds of our seconds of a kind by theirs."""
    pairs = zip(ours, theirs, strict=True)
    return statistics.median(getattr(a, kind) / getattr(b, kind) for a, b in pairs)


def table_row(
    what: str,
    value: float,
    unit: str,
    *,
    least: float | None = None,
    most: float | None = None,
    form: str = ".2f",
) -> None:
    """Print a row of the README's table: what was measured, its value, the goal, and whether it is met."""
    bound = most if least is None else least
    if bound is None:
        goal, met = "", ""
    else:
        goal = f"{'at most' if least is None else 'at least'} {bound:{form}}"
        met = "yes" if (value <= bound if least is None else value >= bound) else "no"
    print(f"| {what} | {value:{form}} {unit} | {goal} | {met} |")


def peak_megabytes(work: Work) -> float | None:
    """Return how far memory of this process rises during a work, or None where unknown."""
    try:
        ctypes.CDLL(None).malloc_trim(0)  # what was freed earlier must not serve this work
        Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak becomes what is used now
        before = _status("VmRSS")
        work()
        return _status("VmHWM") - before
    except (OSError, AttributeError, TypeError):
        return None


def _status(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) * 1024 / 1e6
