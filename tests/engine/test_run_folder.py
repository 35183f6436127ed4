"""A folder belongs to one live run: of several starts one goes on, and a dead run is in nobody's way."""

import errno
import fcntl
import json
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from slowfast.config import get_cfg
from slowfast.engine import run_folder
from slowfast.engine.run_folder import LOCK, STALE_SECONDS, RunFolder, RunLock
from slowfast.utils.errors import ConfigError

HERE = socket.gethostname()


@pytest.fixture
def cfg(tmp_path):
    cfg = get_cfg()
    cfg.OUTPUT_DIR = str(tmp_path)
    return cfg


@pytest.fixture
def impatient(monkeypatch):
    """Let locks become stale within a second."""
    monkeypatch.setattr(run_folder, "STALE_SECONDS", 1.0)
    monkeypatch.setattr(run_folder, "DYING_SECONDS", 0.5)
    monkeypatch.setattr(run_folder, "HEARTBEAT_SECONDS", 0.2)
    monkeypatch.setattr(run_folder, "SETTLE_SECONDS", 0.3)


@pytest.fixture
def without_flock(monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)


def lock(folder, pid, host):
    (folder / LOCK).write_text(json.dumps({"pid": pid, "host": host}))


def make_old(folder):
    past = time.time() - STALE_SECONDS - 1
    os.utime(folder / LOCK, (past, past))


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_lock_lasts_as_long_as_the_run(cfg, tmp_path):
    with RunFolder(cfg):
        owner = json.loads((tmp_path / LOCK).read_text())
        assert (owner["pid"], owner["host"]) == (os.getpid(), HERE)
        with pytest.raises(ConfigError, match=f"process {os.getpid()}"), RunFolder(cfg):
            pass
        assert (tmp_path / LOCK).exists()  # which is not that of the refused one
    assert not (tmp_path / LOCK).exists()


def test_the_lock_of_a_killed_run_here_is_taken_over(cfg, tmp_path):
    lock(tmp_path, dead_pid(), HERE)
    with RunFolder(cfg):
        pass


def test_a_number_that_another_process_has_got_since_is_not_believed(cfg, tmp_path):
    lock(tmp_path, os.getppid(), HERE)
    with RunFolder(cfg):
        pass


def test_a_beating_run_on_another_machine_is_respected(cfg, tmp_path, impatient):
    lock(tmp_path, 1, "elsewhere")
    heart = threading.Timer(0.3, (tmp_path / LOCK).touch)
    heart.start()
    with pytest.raises(ConfigError, match="elsewhere"), RunFolder(cfg):
        pass


def test_a_run_on_another_machine_that_died_just_now_is_waited_for(cfg, tmp_path, impatient):
    lock(tmp_path, 1, "elsewhere")
    begin = time.monotonic()
    with RunFolder(cfg):
        assert time.monotonic() - begin > 0.5


def test_a_silent_run_on_another_machine_is_taken_over(cfg, tmp_path):
    lock(tmp_path, 1, "elsewhere")
    make_old(tmp_path)
    with RunFolder(cfg):
        pass


@pytest.mark.parametrize("text", ["", '{"pid": 1'])
def test_a_torn_lock_is_taken_over(cfg, tmp_path, text):
    (tmp_path / LOCK).write_text(text)
    with RunFolder(cfg):
        pass


def test_what_a_killed_run_left_is_removed_but_nothing_of_others(cfg, tmp_path):
    for folder in (tmp_path, tmp_path / "predictions/ucf101", tmp_path / "another run/files"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".x.csv.abc.slowfast-tmp").touch()
    with RunFolder(cfg):
        left = [path.parent.parent.name for path in tmp_path.rglob("*.slowfast-tmp")]
    assert left == ["another run"]


def race(folder, processes=6) -> int:
    """Let processes ask for a lock at one moment and keep it; return how many got it."""
    gate, children = time.time() + 0.2, []
    for _ in range(processes):
        child = os.fork()
        if child == 0:
            asked = RunLock(folder / LOCK)
            while time.time() < gate:
                pass
            try:
                asked.acquire()
            except ConfigError:
                os._exit(1)
            time.sleep(1.2)
            os._exit(0)
        children.append(child)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert set(statuses) <= {0, 1}
    return statuses.count(0)


@pytest.mark.parametrize("before", ["stale", "empty", "absent"])
def test_of_six_starts_at_one_moment_exactly_one_goes_on(tmp_path, before):
    for _ in range(3):
        (tmp_path / LOCK).unlink(missing_ok=True)
        if before == "stale":
            lock(tmp_path, dead_pid(), HERE)
        elif before == "empty":
            (tmp_path / LOCK).touch()
        assert race(tmp_path) == 1


@pytest.mark.parametrize("before", ["stale", "absent"])
def test_so_it_is_where_the_disk_knows_no_locks(tmp_path, before, without_flock, impatient):
    if before == "stale":
        lock(tmp_path, dead_pid(), HERE)
    assert race(tmp_path) == 1


def test_without_locks_of_the_disk_the_heart_of_a_run_here_counts(
    cfg, tmp_path, without_flock, impatient
):
    with RunFolder(cfg):
        with pytest.raises(ConfigError, match=f"process {os.getpid()}"), RunFolder(cfg):
            pass
        assert (tmp_path / LOCK).exists()
    lock(tmp_path, os.getppid(), HERE)  # lives, but is another process by now: no heartbeat
    with RunFolder(cfg):
        pass


def test_a_lock_that_became_another_s_is_left_alone(tmp_path):
    mine = RunLock(tmp_path / LOCK)
    mine.acquire()
    lock(tmp_path, 1, "elsewhere")
    mine.release()
    assert (tmp_path / LOCK).exists()
