"""Whole runs in processes of their own, with something done to them, and what they leave behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from warm import begin, environment

PROGRAM = """
import ctypes, os, signal, sys, time
from pathlib import Path
from slowfast.engine.failures import run_cli
from slowfast.utils.processes import leave
from slowfast.engine.run import main

{lines}

if __name__ == "__main__":
    leave({ending})
"""
END_SECONDS = 10


class Driven:
    """A program that changes the package and then runs a command line.

    Args:
        folder: takes the program and what it says.
        lines: Python that is run first, in spawned processes and before workers are forked.
        words: of the command line.
        ending: the expression whose value is the exit status.
        launcher: words between Python and the program.
    """

    def __init__(
        self, folder: Path, lines: str, *words: str, ending: str = "", launcher=()
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        program = folder / "program.py"
        ending = ending or "main(sys.argv[1:])"
        program.write_text(PROGRAM.format(lines=lines, ending=ending))
        self.out, self.err = folder / "out.txt", folder / "err.txt"
        self.out.touch()
        self.err.touch()
        words = [str(program), *words]
        if not launcher:
            self.process = begin(words, environment(), self.out, self.err)
            return
        with open(self.out, "w") as out, open(self.err, "w") as err:
            self.process = subprocess.Popen(
                [sys.executable, *launcher, *words],
                env=environment(),
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def wait_for(self, text: str, seconds: float = 60) -> None:
        """Wait until the program has said something."""
        deadline = time.monotonic() + seconds
        while text not in self.out.read_text() + self.err.read_text():
            assert time.monotonic() < deadline and self.process.poll() is None, self.said()
            time.sleep(0.02)

    def send(self, number: int, group: bool = False) -> None:
        """Send a signal to the program, or to all its processes as a terminal does."""
        (os.killpg if group else os.kill)(self.process.pid, number)

    def end(self, seconds: float = END_SECONDS) -> int:
        """Return the exit status; all processes must be gone in time."""
        deadline = time.monotonic() + seconds
        try:
            status = self.process.wait(seconds)
            while self.left() and time.monotonic() < deadline:
                time.sleep(0.05)
            assert not self.left(), f"left behind: {self.left()}\n{self.said()}"
        except subprocess.TimeoutExpired:
            raise AssertionError(f"no end within {seconds} s\n{self.said()}") from None
        finally:
            if self.left():
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        return status

    def left(self) -> list[int]:
        """Return the processes of the program's session that live."""
        return living(self.process.pid)

    def said(self) -> str:
        return self.out.read_text() + self.err.read_text()


def living(session: int) -> list[int]:
    """Return the processes of a session that live."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] not in "ZX":
            found.append(int(stat.parent.name))
    return found
