import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from warm import run_script

from slowfast.checkpoint.store import CheckpointStore, load_checkpoint_file
from slowfast.synthetic import write_ava_world

ROOT = Path(__file__).resolve().parents[2]


def command(*words: str, tool: str = "run_net", cfg: str = "recognition") -> list[str]:
    """Return the command line of a tool with a demo config."""
    cfg = str(ROOT / f"configs/demo/{cfg}.yaml")
    return [sys.executable, str(ROOT / f"tools/{tool}.py"), "--cfg", cfg, *words]


def environment() -> dict[str, str]:
    """Return an environment in which one thread computes, so that numbers repeat."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def execute(
    *words: str, tool: str = "run_net", cfg: str = "recognition", timeout: float = 300
) -> subprocess.CompletedProcess:
    """Run a tool to its end and return the finished process with its joined output as stdout."""
    return run_process(command(*words, tool=tool, cfg=cfg), timeout)


def torchrun(*words: str, cfg: str = "recognition", timeout: float = 300):
    """Run ``run_net`` in two processes and return the finished launcher."""
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    return run_process([sys.executable, *launcher, *command(*words, cfg=cfg)[1:]], timeout)


def forget_the_end(folder: Path) -> None:
    """Delete the last checkpoint of a run, as if it had been killed in the middle of its last epoch.

    The run must have been told to write checkpoints after every step.
    """
    *_, earlier, last = sorted((folder / "checkpoints").iterdir())
    assert "_step_" in earlier.name and "_step_" not in last.name
    last.unlink()


def run_process(words: list[str], timeout: float) -> subprocess.CompletedProcess:
    if words[1].endswith(".py"):
        return run_script(words[1:], environment(), timeout)
    return subprocess.run(
        words,
        env=environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout,
        check=False,
    )


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


def newest(folder: Path) -> dict:
    """Return the newest checkpoint of a run."""
    return load_checkpoint_file(CheckpointStore(folder / "checkpoints").files()[-1])
