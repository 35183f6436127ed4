"""Statistics of batch normalisation computed anew before they are used (``BN.USE_PRECISE_STATS``).

Wu and Johnson, "Rethinking 'Batch' in BatchNorm", section 3.
"""

from __future__ import annotations

import copy
import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import torch
from torch import nn

from slowfast.engine.hooks.bad_media import BadMediaLog
from slowfast.engine.hooks.base import Hook
from slowfast.engine.signals import StopSignals
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
        bad_media: lists unreadable files.
        signals: whether the run was asked to stop.
    """

    def __init__(
        self,
        num_batches: int,
        periods: tuple[int, ...],
        bad_media: BadMediaLog,
        signals: StopSignals,
    ) -> None:
        self.num_batches, self.periods = num_batches, [period for period in periods if period]
        self.bad_media, self.signals = bad_media, signals

    def after_epoch(self, trainer: Trainer) -> None:
        """Compute the statistics when an evaluation or a checkpoint is due."""
        epoch = trainer.progress.epoch + 1
        due = any(epoch % period == 0 for period in self.periods)
        if not due and epoch != trainer.total_epochs:
            return
        failures = []

        def watch(batch: Batch) -> None:
            self.signals.raise_if_received()
            failures.extend(batch["failures"])

        update_statistics(trainer, self.num_batches, watch)
        self.bad_media.add([f for part in du.all_gather_unaligned(failures) for f in part])


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


def update_statistics(
    trainer: Trainer, num_batches: int, watch: Callable[[Batch], None] = lambda batch: None
) -> None:
    """Set the running statistics of all layers that learn them to their averages.

    With several processes the averages are those of all. ``num_batches_tracked`` stays: it counts
    training batches.

    Args:
        trainer: its model, task and training batches.
        num_batches: to average over; an epoch at most.
        watch: called with each batch; if it raises, the statistics are as they were.
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
    count = min(num_batches, len(trainer.loader))
    own = [dict(layer.named_buffers()) for layer in layers]
    found = copy.deepcopy(own)
    try:
        update_bn_stats(step, _batches(trainer, watch), count)
        for layer, values in zip(layers, found, strict=True):
            values |= _averages(layer)
    finally:
        # In place, since a wrapper of the model knows these tensors.
        for layer, tensors, values in zip(layers, own, found, strict=True):
            for name, tensor in tensors.items():
                setattr(layer, name, tensor.copy_(values[name]))
    trainer.model.train()
    logger.info("Statistics of %d normalisations over %d batches.", len(layers), count)


def _averages(layer: nn.Module) -> dict[str, torch.Tensor]:
    """Return the statistics of a layer, averaged over processes."""
    mean, square = layer.running_mean, layer.running_var + layer.running_mean.square()
    du.all_reduce([mean, square])
    return {"running_mean": mean, "running_var": square - mean.square()}


def _batches(trainer: Trainer, watch: Callable[[Batch], None]) -> Iterator[Batch]:
    """Yield the batches with which the next epoch begins, over and over."""
    sampler = trainer.loader.batch_sampler
    for epoch in itertools.count(trainer.progress.epoch + 1):
        sampler.set_position(epoch)
        for batch in trainer.loader:
            if "unreadable" in batch:
                raise UnreadableFilesError(batch["unreadable"])
            watch(batch)
            yield batch
