"""What is not finite ends a run within a log period and leaves nothing of it behind."""

import pytest
from engine.conftest import assert_equal_runs
from reliability.conftest import FULL

from slowfast.checkpoint.networks import not_finite
from slowfast.checkpoint.store import CheckpointStore, load_checkpoint_file

INPUT = """
from slowfast.tasks.pretrain import Pretrain
def poisoned(self, model, batch, step=Pretrain.training_step, seen=[]):
    seen.append(None)
    if len(seen) == 3:
        batch["audio"][0, 0, 0] = float("nan")
    return step(self, model, batch)
Pretrain.training_step = poisoned
"""
WEIGHT = """
from slowfast.engine.trainer import Trainer
def poisoned(self, batches, step=Trainer.run_step):
    if self.progress.global_step == 2:
        name, weight = [*self.model.named_parameters()][3]
        weight.data[0] = float("inf")
        print("poisoned", name, flush=True)
    return step(self, batches)
Trainer.run_step = poisoned
"""
SCALE = """
from slowfast.engine.precision import Precision
def poisoned(self, *args, begin=Precision.__init__):
    begin(self, *args)
    self.scaler = torch.amp.GradScaler("cpu", init_scale=float("nan"))
Precision.__init__ = poisoned
"""
CAUSES = {
    "input": (INPUT, "Non-finite loss nan at epoch 0, step 2 ("),
    "weight": (WEIGHT, "Non-finite loss nan at epoch 0, step 2 ("),
    "scale": (SCALE, "Non-finite gradient at scale nan at epoch 0, step 0 ("),
}


@pytest.mark.parametrize("what", CAUSES if FULL else ("weight",))
def test_a_run_ends_before_a_bad_number_spreads(what, method, undisturbed, runner, tried, tmp_path):
    lines, message = CAUSES[what]
    folder = tmp_path / "run"
    words = [*method("avid"), "OUTPUT_DIR", str(folder)]
    run = runner.begin(words, tmp_path / "out.txt", lines)
    status, said = run.end(), run.said()
    assert status == 1 and said.count("error: ") == 1 and "Traceback" not in said, said
    assert message in said and said.count(".mp4") == 8
    saved = CheckpointStore(folder / "checkpoints").files()
    for path in saved:
        assert not not_finite(load_checkpoint_file(path)["model_state"])
    if what == "weight":
        name = said.partition("poisoned ")[2].split()[0]
        assert f"{name} of the network is not finite either" in said
    if saved:
        assert f"The last checkpoint is {saved[-1]}." in said
    if FULL:
        run = runner.begin(words, tmp_path / "again.txt")
        assert run.end() == 0, run.said()
        assert_equal_runs(undisturbed("avid"), folder)
    tried("NaN in input, weight or scale: named, and the same command goes on", survived=True)
