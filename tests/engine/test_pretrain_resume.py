"""A killed pretraining goes on with the same banks, positives and losses."""

import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch

from slowfast.checkpoint.store import CheckpointStore, load_checkpoint_file

from .conftest import command, environment, execute
from .test_resume import numbers, wait_for_steps

EXACT = ("SOLVER.MAX_EPOCH", "3", "TRAIN.CHECKPOINT_MINUTES", "0.0001")


def assert_equal_runs(one: Path, other: Path) -> None:
    states = [
        load_checkpoint_file(CheckpointStore(folder / "checkpoints").files()[-1])
        for folder in (one, other)
    ]
    for part in ("model_state", "optimizer_state", "progress"):
        torch.testing.assert_close(states[0][part], states[1][part], rtol=0, atol=0)
    assert numbers(one) == numbers(other)


@pytest.fixture(scope="module")
def first_stage(pretrain_overrides, tmp_path_factory) -> Path:
    """An undisturbed AVID run."""
    folder = tmp_path_factory.mktemp("avid")
    done = execute(*pretrain_overrides, *EXACT, "OUTPUT_DIR", str(folder), cfg="avid")
    assert done.returncode == 0, done.stdout
    return folder


def run_disturbed(words: list[str], cfg: str, folder: Path, steps: tuple[int, ...]) -> str:
    """Kill a run at each of ``steps`` and let it finish; return the last output."""
    for step in steps:
        process = subprocess.Popen(
            command(*words, cfg=cfg),
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_steps(process, folder, step)
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = execute(*words, cfg=cfg)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.slow
def test_a_killed_avid_run_ends_with_the_same_banks(first_stage, pretrain_overrides, tmp_path):
    words = [*pretrain_overrides, *EXACT, "OUTPUT_DIR", str(tmp_path)]
    words += ["DATA_LOADER.NUM_WORKERS", "2"]
    assert "Resuming from" in run_disturbed(words, "avid", tmp_path, (2, 7))
    assert_equal_runs(first_stage, tmp_path)


@pytest.mark.slow
def test_a_killed_cma_run_ends_with_the_same_positives_and_needs_no_avid_run_any_more(
    first_stage, cma_overrides, tmp_path
):
    shutil.copytree(first_stage, tmp_path / "avid")
    words = [*cma_overrides, *EXACT, "SSL.CHECKPOINT", str(tmp_path / "avid")]
    whole = [*words, "OUTPUT_DIR", str(tmp_path / "whole")]
    assert execute(*whole, cfg="avid_cma").returncode == 0
    killed = [*words, "OUTPUT_DIR", str(tmp_path / "killed")]
    process = subprocess.Popen(
        command(*killed, cfg="avid_cma"),
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for_steps(process, tmp_path / "killed", 3)
    process.kill()
    process.wait()
    shutil.rmtree(tmp_path / "avid")
    assert "Resuming from" in run_disturbed(killed, "avid_cma", tmp_path / "killed", (6,))
    assert_equal_runs(tmp_path / "whole", tmp_path / "killed")


@pytest.mark.slow
def test_a_cma_run_that_is_killed_after_its_mining_has_no_row_twice(
    first_stage, cma_overrides, tmp_path
):
    words = [*cma_overrides, "SSL.CHECKPOINT", str(first_stage), "TEST.ENABLE", "False"]
    words += ["SOLVER.MAX_EPOCH", "1", "OUTPUT_DIR", str(tmp_path)]
    process = subprocess.Popen(
        command(*words, cfg="avid_cma"),
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stats = tmp_path / "stats.jsonl"
    while process.poll() is None and not (stats.is_file() and "epoch_start" in stats.read_text()):
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert execute(*words, cfg="avid_cma").returncode == 0
    assert [row["_type"] for row in numbers(tmp_path)].count("epoch_start") == 1
