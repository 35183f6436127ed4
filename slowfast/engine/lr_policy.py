"""Learning rate as a pure function of the fractional epoch (PySlowFast's policies)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

NEAR = 0.9  # share of the base rate that a run should reach


@dataclass(frozen=True)
class Schedule:
    """All that decides the learning rate.

    Args:
        policy: ``cosine`` or ``steps_with_relative_lrs``.
        base_lr: learning rate that the policy scales.
        max_epoch: length of the run.
        cosine_end_lr: value of the cosine at ``max_epoch``.
        cosine_after_warmup: let the cosine begin at the end of the warm-up, not at epoch 0.
        steps, lrs: epochs at which the multiples ``lrs`` of ``base_lr`` begin.
        warmup_epochs, warmup_start_lr: straight line up to the policy's own value there.
    """

    policy: str
    base_lr: float
    max_epoch: int
    cosine_end_lr: float = 0.0
    cosine_after_warmup: bool = False
    steps: Sequence[float] = ()
    lrs: Sequence[float] = ()
    warmup_epochs: float = 0.0
    warmup_start_lr: float = 0.01

    def __call__(self, epoch: float) -> float:
        """Return the learning rate at ``epoch + iteration / iterations``."""
        if epoch >= self.warmup_epochs:
            return self._policy(epoch)
        end = self._policy(self.warmup_epochs)
        slope = (end - self.warmup_start_lr) / self.warmup_epochs
        return self.warmup_start_lr + epoch * slope

    @property
    def never_reaches_base(self) -> bool:
        """Whether warm-up takes so much of the run that the rate stays far below ``base_lr``."""
        if not self.warmup_epochs or self.policy != "cosine":
            return self.warmup_epochs >= self.max_epoch
        return self._policy(self.warmup_epochs) < NEAR * self.base_lr

    def _policy(self, epoch: float) -> float:
        return {"cosine": self._cosine, "steps_with_relative_lrs": self._steps}[self.policy](epoch)

    def _cosine(self, epoch: float) -> float:
        begin = self.warmup_epochs if self.cosine_after_warmup else 0.0
        phase = math.pi * (epoch - begin) / (self.max_epoch - begin)
        return self.cosine_end_lr + (self.base_lr - self.cosine_end_lr) * (math.cos(phase) + 1) / 2

    def _steps(self, epoch: float) -> float:
        passed = [lr for step, lr in zip(self.steps, self.lrs, strict=False) if step <= epoch]
        return self.base_lr * passed[-1]

    @classmethod
    def from_cfg(cls, solver) -> Schedule:
        """Build from the ``SOLVER`` node of a config."""
        return cls(
            policy=solver.LR_POLICY,
            base_lr=solver.BASE_LR,
            max_epoch=solver.MAX_EPOCH,
            cosine_end_lr=solver.COSINE_END_LR,
            cosine_after_warmup=solver.COSINE_AFTER_WARMUP,
            steps=tuple(solver.STEPS),
            lrs=tuple(solver.LRS),
            warmup_epochs=solver.WARMUP_EPOCHS,
            warmup_start_lr=solver.WARMUP_START_LR,
        )


def get_lr_at_epoch(cfg, cur_epoch: float) -> float:
    """Return the learning rate of a config at a fractional epoch."""
    return Schedule.from_cfg(cfg.SOLVER)(cur_epoch)
