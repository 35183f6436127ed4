"""Phases of a fine-tuning run: first the classifier alone (if asked), then everything.

AVID's ``wucls`` protocol: the classifier learns for some epochs with its own constant rate while
the backbone runs in train mode (its normalisation statistics move) but gets no gradient; then a
fresh optimizer trains all parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from slowfast.engine.lr_policy import Schedule
from slowfast.engine.optimizer import construct_optimizer
from slowfast.models.parts import HEAD, parts_of
from slowfast.utils.errors import ConfigError


@dataclass(frozen=True)
class Phase:
    """A stretch of epochs with one optimizer.

    Attributes:
        first_epoch: of the phase, counted over the whole run.
        warmup_lr: constant rate of the classifier warm-up, or None in the main phase.
    """

    first_epoch: int
    warmup_lr: float | None = None

    def learning_rate(self, schedule: Schedule, epoch: float) -> float:
        """Return the rate at a fractional epoch counted from ``first_epoch``."""
        return schedule(epoch) if self.warmup_lr is None else self.warmup_lr

    def prepare(self, model: nn.Module, cfg) -> torch.optim.Optimizer:
        """Choose what learns and return a fresh optimizer for it.

        Raises:
            ConfigError: the keys of this phase, or of the main one, cannot act on the model.
        """
        if self.warmup_lr is None:
            _thaw(model)
            return construct_optimizer(model, cfg)
        construct_optimizer(model, cfg)  # refuses now what the main phase would refuse
        classifier = parts_of(model).get(HEAD)
        if classifier is None:
            raise ConfigError(
                f"TRAIN.CLASSIFIER_WARMUP_EPOCHS: {type(model).__name__} has no classifier."
            )
        own = {id(p) for p in classifier.parameters()}
        for parameter in model.parameters():
            if parameter.requires_grad and id(parameter) not in own:
                parameter.requires_grad_(False)
                parameter.waits_for_warmup = True
        return torch.optim.Adam(classifier.parameters(), lr=self.warmup_lr, fused=True)


def _thaw(model: nn.Module) -> None:
    for parameter in model.parameters():
        if getattr(parameter, "waits_for_warmup", False):
            parameter.requires_grad_(True)
            del parameter.waits_for_warmup


def phase_at(cfg, epoch: int) -> Phase:
    """Return the phase of an epoch."""
    warmup = cfg.TRAIN.CLASSIFIER_WARMUP_EPOCHS
    if epoch < warmup:
        return Phase(0, cfg.TRAIN.CLASSIFIER_WARMUP_LR)
    return Phase(warmup)


def total_epochs(cfg) -> int:
    """Return the epochs of all phases."""
    return cfg.TRAIN.CLASSIFIER_WARMUP_EPOCHS + cfg.SOLVER.MAX_EPOCH
