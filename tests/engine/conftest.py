import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from warm import ROOT, environment, run_ranks, run_script

from slowfast.checkpoint.store import CheckpointStore, load_checkpoint_file
from slowfast.synthetic import write_ava_world
from slowfast.utils.files import TEMPORARY


def command(*words: str, tool: str = "run_net", cfg: str = "recognition") -> list[str]:
    """Return the command line of a tool with a demo config."""
    cfg = str(ROOT / f"configs/demo/{cfg}.yaml")
    return [sys.executable, str(ROOT / f"tools/{tool}.py"), "--cfg", cfg, *words]


def execute(
    *words: str, tool: str = "run_net", cfg: str = "recognition", timeout: float = 300
) -> subprocess.CompletedProcess:
    """Run a tool to its end and return the finished process with its joined output as stdout."""
    return run_process(command(*words, tool=tool, cfg=cfg), timeout)


def two_processes(*words: str, cfg: str = "recognition") -> subprocess.CompletedProcess:
    """Run ``run_net`` in two processes, to the end of both."""
    return run_ranks(command(*words, cfg=cfg)[1:])


def assert_the_end_repeats(whole: Path, again: Path, run) -> None:
    """Let a copy of a run lose its last checkpoint, call ``run()`` on it, and compare to the last bit.

    The run must have been told to write checkpoints after every step.
    """
    shutil.copytree(whole, again)
    *_, earlier, last = sorted((again / "checkpoints").iterdir())
    assert "_step_" in earlier.name and "_step_" not in last.name
    last.unlink()
    (again / "results.json").unlink(missing_ok=True)
    assert run() == 0
    assert "Resuming from" in (again / "log.txt").read_text()
    assert_equal_runs(whole, again)


def run_process(words: list[str], timeout: float) -> subprocess.CompletedProcess:
    """Run ``python script.py word ...`` to its end; all it said is ``stdout``."""
    return run_script(words[1:], environment(), timeout)


@pytest.fixture(scope="module")
def one_thread():
    """Let the tests of a module compute in one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def ava_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ava world")
    write_ava_world(folder, "tiny")
    return folder / "ava"


@pytest.fixture(scope="session")
def places(ava_folder):
    """Config overrides that say where the world is."""
    return [
        *("AVA.FRAME_DIR", str(ava_folder / "frames"), "AVA.VIDEO_DIR", str(ava_folder / "videos")),
        *("AVA.FRAME_LIST_DIR", str(ava_folder / "annotations")),
        *("AVA.ANNOTATION_DIR", str(ava_folder / "annotations")),
        *("DATA_LOADER.NUM_WORKERS", "0", "TENSORBOARD.ENABLE", "False", "LOG_PERIOD", "5"),
    ]


def rows(folder: Path, kind: str) -> list[dict]:
    """Return the rows of one kind that a run has logged."""
    lines = (folder / "stats.jsonl").read_text().splitlines()
    return [row for row in map(json.loads, lines) if row["_type"] == kind]


def results_of(folder: Path) -> dict:
    """Return what a run has measured, and how."""
    return json.loads((folder / "results.json").read_text())


def newest_file(folder: Path) -> str:
    """Return the file of the newest checkpoint of a run."""
    return str(CheckpointStore(folder / "checkpoints").files()[-1])


def newest(folder: Path) -> dict:
    """Return the newest checkpoint of a run."""
    return load_checkpoint_file(newest_file(folder))


def steady_rows(folder: Path) -> list[dict]:
    """Return the rows of a run without what a clock decides; every line must be whole."""
    rows = [json.loads(line) for line in (folder / "stats.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if not k.startswith("dt")} for row in rows]


def assert_equal_runs(one: Path, other: Path) -> None:
    """Compare checkpoints, rows and results to the last bit; the other run left nothing behind."""
    first, second = newest(one), newest(other)
    for part in ("model_state", "optimizer_state", "progress"):
        torch.testing.assert_close(first[part], second[part], rtol=0, atol=0)
    assert first["hooks"] == second["hooks"]
    assert steady_rows(one) == steady_rows(other)
    assert (one / "results.json").exists() == (other / "results.json").exists()
    if (one / "results.json").exists():
        assert results_of(one)["test"] == results_of(other)["test"]
    assert not list(other.rglob(f"*{TEMPORARY}")) and not (other / ".lock").exists()
