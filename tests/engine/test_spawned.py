"""Several processes on one machine: they stop, fail and end together."""

import signal
import time

import pytest

from .conftest import ROOT
from .driver import Driven

CFG = str(ROOT / "configs/demo/recognition.yaml")
# Two folds in two processes that talk through gloo.
FOLDS = """
from slowfast.config.defaults import assert_and_infer_cfg
from slowfast.engine.launch import spawn_job
from slowfast.engine.run import run, run_repeatedly
from slowfast.utils.parser import load_config, parse_args
def folds():
    cfg = assert_and_infer_cfg(load_config(parse_args(sys.argv[1:])))
    run_repeatedly(cfg, "fold", [1, 2], lambda one: spawn_job(one, run, 2))
"""
STEP = """
from slowfast.engine.trainer import Trainer
def step(self, batches, step=Trainer.run_step):
    if self.progress.global_step == 2:
        {what}
    return step(self, batches)
Trainer.run_step = step
"""
SLOW_EVALUATION = """
from slowfast.tasks.recognition import Recognition
def slow(self, model, batch, step=Recognition.evaluation_step):
    print("evaluating", flush=True)
    time.sleep(0.5)
    return step(self, model, batch)
Recognition.evaluation_step = slow
"""


@pytest.fixture
def start(overrides, tmp_path):
    """Return ``start(lines, *words)``: two folds in two spawned processes each."""

    def call(lines, *words):
        words = ["--cfg", CFG, *overrides, *words, "TEST.ENABLE", "False"]
        words += ["OUTPUT_DIR", str(tmp_path / "run")]
        return Driven(tmp_path / "driver", FOLDS + lines, *words, ending="run_cli(folds)")

    return call


def saved(tmp_path):
    return [path.name for path in (tmp_path / "run/fold-01/checkpoints").glob("*_step_*.pyth")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "group"), [(signal.SIGINT, True), (signal.SIGTERM, False), (signal.SIGUSR1, True)]
)
def test_a_signal_saves_stops_all_processes_and_begins_no_other_fold(
    start, tmp_path, number, group
):
    run = start(STEP.format(what="pass") + SLOW_EVALUATION, "SOLVER.MAX_EPOCH", "50")
    run.wait_for("step 2/")
    run.send(number, group)
    assert run.end(15) == 128 + number
    said = run.err.read_text()
    assert said.count("the same command resumes the run") >= 1 and "Traceback" not in said
    assert list((tmp_path / "run/fold-01/checkpoints").glob("*.pyth"))
    assert not (tmp_path / "run/fold-02").exists()


def test_ctrl_c_before_the_processes_are_ready_ends_them_too(start, tmp_path):
    run = start("")
    deadline = time.monotonic() + 30
    while len(run.left()) < 3 and time.monotonic() < deadline:  # with both processes
        time.sleep(0.02)
    time.sleep(0.3)
    run.send(signal.SIGINT, group=True)
    assert run.end() == 128 + signal.SIGINT
    assert "Traceback" not in run.said()
    assert not (tmp_path / "run/fold-02").exists()


@pytest.mark.slow
def test_processes_that_evaluate_stop_together(start):
    words = ["TEST.BATCH_SIZE", "2", "TRAIN.EVAL_PERIOD", "1", "SOLVER.MAX_EPOCH", "1"]
    run = start(SLOW_EVALUATION, *words, "SOLVER.WARMUP_EPOCHS", "0")
    run.wait_for("evaluating")
    run.send(signal.SIGTERM)
    assert run.end() == 128 + signal.SIGTERM
    assert "validation after epoch" not in run.said()


@pytest.mark.slow
def test_the_loss_of_a_process_ends_the_others(start, tmp_path):
    run = start(STEP.format(what="os.environ['RANK'] == '1' and os.kill(os.getpid(), 9)"))
    run.wait_for("step 2/")
    assert run.end() == 1
    said = run.err.read_text()
    assert "rank 1 is gone or does not answer (noticed by rank 0 of 2 at epoch 1, step 3: " in said
    assert "process 1 of 2 was ended by SIGKILL" in said
    assert "Traceback" not in run.said()
    assert not (tmp_path / "run/fold-02").exists()


@pytest.mark.slow
def test_an_error_in_one_process_ends_all(start, tmp_path):
    run = start(STEP.format(what="assert os.environ['RANK'] == '0', 'only here'"))
    run.wait_for("step 2/")
    assert run.end() == 1
    assert run.err.read_text().count("error: ") == 1
    assert "error: AssertionError: only here" in run.err.read_text()
    assert "only here" in (tmp_path / "run/fold-01/log.txt").read_text()
