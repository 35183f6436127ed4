"""Statistics of batch normalisation computed anew before they are used (``BN.USE_PRECISE_STATS``).

Wu and Johnson, "Rethinking 'Batch' in BatchNorm", section 3.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import nn

from slowfast.engine.hooks.base import Hook
from slowfast.engine.state import batch_to_device, seed_step
from slowfast.tasks.base import Batch
from slowfast.utils import distributed as du
from slowfast.utils.errors import UnreadableFilesError
from slowfast.utils.logging import get_logger

if TYPE_CHECKING:
    from slowfast.engine.trainer import Trainer

logger = get_logger(__name__)


class PreciseBatchNormHook(Hook):
    """Averages the statistics over many batches of the next epoch, with the weights as they are.

    Acts before evaluations and checkpoints, so that both hold the new statistics.

    Args:
        num_batches: training batches to average over.
        periods: epochs between evaluations and between checkpoints; 0 for never.
    """

    def __init__(self, num_batches: int, periods: tuple[int, ...]) -> None:
        self.num_batches, self.periods = num_batches, [period for period in periods if period]

    def after_epoch(self, trainer: Trainer) -> None:
        """Compute the statistics when an evaluation or a checkpoint is due."""
        epoch = trainer.progress.epoch + 1
        due = any(epoch % period == 0 for period in self.periods)
        if due or epoch == trainer.total_epochs:
            update_statistics(trainer, self.num_batches)


class _Step(nn.Module):
    """A training step as a module, which is what averages batches."""

    def __init__(self, trainer: Trainer) -> None:
        super().__init__()
        self.network = trainer.model
        self._trainer = trainer

    def forward(self, batch: Batch) -> None:
        trainer = self._trainer
        with trainer.precision.autocast():
            trainer.task.training_step(self.network, batch_to_device(batch, trainer.device))


def update_statistics(trainer: Trainer, num_batches: int) -> None:
    """Set the running statistics of all layers that learn them to their averages.

    With several processes the averages are those of all.
    """
    with warnings.catch_warnings():
        # fvcore scripts functions on the way in, of which today's torch warns.
        warnings.simplefilter("ignore", FutureWarning)
        from fvcore.nn.precise_bn import get_bn_modules, update_bn_stats

    step = _Step(trainer)
    layers = get_bn_modules(step)
    # Nothing but these layers may notice: no dropout, and no memory bank that moves.
    step.eval()
    for layer in layers:
        layer.train()
    progress = trainer.progress
    seed_step(trainer.cfg.RNG_SEED, progress.global_step, du.get_rank())
    buffers = [(layer.running_mean, layer.running_var) for layer in layers]
    count = min(num_batches, len(trainer.loader))
    update_bn_stats(step, _batches(trainer), count)
    for layer, (mean, variance) in zip(layers, buffers, strict=True):
        _average(layer.running_mean, layer.running_var)
        # In place: whoever wrapped the model knows the old tensors.
        mean.copy_(layer.running_mean)
        variance.copy_(layer.running_var)
        layer.running_mean, layer.running_var = mean, variance
    trainer.model.train()
    logger.info("Statistics of %d normalisations over %d batches.", len(layers), count)


def _average(mean: torch.Tensor, variance: torch.Tensor) -> None:
    """Average over processes, in place."""
    square = variance + mean.square()
    du.all_reduce([mean, square])
    variance.copy_(square - mean.square())


def _batches(trainer: Trainer) -> Iterator[Batch]:
    """Yield the batches with which the next epoch begins, over and over."""
    sampler = trainer.loader.batch_sampler
    for epoch in itertools.count(trainer.progress.epoch + 1):
        sampler.set_position(epoch)
        for batch in trainer.loader:
            if "unreadable" in batch:
                raise UnreadableFilesError(batch["unreadable"])
            yield batch
