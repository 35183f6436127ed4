"""A killed run, started again with the same command, ends with the numbers of an undisturbed one."""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from warm import begin, environment

from .conftest import assert_equal_runs, command, execute, rows

EXACT = (
    *("TRAIN.BATCH_SIZE", "4", "TRAIN.CLASSIFIER_WARMUP_EPOCHS", "1"),
    *("TRAIN.CHECKPOINT_MINUTES", "0.0001", "TRAIN.EVAL_PERIOD", "1", "MODEL.DROPOUT_RATE", "0.5"),
)
FINAL = "checkpoint_epoch_00003.pyth"


@pytest.fixture(scope="module")
def undisturbed(overrides, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    done = execute(*overrides, *EXACT, "OUTPUT_DIR", str(folder))
    assert done.returncode == 0, done.stdout
    return folder


def wait_for_steps(process, folder: Path, steps: int) -> None:
    stats = folder / "stats.jsonl"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if stats.is_file() and stats.read_text().count("train_iter") >= steps:
            return
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_stop_signal_saves_and_tells_by_its_status(undisturbed, overrides, tmp_path, number):
    words = [*overrides, *EXACT, "TRAIN.CHECKPOINT_MINUTES", "0", "OUTPUT_DIR", str(tmp_path)]
    process = begin(command(*words)[1:], environment(), tmp_path / "said.txt")
    wait_for_steps(process, tmp_path, 3)
    os.kill(process.pid, number)
    status, output = process.wait(60), (tmp_path / "said.txt").read_text()
    assert status == 128 + number, output
    assert "the same command resumes the run" in output
    assert list((tmp_path / "checkpoints").glob("*_step_*.pyth"))
    assert not (tmp_path / ".lock").exists()
    assert execute(*words).returncode == 0
    assert_equal_runs(undisturbed, tmp_path)


@pytest.mark.slow
def test_a_signal_to_the_whole_process_group_saves_too(undisturbed, overrides, tmp_path):
    words = [*overrides, *EXACT, "DATA_LOADER.NUM_WORKERS", "2", "OUTPUT_DIR", str(tmp_path)]
    process = begin(command(*words)[1:], environment(), tmp_path / "said.txt")
    wait_for_steps(process, tmp_path, 3)
    os.killpg(process.pid, signal.SIGTERM)
    status, output = process.wait(60), (tmp_path / "said.txt").read_text()
    assert status == 128 + signal.SIGTERM, output
    assert execute(*words).returncode == 0
    assert_equal_runs(undisturbed, tmp_path)


@pytest.mark.slow
def test_a_truncated_newest_checkpoint_falls_back_and_ends_the_same(
    undisturbed, overrides, tmp_path
):
    shutil.copytree(undisturbed, tmp_path / "run")
    newest = tmp_path / "run/checkpoints" / FINAL
    newest.write_bytes(newest.read_bytes()[:-1000])
    done = execute(*overrides, *EXACT, "OUTPUT_DIR", str(tmp_path / "run"))
    assert done.returncode == 0, done.stdout
    assert f"{FINAL}: not a whole checkpoint" in done.stdout
    assert_equal_runs(undisturbed, tmp_path / "run")


@pytest.mark.slow
def test_the_same_seed_gives_the_same_numbers_with_any_number_of_workers(
    undisturbed, overrides, tmp_path
):
    words = [*overrides, *EXACT, "OUTPUT_DIR", str(tmp_path)]
    assert execute(*words, "DATA_LOADER.NUM_WORKERS", "2").returncode == 0
    assert_equal_runs(undisturbed, tmp_path)


@pytest.mark.slow
def test_another_seed_gives_other_numbers(undisturbed, overrides, tmp_path):
    words = [*overrides, *EXACT, "RNG_SEED", "7", "SOLVER.MAX_EPOCH", "1", "TEST.ENABLE", "False"]
    assert execute(*words, "SOLVER.WARMUP_EPOCHS", "0", "OUTPUT_DIR", str(tmp_path)).returncode == 0
    one, other = (rows(folder, "train_iter")[:8] for folder in (undisturbed, tmp_path))
    assert len(one) == len(other) == 8  # of the first epoch, whose rate is the same
    assert not {row["loss"] for row in one} & {row["loss"] for row in other}


@pytest.mark.slow
def test_another_epoch_length_is_refused_with_a_cure(undisturbed, overrides, tmp_path):
    shutil.copytree(undisturbed, tmp_path / "run")
    words = [*overrides, *EXACT, "TRAIN.BATCH_SIZE", "8", "OUTPUT_DIR", str(tmp_path / "run")]
    done = execute(*words)
    assert done.returncode == 1
    assert "steps per epoch" in done.stdout
    assert "TRAIN.CHECKPOINT_EPOCH_RESET True" in done.stdout
