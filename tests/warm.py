"""Scripts run to their end as processes of their own, without importing PyTorch once more for each.

A helper process imports what all commands import and is forked for each of them. What forking must
not decide (signals, start-up, killed processes) is tested with ordinary processes.
"""

import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

MODULES = ("torch", "torchvision", "scipy.signal", "pandas", "sklearn", "av", "slowfast.engine.run")


def run_script(
    words: Sequence[str],
    environment: dict[str, str],
    timeout: float = 300,
    folder: str | Path = ".",
) -> subprocess.CompletedProcess:
    """Run ``script.py word ...`` in a folder; return the finished process, all it said as stdout."""
    helper, out = _helper(environment.get("PYTHONPATH", ""))
    out.truncate(0)
    request = {"words": list(words), "environment": environment, "folder": os.path.abspath(folder)}
    helper.stdin.write(json.dumps(request) + "\n")
    helper.stdin.flush()
    child = int(helper.stdout.readline())
    ready, _, _ = select.select([helper.stdout], [], [], timeout)
    if not ready:
        os.killpg(child, signal.SIGKILL)
    status = int(helper.stdout.readline())
    said = Path(out.name).read_text()
    if not ready:
        raise subprocess.TimeoutExpired(words, timeout, said)
    return subprocess.CompletedProcess(words, status, said)


@cache
def _helper(python_path: str):
    import tempfile

    out = tempfile.NamedTemporaryFile("w")  # noqa: SIM115 # as long as the helper
    helper = subprocess.Popen(
        [sys.executable, __file__, out.name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": python_path},
    )
    return helper, out


def _serve(out: str) -> dict:
    """Fork for each request; return the request in the forked process."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os.setsid()
            _redirect(out)
            return json.loads(line)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    sys.exit()


def _redirect(out: str) -> None:
    with open(os.devnull) as nothing, open(out, "a") as file:
        os.dup2(nothing.fileno(), 0)
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


def _become(request: dict) -> None:
    """Run the script of a request as Python would."""
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.argv = request["words"]
    sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    for name in MODULES:
        with suppress(ImportError):
            importlib.import_module(name)
    _become(_serve(sys.argv[1]))
