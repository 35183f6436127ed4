"""The folder of a run: made, checked and locked before any work begins."""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from slowfast.utils import distributed as du
from slowfast.utils.errors import ConfigError
from slowfast.utils.files import remove_stale_temporaries, write_json, write_text

PACKAGES = ("torch", "torchvision", "av", "numpy", "scikit-learn", "fvcore", "yacs")
LOCK = ".lock"
HEARTBEAT_SECONDS = 20
STALE_SECONDS = 120


class RunFolder:
    """``OUTPUT_DIR`` with its lock; use it in a ``with`` statement.

    Writes ``config.yaml`` (fully resolved) and ``environment.json``.

    Raises:
        ConfigError: the folder cannot be written, or another live run owns it.
    """

    def __init__(self, cfg) -> None:
        self.cfg = cfg
        self.path = Path(cfg.OUTPUT_DIR)
        self._ended = threading.Event()

    def __enter__(self) -> RunFolder:
        problem = None
        if du.is_root_proc():
            try:
                self._prepare()
            except (OSError, ConfigError) as error:
                problem = str(error)
        problem = du.broadcast_object(problem)
        if problem:
            raise ConfigError(f"OUTPUT_DIR {self.path} cannot be used: {problem}")
        return self

    def _prepare(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock()
        remove_stale_temporaries(self.path)
        write_text(self.path / "config.yaml", self.cfg.dump())
        write_json(self.path / "environment.json", environment())
        threading.Thread(target=self._beat, daemon=True).start()

    def _beat(self) -> None:
        """Keep the lock young, so that other machines can tell that this run lives."""
        while not self._ended.wait(HEARTBEAT_SECONDS):
            with suppress(OSError):
                os.utime(self.path / LOCK)

    def _lock(self) -> None:
        lock = self.path / LOCK
        mine = {"pid": os.getpid(), "host": socket.gethostname()}
        try:
            with open(lock, "x") as file:
                json.dump(mine, file)
            return
        except FileExistsError:
            owner = _read_lock(lock)
        if owner and owner != mine and _lives(owner, lock):
            raise ConfigError(
                f"a run on {owner['host']} (process {owner['pid']}) is using it. Choose another "
                f"OUTPUT_DIR; if that run is dead, delete {lock}, or wait {STALE_SECONDS} s."
            )
        write_json(lock, mine)

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if du.is_root_proc():
            (self.path / LOCK).unlink(missing_ok=True)


def _read_lock(path: Path) -> dict | None:
    try:
        owner = json.loads(path.read_text())
        return {"pid": int(owner["pid"]), "host": str(owner["host"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _lives(owner: dict, lock: Path) -> bool:
    """Tell whether a run is alive: by its process here, by its heartbeat on another machine."""
    if owner["host"] != socket.gethostname():
        try:
            return time.time() - lock.stat().st_mtime < STALE_SECONDS
        except FileNotFoundError:
            return False
    try:
        os.kill(owner["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


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
