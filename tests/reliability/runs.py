"""Whole runs in processes that begin at once, with something done to them.

One process imports everything and then forks a run when it is asked to, which saves each run the
seconds that torch takes to import.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from engine.conftest import environment
from engine.driver import living

PROGRAM = """
import ctypes, errno, json, os, random, signal, sys, threading, time
from pathlib import Path
import torch
from slowfast.engine import run as program
from slowfast.engine.cli import main
from slowfast.utils.processes import leave
from slowfast.utils.registry import import_all

for package in ("models.backbones", "models.audio", "datasets.lists", "datasets.audio", "ssl", "tasks"):
    import_all(f"slowfast.{package}")
program._report = lambda folder: None  # takes longer than all else

def begin(job):
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    out = os.open(job["out"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(out, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdout = open(1, "w", buffering=1, closefd=False)
    sys.argv = ["run_net.py", *job["words"]]
    exec(job["lines"], globals())
    leave(main(job["words"]))

def end(pid, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None

for line in sys.stdin:
    job = json.loads(line)
    if "pid" in job:
        answer = end(job["pid"], job["seconds"])
    else:
        answer = os.fork()
        if not answer:
            begin(job)
    sys.__stdout__.write(json.dumps(answer) + "\\n")
    sys.__stdout__.flush()
"""


class Runner:
    """Begins runs; use it in a ``with`` statement."""

    def __enter__(self) -> Runner:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.wait(20)

    def _ask(self, **job: object) -> int | None:
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def begin(self, words: list[str], out: Path, lines: str = "") -> Run:
        """Begin a run.

        Args:
            words: of the command line.
            out: takes what it says.
            lines: Python that is run first, and can change the package.
        """
        out.parent.mkdir(parents=True, exist_ok=True)
        out.touch()
        return Run(self, self._ask(words=words, out=str(out), lines=lines), out)

    def begin_ranks(
        self, words: list[str], out: Path, lines: str = "", count: int = 2
    ) -> list[Run]:
        """Begin a run of several processes, as a launcher does; see :meth:`begin`."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        group = {"WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_PORT": port}
        group = {**group, "MASTER_ADDR": "127.0.0.1"}
        runs = []
        for rank in range(count):
            given = {k: str(v) for k, v in {**group, "RANK": rank, "LOCAL_RANK": rank}.items()}
            where = out.with_name(f"{out.stem}-{rank}{out.suffix}")
            runs.append(self.begin(words, where, f"os.environ.update({given})\n{lines}"))
        return runs

    def end(self, pid: int, seconds: float) -> int | None:
        """Return the exit status of a run, None if it hung and had to be killed."""
        return self._ask(pid=pid, seconds=seconds)


@dataclass
class Run:
    """A run in a process of its own."""

    runner: Runner
    pid: int
    out: Path

    def end(self, seconds: float = 120.0) -> int | None:
        """Return the exit status, None if it hung and had to be killed."""
        return self.runner.end(self.pid, seconds)

    def left(self) -> list[int]:
        """Return the processes of the run that live."""
        return living(self.pid)

    def said(self) -> str:
        return self.out.read_text()
