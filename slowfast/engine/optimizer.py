"""Parameter groups, optimizers, and the phases of a run, each with an optimizer of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from slowfast.engine.lr_policy import Schedule, get_lr_at_epoch
from slowfast.models.parts import HEAD, backbones_of, parts_of
from slowfast.utils.errors import ConfigError


def get_param_groups(model: nn.Module, cfg) -> list[dict[str, Any]]:
    """Split the trainable parameters by weight decay and learning rate.

    Normalisation layers decay by ``BN.WEIGHT_DECAY``; one-dimensional parameters and biases not
    at all with ``SOLVER.ZERO_WD_1D_PARAM``; parameters of the model's backbones (see
    :mod:`slowfast.models.parts`) learn at ``SOLVER.BACKBONE_LR_SCALE`` times the rate of the
    others. Empty groups are left out.

    Raises:
        ConfigError: nothing is left to train, or the model has no backbone to scale.
    """
    norms = {
        id(p)
        for layer in model.modules()
        if isinstance(layer, _NormBase)
        for p in layer.parameters(recurse=False)
    }
    solver = cfg.SOLVER
    backbone = {id(p) for part in backbones_of(model) for p in part.parameters()}
    if solver.BACKBONE_LR_SCALE != 1 and not backbone:
        raise ConfigError(
            f"SOLVER.BACKBONE_LR_SCALE {solver.BACKBONE_LR_SCALE:g}: {type(model).__name__} names "
            "no backbone among its parts."
        )
    groups: dict[tuple[str, float], dict[str, Any]] = {}
    decays = {"norm": cfg.BN.WEIGHT_DECAY, "other": solver.WEIGHT_DECAY, "zero": 0.0}
    scales = sorted({solver.BACKBONE_LR_SCALE, 1.0})
    for kind, decay in decays.items():
        for scale in scales:
            groups[kind, scale] = {"params": [], "weight_decay": decay, "lr_scale": scale}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if id(parameter) in norms:
            kind = "norm"
        elif solver.ZERO_WD_1D_PARAM and (parameter.ndim == 1 or name.endswith(".bias")):
            kind = "zero"
        else:
            kind = "other"
        scale = solver.BACKBONE_LR_SCALE if id(parameter) in backbone else 1.0
        groups[kind, scale]["params"].append(parameter)
    used = [group for group in groups.values() if group["params"]]
    if not used:
        raise ConfigError("No parameter is left to train: check MODEL.FREEZE.")
    return used


def construct_optimizer(model: nn.Module, cfg) -> torch.optim.Optimizer:
    """Return the optimizer ``SOLVER.OPTIMIZING_METHOD`` over :func:`get_param_groups`.

    It is fused: one kernel for all weights, which reads on the device whether a step counts.
    """
    solver = cfg.SOLVER
    groups = get_param_groups(model, cfg)
    method = solver.OPTIMIZING_METHOD
    if method == "sgd":
        sgd = torch.optim.SGD(
            groups,
            lr=solver.BASE_LR,
            momentum=solver.MOMENTUM,
            dampening=solver.DAMPENING,
            nesterov=solver.NESTEROV,
            fused=True,
        )
        if solver.MOMENTUM and not solver.DAMPENING:
            _begin_momentum(sgd)
        return sgd
    adaptive = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    if method not in adaptive:
        raise ConfigError(f"SOLVER.OPTIMIZING_METHOD {method!r}: choose sgd, adam or adamw.")
    betas = tuple(solver.BETAS)
    return adaptive[method](groups, lr=solver.BASE_LR, betas=betas, eps=1e-8, fused=True)


def _begin_momentum(sgd: torch.optim.SGD) -> None:
    """Let momentum begin as 0, which gives the numbers of a first step without any.

    Where the first step is left out, as a gradient scaler does, the fused kernel (torch 2.6 to 2.14)
    takes momentum from memory that nobody wrote.
    """
    for group in sgd.param_groups:
        for parameter in group["params"]:
            sgd.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter.detach())


def load_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Resume what an optimizer has gathered; its settings stay those it was made with.

    ``load_state_dict`` alone would bring back the weight decay, momentum and betas of the checkpoint.

    Raises:
        ValueError: the state is of another kind of optimizer, or of other groups of parameters.
    """
    settings = [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups]
    theirs = state["param_groups"]
    if [len(g["params"]) for g in theirs] != [len(g["params"]) for g in optimizer.param_groups]:
        raise ValueError(
            "its optimizer has other groups of parameters; BN.WEIGHT_DECAY, SOLVER.ZERO_WD_1D_PARAM, "
            "SOLVER.BACKBONE_LR_SCALE and MODEL.FREEZE must stay as they were"
        )
    if any(("betas" in a) != ("betas" in b) for a, b in zip(theirs, settings, strict=True)):
        raise ValueError("its optimizer is of another kind; SOLVER.OPTIMIZING_METHOD must stay")
    # Before loading, since where a fused optimizer counts its steps depends on it.
    groups = [{**group, **own} for group, own in zip(theirs, settings, strict=True)]
    optimizer.load_state_dict({**state, "param_groups": groups})


def set_lr(optimizer: torch.optim.Optimizer, new_lr: float) -> None:
    """Set the learning rate of every group, times the group's ``lr_scale``."""
    for group in optimizer.param_groups:
        group["lr"] = new_lr * group.get("lr_scale", 1.0)


def get_epoch_lr(cur_epoch: float, cfg) -> float:
    """Return the learning rate at a fractional epoch."""
    return get_lr_at_epoch(cfg, cur_epoch)


@dataclass(frozen=True)
class Phase:
    """A stretch of epochs with one optimizer: first the classifier alone (if asked), then everything.

    AVID's ``wucls`` protocol: the classifier learns for some epochs with its own constant rate while
    the backbone runs in train mode (its normalisation statistics move) but gets no gradient; then a
    fresh optimizer trains all parameters.

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
