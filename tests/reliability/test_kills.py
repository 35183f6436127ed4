"""A run that is killed, wherever it is, and started again ends with the numbers of one that was not."""

import json
import random
import shutil
from pathlib import Path

import pytest
from engine.conftest import assert_equal_runs
from reliability.conftest import FULL, SEED

from slowfast.checkpoint.store import CheckpointStore, load_checkpoint_file

KILL = """
def kill_at(owner, name, count, pid=os.getpid):
    inner, seen = getattr(owner, name), []
    def counted(*args, **kwargs):
        seen.append(name)
        if len(seen) == count:
            os.kill(pid(), signal.SIGKILL)
            time.sleep(100)
        return inner(*args, **kwargs)
    setattr(owner, name, counted)

def kill_while_writing(save, bytes, whole=torch.save):
    saves = []
    class Torn:
        def __init__(self, file):
            self.file, self.left, self.flush = file, bytes, file.flush
        def write(self, data):
            data = memoryview(data)[: self.left]
            self.left -= len(data)
            self.file.write(data)
            if not self.left:
                self.file.flush()
                os.kill(os.getpid(), signal.SIGKILL)
                time.sleep(100)
            return len(data)
    def torn(content, file):
        saves.append(file)
        whole(content, Torn(file) if len(saves) == save else file)
    torch.save = torn
"""
PLACES = """
from slowfast.datasets.clips import ClipDataset
from slowfast.engine import evaluate
from slowfast.engine.hooks.logging import EpochStartHook
from slowfast.engine.trainer import Trainer
from slowfast.ssl import avid_cma
"""
WORKERS = ("DATA_LOADER.NUM_WORKERS", "2")
# Moment -> what is run first and what is added to the command line; {n} is drawn from 1, 2.
MOMENTS = {
    "step": ("kill_at(Trainer, '_apply_gradients', {n} + 1)", ()),
    "writing": ("kill_while_writing({n}, {bytes})", ()),
    "flushing": ("kill_at(os, 'fsync', 2 * {n} + 4)", ()),
    "renaming": ("kill_at(os, 'replace', {n} + 2)", ()),
    "evaluation": ("kill_at(evaluate, 'batch_to_device', {n})", ()),
    "mining": ("kill_at(avid_cma, 'mine_over_processes', 1)", ()),
    "after mining": ("kill_at(Trainer, 'run_step', 1)", ()),
    "epoch's end": ("kill_at(Trainer, 'state_dict', 4)", ()),
    "worker": ("kill_at(ClipDataset, '_read', 3 + {n}, os.getppid)", WORKERS),
    "worker dies": ("kill_at(ClipDataset, '_read', 3 + {n})", WORKERS),
    "clock": (
        "threading.Timer({seconds}, os.kill, (os.getpid(), signal.SIGKILL)).start()",
        WORKERS,
    ),
}
SHORT = {
    "recognition": ("clock", "worker"),
    "avid": ("writing", "renaming", "evaluation"),
    "avid_cma": ("after mining", "epoch's end"),
}
LONG = {
    "avid": (*(name for name in MOMENTS if "mining" not in name), "clock", *4 * ("worker dies",)),
    "avid_cma": ("mining", "after mining", "evaluation", "clock", "step", "epoch's end"),
    **dict.fromkeys(
        ("recognition", "gdt", "stica", "gdt_text", "zero_shot", "probe", "charades", "ava"),
        ("clock", "step", "writing", "evaluation", "worker"),
    ),
}


def check_killed(folder: Path) -> None:
    """Check what a kill leaves: rows that are whole but for the last, checkpoints that are whole."""
    for path in CheckpointStore(folder / "checkpoints").files():
        load_checkpoint_file(path)
    if (folder / "stats.jsonl").exists():
        *lines, _ = (folder / "stats.jsonl").read_bytes().split(b"\n")
        steps = [row["step"] for row in map(json.loads, lines) if row["_type"] == "train_iter"]
        assert steps == sorted(set(steps))


@pytest.mark.parametrize("name", LONG if FULL else SHORT)
def test_a_killed_run_ends_with_the_same_numbers(
    name, method, undisturbed, runner, tried, tmp_path
):
    whole, folder = undisturbed(name), tmp_path / "ein Lauf mit ä"
    seconds = float(whole.with_suffix(".seconds").read_text())
    size = CheckpointStore(whole / "checkpoints").files()[-1].stat().st_size
    words, kills = [*method(name), "OUTPUT_DIR", str(folder)], 0
    draw = random.Random(f"{SEED} {name}")
    for number, moment in enumerate((LONG if FULL else SHORT)[name]):
        lines, more = MOMENTS[moment]
        lines = lines.format(
            n=draw.randint(1, 2),
            bytes=draw.randrange(1, size),
            seconds=round(draw.uniform(0.1, 0.9) * seconds, 2),
        )
        lines = KILL + PLACES + lines
        run = runner.begin([*words, *more], tmp_path / f"{number}.txt", lines)
        status = run.end()
        if status == 0:  # it was over before that moment: kill a new one
            shutil.rmtree(folder)
            run = runner.begin([*words, *more], tmp_path / f"{number} anew.txt", lines)
            status = run.end()
        if moment == "worker dies":
            said = run.said()
            one = said.count("error: a data-loader worker was killed by SIGKILL") == 1
            clean = status == 1 and one and "Traceback" not in said and not run.left()
            tried("data-loader worker killed: one sentence, no process left", clean)
        else:
            assert status in (-9, 0), f"{moment}: {status}\n{run.said()}"
            kills += status == -9
        check_killed(folder)
    if name == "avid_cma":  # whose first stage is not needed any more
        undisturbed("avid").rename(tmp_path / "gone")
    run = runner.begin(words, tmp_path / "last.txt")
    status = run.end()
    if name == "avid_cma":
        (tmp_path / "gone").rename(undisturbed("avid"))
    assert status == 0, run.said()
    assert_equal_runs(whole, folder)
    assert kills > 0
    tried("kill -9, then the same command", survived=True, times=kills)
