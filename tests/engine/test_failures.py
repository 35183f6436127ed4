"""Whatever goes wrong, a run ends within seconds, with one sentence and no process left behind."""

import signal
import time

import pytest
import torch

from slowfast.engine.failures import explain, run_cli
from slowfast.utils.errors import MediaError

from .conftest import ROOT
from .driver import Driven

CFG = str(ROOT / "configs/demo/recognition.yaml")
IN_A_HOOK = """
from slowfast.engine.hooks.logging import LogHook
def fail(self, trainer):
    raise KeyError("nothing\\nof the kind")
LogHook.after_step = fail
"""
IN_A_WORKER = """
from slowfast.datasets.clips import ClipDataset
def read(self, index, rng, read=ClipDataset._read):
    if index == {index}:
        {what}
    return read(self, index, rng)
ClipDataset._read = read
"""
IN_COLLATE = """
import slowfast.datasets.loader as loader
def fail(samples):
    raise AttributeError("no such thing")
loader.collate = fail
"""
IN_C = "ctypes.PyDLL(None).sleep(1000)"
BUSY = "any(iter(int, 1))"


def in_a_worker(what: str, index: int = 3) -> str:
    return IN_A_WORKER.format(what=what, index=index)


@pytest.fixture
def start(overrides, tmp_path):
    """Return ``start(lines, *words)``: a training of two epochs with two workers."""

    def call(lines, *words, workers="2", **options):
        words = ["--cfg", CFG, *overrides, "DATA_LOADER.NUM_WORKERS", workers, *words]
        words += ["TEST.ENABLE", "False", "OUTPUT_DIR", str(tmp_path / "run")]
        return Driven(tmp_path / "driver", lines, *words, **options)

    return call


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (IN_A_HOOK, "KeyError: 'nothing"),
        (in_a_worker("raise ZeroDivisionError('of pixels')"), "ZeroDivisionError: of pixels"),
        (IN_COLLATE, "AttributeError: no such thing"),
    ],
    ids=["hook", "worker", "collate"],
)
def test_an_error_of_any_kind_ends_the_run_with_one_sentence(start, tmp_path, lines, sentence):
    run = start(lines)
    assert run.end(30) == 1
    said, log = run.err.read_text(), tmp_path / "run/log.txt"
    assert said.startswith(f"error: {sentence}") and said.count("\n") == 1
    assert f"the traceback is in {log}" in said
    assert "Traceback" not in run.said() and "Traceback" in log.read_text()


def test_a_killed_worker_is_named_with_what_helps(start):
    run = start(in_a_worker("os.kill(os.getpid(), signal.SIGKILL)"))
    assert run.end(30) == 1
    said = run.err.read_text()
    assert said.startswith("error: a data-loader worker was killed by SIGKILL: out of memory?")
    assert "DATA_LOADER.NUM_WORKERS" in said and said.count("\n") == 1


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_file_that_is_read_for_too_long_is_named(start, split):
    lines = in_a_worker(IN_C)
    if split == "val":
        lines = lines.replace("index == 3", "self.on_error == 'mark'")
    run = start(lines, "DATA.READ_TIMEOUT", "1.0")
    assert run.end(40) == 1
    said = run.err.read_text()
    assert ".mp4: a data-loader worker has been reading it" in said
    assert "DATA.READ_TIMEOUT = 1 s" in said and said.count("\n") == 1


@pytest.mark.parametrize("what", [BUSY, IN_C], ids=["busy", "in a C call"])
def test_a_stuck_worker_does_not_outlive_its_killed_run(start, what):
    run = start(in_a_worker(f"print('stuck', flush=True); {what}"))
    run.wait_for("stuck")
    run.send(signal.SIGKILL)
    assert run.end() == -signal.SIGKILL


def test_a_run_that_waits_for_a_stuck_worker_saves_and_stops(start, tmp_path):
    late = f"(Path(sys.argv[-1]) / 'stats.jsonl').is_file() and {IN_C}"
    lines = in_a_worker(late).replace("index == 3", "True")
    run = start(lines, "TRAIN.EVAL_PERIOD", "0", "TRAIN.BATCH_SIZE", "2")
    run.wait_for("step 2/")
    time.sleep(0.5)
    run.send(signal.SIGTERM, group=True)
    assert run.end() == 128 + signal.SIGTERM
    assert "stopped by SIGTERM; the same command resumes the run" in run.err.read_text()
    assert list((tmp_path / "run/checkpoints").glob("*_step_*.pyth"))


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_second_signal_ends_a_stuck_run_at_once(start, workers):
    stuck = "print('stuck', flush=True); [ctypes.CDLL(None).sleep(1000) for _ in range(9)]"
    run = start(in_a_worker(stuck), workers=workers)
    run.wait_for("stuck")
    run.send(signal.SIGTERM)
    time.sleep(0.8)
    run.send(signal.SIGTERM)
    assert run.end(3) == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("error", "parts"),
    [
        (RuntimeError("DataLoader worker (pid 9) is killed by signal: Killed. "), "SIGKILL|memory"),
        (RuntimeError("DataLoader worker (pid(s) 9) exited unexpectedly"), "worker|NUM_WORKERS"),
        (
            RuntimeError("DataLoader worker (pid 9) is killed by signal: Segmentation fault. "),
            "crashed (Segmentation fault)|verify",
        ),
        (
            RuntimeError("DataLoader worker (pid 9) is killed by signal: Bus error. It is ..."),
            "/dev/shm is too small|DATA_LOADER.NUM_WORKERS|PREFETCH_FACTOR",
        ),
        (
            RuntimeError("unable to write to file </torch_9_1_2>: No space left on device (28)"),
            "/dev/shm is too small",
        ),
        (
            RuntimeError(
                "unable to mmap 768 bytes from file </torch_9_1_2>: Cannot allocate memory (12)"
            ),
            "out of memory: lower|NUM_WORKERS",
        ),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), "TRAIN.BATCH_SIZE"),
        (MemoryError(), "TRAIN.BATCH_SIZE"),
        (MediaError("a.mp4: gone"), "a.mp4: gone"),
    ],
)
def test_known_causes_are_said_in_words(error, parts):
    sentence, known = explain(error)
    assert known and all(part in sentence for part in parts.split("|"))


def test_an_error_before_there_is_a_log_names_another_file(capfd):
    def fail():
        raise LookupError("first line\nsecond line")

    assert run_cli(fail) == 1
    said = capfd.readouterr().err
    assert said.startswith("error: LookupError: first line; this is a bug")
    with open(said.rpartition(" in ")[2].strip()) as file:
        assert "second line" in file.read()
