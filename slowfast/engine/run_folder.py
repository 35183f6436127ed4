"""The folder of a run: made, checked and locked before any work begins."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from slowfast.engine.run_lock import RunLock
from slowfast.utils import distributed as du
from slowfast.utils.errors import ConfigError
from slowfast.utils.files import remove_stale_temporaries, write_json, write_text

PACKAGES = ("torch", "torchvision", "av", "numpy", "scikit-learn", "fvcore", "yacs")
LOCK = ".lock"
OWN_FOLDERS = ("checkpoints", "features", "files", "predictions")


class RunFolder:
    """``OUTPUT_DIR`` with its lock; use it in a ``with`` statement.

    Writes ``config.yaml`` (fully resolved) and ``environment.json``.

    Raises:
        ConfigError: the folder cannot be written, or another live run owns it.
    """

    def __init__(self, cfg) -> None:
        self.cfg = cfg
        self.path = Path(cfg.OUTPUT_DIR)
        self.lock = RunLock(self.path / LOCK)

    def __enter__(self) -> RunFolder:
        problem = None
        if du.is_root_proc():
            try:
                self._prepare()
            except (OSError, ConfigError) as error:
                self.lock.release()
                problem = str(error)
        problem = du.broadcast_object(problem)
        if problem:
            raise ConfigError(f"OUTPUT_DIR {self.path} cannot be used: {problem}")
        return self

    def _prepare(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock()
        remove_stale_temporaries(self.path)
        for name in OWN_FOLDERS:
            for folder, _, _ in os.walk(self.path / name):
                remove_stale_temporaries(folder)
        write_text(self.path / "config.yaml", self.cfg.dump())
        write_json(self.path / "environment.json", environment())

    def _lock(self) -> None:
        self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        if du.is_root_proc():
            self.lock.release()


def environment() -> dict[str, object]:
    """Return versions, machine, commit and command line of this process."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "command": sys.argv,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "host": socket.gethostname(),
        "processes": du.get_world_size(),
        "packages": versions,
        "git_commit": _git_commit(),
    }


def _git_commit() -> str | None:
    root = Path(__file__).resolve().parents[2]
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
