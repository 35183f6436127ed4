"""Programs in processes of their own that begin at once.

A helper process imports what all commands import and is forked for each program, which saves it the
seconds that PyTorch takes to import. What a launcher or ``spawn`` starts is not begun this way.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
MODULES = ("torch", "torchvision", "scipy.signal", "pandas", "sklearn", "av", "slowfast.engine.run")
MODULES += ("slowfast.visualization.report",)
PACKAGES = ("models.backbones", "models.audio", "datasets.lists", "datasets.audio", "ssl", "tasks")
# What lines that are run before a program may use.
NAMES = """
import ctypes, errno, json, os, random, signal, sys, threading, time
from pathlib import Path
import torch
"""

RANK_BEGINS = """
import json, os, sys, time
from pathlib import Path
import torch
from slowfast.utils import distributed as du

folder, tests, *words = sys.argv[1:]
sys.path.insert(0, tests)
rank = int(os.environ["RANK"])
du.init_process_group("gloo", 60)
"""
RANK_ENDS = """
torch.save(found, f"{folder}/{rank}.pt")
du.destroy_process_group()
"""


def environment(**more: object) -> dict[str, str]:
    """Return an environment in which one thread computes, so that numbers repeat."""
    more = {name: str(value) for name, value in more.items()}
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **more}


class Process:
    """A program that has begun; it does what ``subprocess.Popen`` does."""

    def __init__(self, helper: subprocess.Popen, pid: int) -> None:
        self._helper, self.pid, self.returncode = helper, pid, None

    def poll(self) -> int | None:
        """Return the exit status, None if it runs."""
        if self.returncode is None:
            self.returncode = _ask(self._helper, pid=self.pid, seconds=0)
        return self.returncode

    def wait(self, timeout: float = 300) -> int:
        """Return the exit status.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        deadline = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
            time.sleep(0.01)
        return self.returncode


def begin(
    words: Sequence[str],
    environment: dict[str, str],
    out: str | Path,
    err: str | Path | None = None,
    folder: str | Path = ".",
    lines: str = "",
) -> Process:
    """Begin ``script.py word ...`` in a session of its own.

    Args:
        words: script and arguments.
        environment: of the process.
        out, err: files that take what it says, one for both streams if only that is given.
        folder: to run in.
        lines: Python that is run first, and can change the package; it may use :data:`NAMES`.
    """
    helper = _helper(environment.get("PYTHONPATH", ""))
    places = {"out": os.path.abspath(out), "err": os.path.abspath(err or out)}
    places["folder"] = os.path.abspath(folder)
    words = [str(word) for word in words]
    pid = _ask(helper, words=words, environment=environment, lines=lines, **places)
    return Process(helper, pid)


def run_script(
    words: Sequence[str],
    environment: dict[str, str],
    timeout: float = 300,
    folder: str | Path = ".",
) -> subprocess.CompletedProcess:
    """Run ``script.py word ...`` to its end; all it said is the ``stdout`` of what is returned."""
    return _finished(words, [environment], timeout, folder)


def run_ranks(
    words: Sequence[str], count: int = 2, timeout: float = 300
) -> subprocess.CompletedProcess:
    """Run a script in several processes that a launcher would have told of each other.

    The status is the first that is not 0; all that all said is ``stdout``.
    """
    return _finished(words, [environment(**rank) for rank in ranks(count)], timeout)


def ranks(count: int) -> list[dict[str, object]]:
    """Return what a launcher would tell each of the processes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": probe.getsockname()[1]}
    group |= {"WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
    return [{**group, "RANK": rank, "LOCAL_RANK": rank} for rank in range(count)]


def found_by_ranks(program: str, folder: Path, *words: object, count: int = 2) -> list:
    """Run the text of a program in several processes, and return what each has put in ``found``.

    It begins with the names of :data:`RANK_BEGINS`, in a process group, its words in ``words``.
    """
    path = folder / "program.py"
    path.write_text(RANK_BEGINS + program + RANK_ENDS)
    done = run_ranks([path, folder, TESTS, *words], count)
    assert done.returncode == 0, done.stdout
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(count)]


def _finished(
    words: Sequence[str],
    environments: list[dict[str, str]],
    timeout: float,
    folder: str | Path = ".",
) -> subprocess.CompletedProcess:
    with tempfile.NamedTemporaryFile() as out:
        running = [begin(words, one, out.name, folder=folder) for one in environments]
        deadline = time.monotonic() + timeout
        try:
            for process in running:
                process.wait(max(0.0, deadline - time.monotonic()))
        finally:
            for process in running:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        said = Path(out.name).read_text()
    status = next((p.returncode for p in running if p.returncode), 0)
    return subprocess.CompletedProcess(words, status, said)


@cache
def _helper(python_path: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(PYTHONPATH=python_path),
    )


def _ask(helper: subprocess.Popen, **request: object) -> int | None:
    helper.stdin.write(json.dumps(request) + "\n")
    helper.stdin.flush()
    return json.loads(helper.stdout.readline())


def _serve() -> dict:
    """Fork for each program, and tell of its end; return the request in the forked process."""
    for line in sys.stdin:
        request = json.loads(line)
        if "pid" in request:
            ended, status = os.waitpid(request["pid"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if ended else None
        else:
            answer = os.fork()
            if not answer:
                return request
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    sys.exit()


def _become(request: dict) -> None:
    """Run the script of a request as Python would."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for stream, name in enumerate((os.devnull, request["out"], request["err"])):
        mode = os.O_WRONLY | os.O_CREAT | os.O_APPEND if stream else os.O_RDONLY
        os.dup2(os.open(name, mode), stream)
    # What the helper has read ahead is not for the program.
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.argv = request["words"]
    sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
    _draw_anew()
    if request["lines"]:
        exec(NAMES + request["lines"], {})
    runpy.run_path(sys.argv[0], run_name="__main__")


def _draw_anew() -> None:
    """Let random numbers that no seed decides differ from process to process."""
    import numpy as np
    import torch

    random.seed()
    np.random.seed()
    torch.seed()


if __name__ == "__main__":
    for name in MODULES:
        with suppress(ImportError):
            importlib.import_module(name)
    from slowfast.utils.registry import import_all

    for package in PACKAGES:
        import_all(f"slowfast.{package}")
    _become(_serve())
