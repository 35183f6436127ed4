"""Two processes compute what one does, one goes on with the work of two, and they fail together."""

import shutil
import signal

import pytest
from engine.conftest import rows
from reliability.conftest import FULL, without

from slowfast.checkpoint.store import CheckpointStore

# Dropout belongs to a process; all else is drawn for the batch.
PLAIN = """
torch.nn.Dropout.forward = lambda self, x: x
from slowfast.engine.trainer import Trainer
def step(self, batches, step=Trainer.run_step):
    for batch in batches:
        print("rows", self.progress.global_step, *batch["index"].tolist(), flush=True)
    return step(self, batches)
Trainer.run_step = step
"""
EQUAL = (
    *("BN.NORM_TYPE", "sync_batchnorm", "BN.GLOBAL_SYNC", "True"),
    *("SOLVER.OPTIMIZING_METHOD", "sgd", "SOLVER.BASE_LR", "0.0001"),
    *("TRAIN.CHECKPOINT_MINUTES", "0"),
)
MORE = {"gdt": ("SSL.GDT.NEGATIVES", "global"), "gdt_text": ("SSL.GDT.NEGATIVES", "global")}
METHODS = ("recognition", "avid", "gdt", "stica", "gdt_text", "zero_shot", "probe", "charades")


def order_of(*runs) -> dict[int, list[int]]:
    """Return the rows of each global batch, in the order of the processes."""
    found: dict[int, list[int]] = {}
    for run in runs:
        for line in run.said().splitlines():
            if line.startswith("rows "):
                step, *numbers = map(int, line.split()[1:])
                found.setdefault(step, []).extend(numbers)
    return found


@pytest.mark.parametrize("name", METHODS if FULL else ("avid",))
def test_any_number_of_processes_computes_the_same(name, method, runner, tried, tmp_path):
    words = [*without(method(name), "BN.", "SOLVER.OPTIM"), *EQUAL, *MORE.get(name, ())]
    one, two, resumed = (tmp_path / n for n in ("one", "two", "resumed"))
    alone = runner.begin([*words, "OUTPUT_DIR", str(one)], tmp_path / "one.txt", PLAIN)
    assert alone.end() == 0, alone.said()
    pair = runner.begin_ranks([*words, "OUTPUT_DIR", str(two)], tmp_path / "two.txt", PLAIN)
    assert [run.end() for run in pair] == [0, 0], pair[0].said() + pair[1].said()
    shutil.copytree(two, resumed)
    CheckpointStore(resumed / "checkpoints").files()[-1].unlink()
    other = runner.begin([*words, "OUTPUT_DIR", str(resumed)], tmp_path / "resumed.txt", PLAIN)
    assert other.end() == 0, other.said()
    assert "Resuming from" in other.said()

    order = order_of(alone)
    assert order_of(*pair) == order
    half = min(order_of(other))
    assert 0 < half < len(order)
    assert order_of(other) == {k: v for k, v in order.items() if k >= half}
    steps = [rows(folder, "train_iter") for folder in (one, two, resumed)]
    for key in ("loss", "grad_norm"):
        close = {"rel": 1e-5 if key == "loss" else 1e-4}
        values = [[row[key] for row in rows] for rows in steps]
        assert values[1][0] == pytest.approx(values[0][0], **close)
        assert values[2][half] == pytest.approx(values[1][half], **close)
    tried("two processes equal one, and one goes on for two", survived=True, times=2)


STOP = """
from slowfast.engine.trainer import Trainer
def step(self, batches, step=Trainer.run_step):
    if self.progress.global_step == 1 and os.environ["RANK"] == "1":
        os.kill(os.getpid(), signal.SIGUSR1)
    return step(self, batches)
Trainer.run_step = step
"""


@pytest.mark.skipif(not FULL, reason="the vote itself has a test")
def test_a_signal_to_one_process_stops_all_after_the_same_step(method, runner, tried, tmp_path):
    words = [*method("avid"), "TRAIN.CHECKPOINT_MINUTES", "0", "OUTPUT_DIR", str(tmp_path / "run")]
    pair = runner.begin_ranks(words, tmp_path / "out.txt", STOP)
    statuses = [run.end(60) for run in pair]
    said = "".join(run.said() for run in pair)
    assert statuses == [128 + signal.SIGUSR1] * 2 and said.count("stopped by SIGUSR1") == 1, said
    (saved,) = CheckpointStore(tmp_path / "run/checkpoints").files()
    tried("signal to one of two processes", saved.stem.endswith("00000_step_00000003"))


IN_RANK_1 = """
from slowfast.datasets.clips import ClipDataset
from slowfast.engine.trainer import Trainer
from slowfast.tasks.pretrain import Pretrain
from slowfast.utils.errors import MediaError
if os.environ["RANK"] == "1":
"""
UNREADABLE = """
    def read(self, index, rng):
        raise MediaError(f"{self.items.name(index)}: gone")
    ClipDataset._read = read
"""
NAN = """
    def poisoned(self, model, batch, step=Pretrain.training_step):
        batch["audio"][0, 0, 0] = float("nan")
        return step(self, model, batch)
    Pretrain.training_step = poisoned
"""
HANG = """
    def step(self, batches, step=Trainer.run_step):
        if self.progress.global_step == 2:
            time.sleep(1000)
        return step(self, batches)
    Trainer.run_step = step
"""
FAILURES = {
    "files": (UNREADABLE, "files in a row could not be read"),
    "nan": (NAN, "loss nan"),
    "hang": (
        HANG,
        "rank 1 is gone or does not answer (noticed by rank 0 of 2 at epoch 1, step 3: ",
    ),
}


@pytest.mark.parametrize("what", FAILURES if FULL else ("files",))
def test_what_fails_in_one_process_ends_all_with_one_message(what, method, runner, tried, tmp_path):
    lines, message = FAILURES[what]
    words = [*method("avid"), "DIST_TIMEOUT_SECONDS", "5.0", "OUTPUT_DIR", str(tmp_path / "run")]
    first, second = runner.begin_ranks(words, tmp_path / "out.txt", IN_RANK_1 + lines)
    status = first.end(60)
    status = (status, second.end(1 if what == "hang" else 60))
    said = first.said() + second.said()
    assert status == (1, None if what == "hang" else 1), said
    assert said.count("error: ") == 1 and message in said, said
    tried("one of two processes fails or hangs", "Traceback" not in said)
