"""Between two log lines nothing is read from the device, and what is not finite is caught all the same."""

import math

import pytest
import torch
from oracles.host_reads import HostReads

from slowfast.config import load_cfg
from slowfast.config.defaults import assert_and_infer_cfg
from slowfast.engine.state import HOST_KEYS
from slowfast.engine.step_numbers import LOWEST_SCALE
from slowfast.engine.trainer import Trainer
from slowfast.tasks.build import build_task
from slowfast.utils.errors import TrainingError

from .conftest import ROOT

JITTER = ("DATA.COLOR_JITTER", "[0.4,0.4,0.4,0.1]", "DATA.BLUR_PROB", "0.5")
CROPS = ("DATA.TRAIN_CROP_SIZE", "48", "DATA.TEST_CROP_SIZE", "48", "DATA.NUM_FRAMES", "8")
NORM = ("SOLVER.CLIP_GRAD_L2NORM", "1.0")
STEPS = {
    "recognition": ("recognition", (*JITTER, *NORM, "SOLVER.OPTIMIZING_METHOD", "sgd")),
    "recognition in parts": ("recognition", ("TRAIN.ACCUMULATION_STEPS", "2")),
    "linear probe": ("recognition", ("TASK", "linear_probe", "MODEL.MODEL_NAME", "FrozenProbe")),
    "zero-shot": ("zero_shot", ()),
    "detection": ("ava", ()),
    "AVID, nce": ("avid", ("SSL.AVID.LOSS", "nce", "AUDIO.SPEC_AUGMENT", "medium")),
    "AVID, in batch": ("avid", ("SSL.AVID.LOSS", "in_batch", "TRAIN.MIXED_PRECISION", "True")),
    "AVID-CMA": ("avid_cma", ("SSL.CHECKPOINT", "none", "SSL.CMA.NUM_POSITIVES", "4")),
    "GDT": ("gdt", ("SSL.GDT.HYPOTHESIS", "8", "SOLVER.CLIP_GRAD_VAL", "1.0")),
    "GDT, cached": ("gdt", ("TRAIN.GRAD_CACHE", "True", "TRAIN.ACCUMULATION_STEPS", "2")),
    "GDT on captions": ("gdt_text", ("SSL.GDT.HYPOTHESIS", "8")),
    "STiCA": ("stica", CROPS),
}


@pytest.fixture
def trainer(overrides, pretrain_overrides, caption_overrides, request, tmp_path):
    """Return ``trainer(config, keys)``: about to train on the tiny worlds."""

    def build(config, keys) -> Trainer:
        if config == "ava":
            words = request.getfixturevalue("places")
        elif config in ("recognition", "zero_shot"):
            words = overrides
        else:
            words = caption_overrides if config == "gdt_text" else pretrain_overrides
        words = [*words, "TRAIN.BATCH_SIZE", "4", *keys, "OUTPUT_DIR", str(tmp_path)]
        cfg = assert_and_infer_cfg(load_cfg([str(ROOT / f"configs/demo/{config}.yaml")], words))
        trainer = Trainer(cfg, build_task(cfg), tmp_path)
        trainer.enter_phase()
        trainer.task.prepare_dry_run(trainer.model)
        trainer.model.train()
        return trainer

    return build


@pytest.mark.parametrize("name", STEPS)
def test_a_step_reads_nothing_on_the_host(trainer, name):
    trainer = trainer(*STEPS[name])
    batches = next(trainer.steps())
    trainer.run_step(batches)  # the first one may look around, once in a run
    reads = HostReads([batch[key] for batch in batches for key in HOST_KEYS if key in batch])
    with reads:
        trainer.run_step(batches)
    assert reads.found == []
    numbers = trainer.read_numbers()
    assert math.isfinite(numbers["loss"]) and numbers["grad_norm"] > 0


def test_what_is_counted_is_found():
    values, mask = torch.arange(3.0), torch.tensor([True, False, True])
    with HostReads([mask]) as reads:
        values.sum().item()
        bool(values.sum() > 2)
        values.cpu()
        values.tolist()
        values[mask]
        values[mask] = torch.zeros(2)
        mask.tolist()
    assert {"aten::_local_scalar_dense", "Tensor.cpu", "Tensor.tolist"} <= set(reads.found)
    assert {"aten::index", "aten::index_put_"} <= set(reads.found)
    assert reads.found.count("Tensor.tolist") == 1


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "scaled adam"])
def test_weights_stay_from_the_first_step_on_that_is_not_finite(trainer, optimizer):
    trainer = trainer("recognition", ("SOLVER.OPTIMIZING_METHOD", optimizer.split()[-1]))
    if "scaled" in optimizer:
        trainer.precision.scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    steps = trainer.steps()
    trainer.run_step(next(steps))
    trainer.progress.step += 1
    before = {name: value.clone() for name, value in trainer.model.named_parameters()}
    moments = {k: v["step"].clone() for k, v in trainer.optimizer.state.items() if "step" in v}
    bad = next(steps)
    calm = trainer.task.loss
    trainer.task.loss = lambda logits, labels: calm(logits, labels) * math.nan
    trainer.run_step(bad)
    trainer.progress.step += 1
    trainer.task.loss = calm
    trainer.run_step(next(steps))
    assert all(torch.equal(before[n], v) for n, v in trainer.model.named_parameters())
    assert all(torch.equal(trainer.optimizer.state[k]["step"], v) for k, v in moments.items())
    with pytest.raises(TrainingError, match="Non-finite loss nan at epoch 0, step 1") as error:
        trainer.state_dict()
    files = trainer.task.batch_files(trainer.loader.dataset, bad[0])
    assert all(file in str(error.value) for file in files)


def test_the_network_is_compiled_as_asked(trainer, monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "compile", lambda network, mode: asked.append(mode) or network)
    trainer = trainer(
        "recognition", ("MODEL.COMPILE", "True", "MODEL.COMPILE_MODE", "max-autotune")
    )
    trainer.run_step(next(trainer.steps()))
    assert asked == ["max-autotune"]


def test_a_scaler_leaves_out_steps_but_not_for_ever(trainer):
    trainer = trainer("recognition", ("SOLVER.OPTIMIZING_METHOD", "sgd"))
    trainer.precision.scaler = torch.amp.GradScaler("cpu", init_scale=4 * LOWEST_SCALE)
    batches, calm = next(trainer.steps()), trainer.task.loss
    before = [value.clone() for value in trainer.model.parameters()]
    # The loss is a number, its gradient is none.
    trainer.task.loss = lambda logits, labels: calm(logits, labels) + (0 * logits.sum()).sqrt()
    for scale in (2, 1):
        trainer.run_step(batches)
        assert trainer.read_numbers()["grad_scale"] == scale * LOWEST_SCALE
    assert all(map(torch.equal, before, trainer.model.parameters()))
    trainer.task.loss = calm
    trainer.run_step(batches)
    assert math.isfinite(trainer.read_numbers()["grad_norm"])
    assert not any(map(torch.equal, before, trainer.model.parameters()))
    trainer.task.loss = lambda logits, labels: calm(logits, labels) + (0 * logits.sum()).sqrt()
    trainer.run_step(batches)
    with pytest.raises(TrainingError, match=r"Non-finite gradient at scale 0\.00195"):
        trainer.read_numbers()
