"""Whole runs in processes of their own, with something done to them."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from engine.driver import living
from warm import ROOT, Process, environment, ranks
from warm import begin as begin_program

# It takes longer than all else in such short runs.
NO_REPORT = """
from slowfast.engine import run as program
program._report = lambda folder: None
"""


@dataclass
class Run:
    """A run in a process of its own."""

    process: Process
    out: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def end(self, seconds: float = 120.0) -> int | None:
        """Return the exit status, None if it hung and had to be killed."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self.process.wait()
            return None

    def left(self) -> list[int]:
        """Return the processes of the run that live."""
        return living(self.pid)

    def said(self) -> str:
        return self.out.read_text()


def begin(words: list[str], out: Path, lines: str = "", **more: object) -> Run:
    """Begin a run.

    Args:
        words: of the command line.
        out: takes what it says.
        lines: Python that is run first, and can change the package.
        more: added to its environment.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    out.touch()  # it may be asked what it said before it begins
    words, lines = [str(ROOT / "tools/run_net.py"), *words], NO_REPORT + lines
    return Run(begin_program(words, environment(**more), out, lines=lines), out)


def begin_ranks(words: list[str], out: Path, lines: str = "", count: int = 2) -> list[Run]:
    """Begin a run of several processes, as a launcher does; see :func:`begin`."""
    places = [out.with_name(f"{out.stem}-{rank}{out.suffix}") for rank in range(count)]
    return [begin(words, o, lines, **r) for o, r in zip(places, ranks(count), strict=True)]
