import json
import os
import socket
import subprocess
import sys
import time

import pytest

from slowfast.config import get_cfg
from slowfast.engine.run_folder import LOCK, STALE_SECONDS, RunFolder
from slowfast.utils.errors import ConfigError


@pytest.fixture
def cfg(tmp_path):
    cfg = get_cfg()
    cfg.OUTPUT_DIR = str(tmp_path)
    return cfg


def lock(folder, pid, host):
    (folder / LOCK).write_text(json.dumps({"pid": pid, "host": host}))


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_lock_lasts_as_long_as_the_run(cfg, tmp_path):
    with RunFolder(cfg):
        owner = json.loads((tmp_path / LOCK).read_text())
        assert owner == {"pid": os.getpid(), "host": socket.gethostname()}
    assert not (tmp_path / LOCK).exists()


def test_the_lock_of_a_killed_run_here_is_taken_over(cfg, tmp_path):
    lock(tmp_path, dead_pid(), socket.gethostname())
    with RunFolder(cfg):
        pass


def test_a_beating_run_on_another_machine_is_respected(cfg, tmp_path):
    lock(tmp_path, 1, "elsewhere")
    with pytest.raises(ConfigError, match="elsewhere"), RunFolder(cfg):
        pass


def test_a_silent_run_on_another_machine_is_taken_over(cfg, tmp_path):
    lock(tmp_path, 1, "elsewhere")
    past = time.time() - STALE_SECONDS - 1
    os.utime(tmp_path / LOCK, (past, past))
    with RunFolder(cfg):
        pass


def test_a_torn_lock_is_taken_over(cfg, tmp_path):
    (tmp_path / LOCK).write_text('{"pid": 1')
    with RunFolder(cfg):
        pass
