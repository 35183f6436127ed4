"""A restart by torchrun finds itself and changes no number."""

import pytest
import torch

from .conftest import ROOT
from .driver import Driven

CFG = str(ROOT / "configs/demo/recognition.yaml")
KILLED_ONCE = """
from slowfast.engine.trainer import Trainer
def step(self, batches, step=Trainer.run_step):
    if (self.progress.global_step, os.environ["RANK"]) == (3, "1") and "once" in sys.argv[-1]:
        mark = Path(sys.argv[-1] + ".killed")
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return step(self, batches)
Trainer.run_step = step
"""


@pytest.mark.slow
def test_a_killed_process_is_restarted_and_the_run_ends_exactly(overrides, tmp_path):
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    states = []
    for name in ("undisturbed", "once"):
        words = [*overrides, "TRAIN.CHECKPOINT_MINUTES", "0.0001", "TEST.ENABLE", "False"]
        words = ["--cfg", CFG, *words, "OUTPUT_DIR", str(tmp_path / name)]
        folder = tmp_path / f"driver {name}"
        run = Driven(folder, KILLED_ONCE, *words, launcher=[*launcher, "--max-restarts", "2"])
        assert run.end(90) == 0, run.said()
        assert ("Resuming from" in run.said()) == (name == "once")
        newest = tmp_path / name / "checkpoints/checkpoint_epoch_00002.pyth"
        states.append(torch.load(newest, weights_only=True))
    for part in ("model_state", "optimizer_state"):
        torch.testing.assert_close(states[0][part], states[1][part], rtol=0, atol=0)
