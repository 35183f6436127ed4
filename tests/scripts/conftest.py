"""A repository of scripts with a Python that only notes what it is asked to do."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"

# Says what it was called with, and then does what $FAKE_WORK says.
FAKE_PYTHON = """#!/usr/bin/env bash
if [ "$1" = -c ]; then exit "${FAKE_LACKS:-0}"; fi
{ printf '%s\\n' "$PWD" "$PYTHONPATH"; printf '%s\\n' "$@"; printf '\\n'; } >> "$RECORD"
eval "${FAKE_WORK:-}"
"""


class Repository:
    """A copy of the scripts below a folder with a space in its name.

    Attributes:
        root: of the copy.
        home: a folder to start commands from, not in the copy.
        environment: of the commands.
    """

    def __init__(self, folder: Path) -> None:
        self.root, self.home = folder / "a clone", folder / "some where"
        self.home.mkdir()
        for name in ("scripts", "setup"):
            shutil.copytree(ROOT / name, self.root / name)
        self.record = folder / "record"
        self.python = self.program("fake-python", FAKE_PYTHON)
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "CONDA"))},
            "PYTHON": str(self.python),
            "RECORD": str(self.record),
        }
        self.environment.pop("PYTHONPATH", None)

    def program(self, name: str, text: str) -> Path:
        """Write a program into a folder for PATH and return it."""
        path = self.root.parent / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def file(self, name: str, text: str = "x\n") -> Path:
        """Write a file of the copy."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def start(self, script: str, *words, **environment) -> subprocess.Popen:
        """Start a script from ``home``."""
        return subprocess.Popen(
            ["bash", str(self.root / "scripts" / script), *map(str, words)],
            cwd=self.home,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Tests in the background of a shell inherit that nobody listens to Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def run(self, script: str, *words, **environment) -> subprocess.CompletedProcess:
        """Run a script from ``home`` to its end."""
        process = self.start(script, *words, **environment)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    @staticmethod
    def wait_for(process: subprocess.Popen, wanted: str) -> None:
        """Read what a process says up to a line."""
        seen = ""
        for line in iter(process.stdout.readline, ""):
            seen += line
            if line == f"{wanted}\n":
                return
        raise AssertionError(f"it ended without saying {wanted!r}:\n{seen}{process.stderr.read()}")

    def calls(self) -> list[list[str]]:
        """Return folder, PYTHONPATH and words of every call of Python."""
        if not self.record.exists():
            return []
        return [call.split("\n") for call in self.record.read_text().split("\n\n")[:-1]]

    def given(self) -> dict[str, str]:
        """Return KEY: VALUE of the last run of run_net.py; the last of a key counts."""
        _, _, tool, flag, _, *words = self.calls()[-1]
        assert (tool, flag) == ("tools/run_net.py", "--cfg")
        return dict(zip(words[::2], words[1::2], strict=True))


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path)


@pytest.fixture
def real(tmp_path):
    """Return ``run(script, *words, **environment)``: a script of this repository, for real."""

    def run(script, *words, **environment):
        (tmp_path / "some where").mkdir(exist_ok=True)
        return subprocess.run(
            ["bash", str(SCRIPTS / script), *map(str, words)],
            cwd=tmp_path / "some where",
            env={**os.environ, "PYTHON": sys.executable, "OMP_NUM_THREADS": "1", **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
