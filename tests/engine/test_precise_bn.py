"""Statistics of normalisation computed anew: right, and noticed by nothing else."""

import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from slowfast.engine.hooks import precise_bn
from slowfast.engine.hooks.precise_bn import _batches, update_statistics
from slowfast.engine.run import main
from slowfast.engine.state import Progress
from slowfast.utils.logging import read_json_stats

from .conftest import newest

pytestmark = pytest.mark.usefixtures("one_thread")

CFG = str(Path(__file__).resolve().parents[2] / "configs/demo/avid.yaml")


def final_state(folder, words):
    assert main(["--cfg", CFG, *words, "TEST.ENABLE", "False", "OUTPUT_DIR", str(folder)]) == 0
    return newest(folder)["model_state"]


def test_weights_and_memories_are_those_of_a_run_without(pretrain_overrides, tmp_path):
    words = [*pretrain_overrides, "SOLVER.MAX_EPOCH", "1"]
    plain = final_state(tmp_path / "a", words)
    precise = ("BN.USE_PRECISE_STATS", "True", "BN.NUM_BATCHES_PRECISE", "2")
    found = final_state(tmp_path / "b", [*words, *precise])
    statistics = [name for name in plain if "running" in name]
    assert statistics
    assert any(not torch.equal(plain[name], found[name]) for name in statistics)
    for name in plain:
        if name not in statistics:
            assert torch.equal(plain[name], found[name]), name


class Batches(list):
    """A loader of known numbers."""

    batch_sampler = SimpleNamespace(set_position=lambda epoch: None)


def trainer_of(batches):
    """Return what stands for a trainer of one layer."""
    return SimpleNamespace(
        model=nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(3)),
        loader=Batches({"x": x} for x in batches),
        task=SimpleNamespace(training_step=lambda network, batch: network(batch["x"])),
        precision=SimpleNamespace(autocast=lambda: torch.autocast("cpu", enabled=False)),
        progress=Progress(),
        device=torch.device("cpu"),
        cfg=SimpleNamespace(RNG_SEED=0),
    )


@pytest.mark.parametrize("count", [1, 4])
def test_statistics_are_those_of_all_numbers(count):
    torch.manual_seed(0)
    batches = [torch.randn(8, 3) * (k + 1) + k for k in range(4)]
    trainer = trainer_of(batches)
    layer = trainer.model[1]
    before = layer.running_mean
    update_statistics(trainer, count)
    numbers = torch.cat(batches[:count])
    torch.testing.assert_close(layer.running_mean, numbers.mean(0))
    torch.testing.assert_close(layer.running_var, numbers.var(0, unbiased=False))
    assert layer.running_mean is before and layer.momentum == 0.1
    assert trainer.model.training


@pytest.mark.parametrize("when", ["before the last batch", "after it"])
def test_a_run_that_is_stopped_meanwhile_resumes_to_the_same_numbers(
    when, pretrain_overrides, tmp_path, monkeypatch
):
    precise = ("BN.USE_PRECISE_STATS", "True", "BN.NUM_BATCHES_PRECISE", "3")
    words = [*pretrain_overrides, *precise, "TEST.ENABLE", "False"]
    plain = final_state(tmp_path / "a", words)
    interrupted = []

    def interrupt(trainer, watch):
        for number, batch in enumerate(_batches(trainer, watch)):
            if number == (1 if when == "before the last batch" else 2) and not interrupted:
                interrupted.append(trainer.progress.step)
                os.kill(os.getpid(), signal.SIGTERM)
            yield batch

    monkeypatch.setattr(precise_bn, "_batches", interrupt)
    assert main(["--cfg", CFG, *words, "OUTPUT_DIR", str(tmp_path / "b")]) == 128 + signal.SIGTERM
    assert interrupted == [4]  # the end of an epoch
    found = final_state(tmp_path / "b", words)
    torch.testing.assert_close(found, plain, rtol=0, atol=0)
    rows = [
        [(row["_type"], row["step"]) for row in read_json_stats(tmp_path / run / "stats.jsonl")]
        for run in "ab"
    ]
    assert rows[0] == rows[1]
