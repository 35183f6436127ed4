"""Validation during training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.utils.data import DataLoader

from slowfast.engine.evaluate import evaluate
from slowfast.engine.hooks.bad_media import BadMediaLog
from slowfast.engine.hooks.base import Hook
from slowfast.engine.hooks.logging import StatsWriter
from slowfast.engine.signals import StopSignals
from slowfast.utils import distributed as du
from slowfast.utils.logging import get_logger

if TYPE_CHECKING:
    from slowfast.engine.trainer import Trainer

logger = get_logger(__name__)


class EvaluationHook(Hook):
    """Measures the model on the validation split every ``TRAIN.EVAL_PERIOD`` epochs.

    Args:
        loader: of the validation split.
        period: in epochs; the last epoch is always measured.
        writer: takes the rows.
        bad_media: lists unreadable files.
        signals: whether the run was asked to stop.
    """

    def __init__(
        self,
        loader: DataLoader,
        period: int,
        writer: StatsWriter,
        bad_media: BadMediaLog,
        signals: StopSignals,
    ) -> None:
        self.loader, self.period, self.writer = loader, period, writer
        self.bad_media, self.signals = bad_media, signals
        self.best: dict[str, Any] = {}

    def after_epoch(self, trainer: Trainer) -> None:
        """Evaluate when it is the epoch's turn."""
        epoch = trainer.progress.epoch + 1
        if epoch % self.period and epoch != trainer.total_epochs:
            return
        du.broadcast_buffers(trainer.model)
        result = evaluate(
            trainer.cfg,
            trainer.task,
            trainer.model,
            self.loader,
            self.bad_media,
            "validation",
            self.signals,
        )
        headline = trainer.task.headline
        if result.metrics[headline] >= self.best.get(headline, float("-inf")):
            self.best = {**result.metrics, "epoch": epoch}
        row = {"_type": "val_epoch", "step": trainer.progress.global_step, "epoch": epoch}
        self.writer.write({**row, **result.metrics})
        logger.info(
            "validation after epoch %d: %s (best %s %.2f in epoch %d)",
            epoch,
            result.summary(),
            headline,
            self.best[headline],
            self.best["epoch"],
        )
        trainer.model.train()

    def state_dict(self) -> dict[str, Any]:
        """Return the best measures so far."""
        return {"best": self.best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Keep the best of an interrupted run."""
        self.best = dict(state.get("best", {}))
