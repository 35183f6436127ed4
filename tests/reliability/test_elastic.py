"""A restart by torchrun finds itself and changes no number."""

import pytest
from engine.conftest import ROOT, assert_equal_runs
from engine.driver import Driven
from reliability.conftest import FULL

CFG = str(ROOT / "configs/demo/recognition.yaml")
KILLS = (3, 6) if FULL else (3,)
KILLED = """
from slowfast.engine.trainer import Trainer
def step(self, batches, step=Trainer.run_step):
    if os.environ["RANK"] == "1" and self.progress.global_step in {steps}:
        mark = Path(f"{{sys.argv[-1]}}.killed-{{self.progress.global_step}}")
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return step(self, batches)
Trainer.run_step = step
"""


@pytest.mark.slow
def test_a_killed_process_is_restarted_and_the_run_ends_exactly(overrides, runner, tried, tmp_path):
    words = [*overrides, "TRAIN.CHECKPOINT_MINUTES", "0.0001", "TEST.ENABLE", "False"]
    words = ["--cfg", CFG, *words, "OUTPUT_DIR"]
    ranks = runner.begin_ranks([*words, str(tmp_path / "undisturbed")], tmp_path / "out.txt")
    assert [run.end() for run in ranks] == [0, 0], ranks[0].said()
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    launcher += ["--max-restarts", str(len(KILLS))]
    lines, folder = KILLED.format(steps=KILLS), tmp_path / "killed"
    run = Driven(tmp_path / "driver", lines, *words, str(folder), launcher=launcher)
    assert run.end(60 * len(KILLS) + 60) == 0, run.said()
    assert run.said().count("Resuming from") == len(KILLS)
    assert_equal_runs(tmp_path / "undisturbed", folder)
    tried("one of two processes killed, restarted by torchrun", survived=True, times=len(KILLS))
