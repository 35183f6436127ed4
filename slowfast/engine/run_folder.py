"""The folder of a run: made, checked and locked before any work begins.

Its lock says which of several processes owns it: at most one, and none that is dead.
The owner holds ``flock`` on the lock file: the kernel (or the server of a network disk) lets go of it
when the process ends, however that happens. Disks that know no ``flock``, or know it on one machine
only, have the heartbeat: the owner touches the file, and a file that stays untouched is taken over.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import platform
import secrets
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from slowfast.utils import distributed as du
from slowfast.utils.errors import ConfigError
from slowfast.utils.files import remove_stale_temporaries, write_json, write_text
from slowfast.utils.logging import get_logger

logger = get_logger(__name__)

HEARTBEAT_SECONDS = 20
STALE_SECONDS = 120
SETTLE_SECONDS = 1.0
POLL_SECONDS = 0.05
DYING_SECONDS = 10  # in which the kernel removes what is left of a killed run
WITHOUT_FLOCK = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)


class RunLock:
    """A lock file; the folder must exist."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.mine = {"pid": os.getpid(), "host": socket.gethostname(), "id": secrets.token_hex(8)}
        self._handle: int | None = None
        self._ended = threading.Event()

    def acquire(self) -> None:
        """Become the owner; waits for the lock of a run that may be dead to become stale.

        Raises:
            ConfigError: another live run owns it.
        """
        try:
            self._acquire_by_flock()
        except OSError as error:
            if error.errno not in WITHOUT_FLOCK:
                raise
            self._acquire_by_heartbeat()
        threading.Thread(target=self._beat, daemon=True).start()

    def release(self) -> None:
        """Remove the file, unless it has become another's."""
        self._ended.set()
        if (_read(self.path) or {}).get("id") == self.mine["id"]:
            self.path.unlink(missing_ok=True)
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _beat(self) -> None:
        while not self._ended.wait(HEARTBEAT_SECONDS):
            with suppress(OSError):
                os.utime(self.path)

    def _acquire_by_flock(self) -> None:
        watch = _Patience(self.path)
        while self._handle is None:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                if self._is_mine_now(handle, watch):
                    self._handle = handle
            finally:
                if self._handle is None:
                    os.close(handle)
            if self._handle is None:
                time.sleep(POLL_SECONDS)

    def _is_mine_now(self, handle: int, watch: _Patience) -> bool:
        """Try to lock an open file, and write the own name into it."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            watch.check_held(_read(self.path))
            return False
        # Whoever had it may have removed the file meanwhile; then this is no lock at all.
        if not _is_file(handle, self.path) or watch.may_live(_read(self.path)):
            return False
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(self.mine).encode(), 0)
        return True

    def _acquire_by_heartbeat(self) -> None:
        """Write the own name; where several do at once, the last one is the owner."""
        watch = _Patience(self.path)
        while self.path.exists() and watch.may_live(_read(self.path), own_host=True):
            time.sleep(POLL_SECONDS)
        write_json(self.path, self.mine)
        time.sleep(SETTLE_SECONDS)
        owner = _read(self.path)
        if not owner or owner.get("id") != self.mine["id"]:
            raise _in_use(self.path, owner)


class _Patience:
    """How long an owner that cannot be asked is waited for."""

    def __init__(self, path: Path) -> None:
        self.path, self.begin = path, time.monotonic()
        self.touched: tuple[str | None, float] | None = None

    def may_live(self, owner: dict[str, Any] | None, own_host: bool = False) -> bool:
        """Tell whether to wait for an owner on another machine (or here, without ``flock``).

        Raises:
            ConfigError: it lives, since it touched the file meanwhile.
        """
        if owner is None:
            return False
        if owner["host"] == socket.gethostname() and (not own_host or not _exists(owner["pid"])):
            return False
        try:
            touched = (owner.get("id"), self.path.stat().st_mtime)
        except FileNotFoundError:
            return False
        if self.touched is None and time.time() - touched[1] < STALE_SECONDS:
            logger.warning(
                "Waiting up to %d s: a run on %s may live.", STALE_SECONDS, owner["host"]
            )
        self.touched = self.touched or touched
        if touched != self.touched:
            raise _in_use(self.path, owner)
        if time.monotonic() - self.begin > STALE_SECONDS:
            return False
        return time.time() - touched[1] < STALE_SECONDS

    def check_held(self, owner: dict[str, Any] | None) -> None:
        """Return where a held lock may soon be free.

        Raises:
            ConfigError: it will not.
        """
        waited = time.monotonic() - self.begin
        if owner and owner["host"] != socket.gethostname():
            if self.may_live(owner) or waited < DYING_SECONDS:
                return
        elif (not owner or not _exists(owner["pid"])) and waited < DYING_SECONDS:
            return
        raise _in_use(self.path, owner)


def _in_use(path: Path, owner: dict[str, Any] | None) -> ConfigError:
    who = f"a run on {owner['host']} (process {owner['pid']})" if owner else "another run"
    return ConfigError(
        f"{who} is using it. Choose another OUTPUT_DIR; if that run is dead, delete {path}, or "
        f"wait {STALE_SECONDS} s."
    )


def _read(path: Path) -> dict[str, Any] | None:
    try:
        owner = json.loads(path.read_text())
        return {**owner, "pid": int(owner["pid"]), "host": str(owner["host"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_file(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


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
        self.lock.acquire()
        remove_stale_temporaries(self.path)
        for name in OWN_FOLDERS:
            for folder, _, _ in os.walk(self.path / name):
                remove_stale_temporaries(folder)
        write_text(self.path / "config.yaml", self.cfg.dump())
        write_json(self.path / "environment.json", environment())

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
