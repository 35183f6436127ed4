"""What a task does before an epoch: searching positives, for example."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slowfast.engine.hooks.base import Hook
from slowfast.engine.hooks.logging import StatsWriter
from slowfast.utils.logging import get_logger, in_words

if TYPE_CHECKING:
    from slowfast.engine.trainer import Trainer

logger = get_logger(__name__)


class EpochStartHook(Hook):
    """Calls ``task.on_epoch_start`` and logs the numbers it returns.

    Args:
        writer: takes the rows.
    """

    def __init__(self, writer: StatsWriter) -> None:
        self.writer = writer

    def before_epoch(self, trainer: Trainer) -> None:
        """Run also before the rest of a resumed epoch; the model knows what it has done."""
        progress = trainer.progress
        found = trainer.task.on_epoch_start(trainer.model, progress.epoch, trainer.output_dir)
        if found:
            row = {"_type": "epoch_start", "step": progress.global_step}
            self.writer.write({**row, "epoch": progress.epoch + 1, **found})
            logger.info("before epoch %d: %s", progress.epoch + 1, in_words(found))
