"""Validation during training."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from slowfast.checkpoint.store import CheckpointStore
from slowfast.engine.evaluate import Loaders, evaluate, joined_metrics, primary_metric
from slowfast.engine.hooks.bad_media import BadMediaLog
from slowfast.engine.hooks.base import Hook
from slowfast.engine.hooks.logging import StatsWriter
from slowfast.engine.signals import StopSignals
from slowfast.utils import distributed as du
from slowfast.utils.logging import get_logger, in_words

if TYPE_CHECKING:
    from slowfast.engine.trainer import Trainer

logger = get_logger(__name__)

ROW = "val_epoch"


class EvaluationHook(Hook):
    """Measures the model on the sets that are validated every ``TRAIN.EVAL_PERIOD`` epochs.

    Comes after the hook that saves: an evaluation that fails must not cost an epoch. A checkpoint
    therefore knows nothing of the evaluation of its own epoch; its row in ``stats.jsonl`` does.

    Args:
        loaders: of the evaluation sets, by name.
        period: in epochs; the last epoch is always measured.
        writer: takes the rows.
        bad_media: lists unreadable files.
        signals: whether the run was asked to stop.
        keeper: keeps the checkpoint of the best epoch, whatever else it deletes.
    """

    def __init__(
        self,
        loaders: Loaders,
        period: int,
        writer: StatsWriter,
        bad_media: BadMediaLog,
        signals: StopSignals,
        keeper: CheckpointStore | None = None,
    ) -> None:
        self.keeper = keeper
        self.loaders, self.period, self.writer = loaders, period, writer
        self.bad_media, self.signals = bad_media, signals
        self.best: dict[str, Any] = {}

    def before_train(self, trainer: Trainer) -> None:
        """Do what an interruption between checkpoint and evaluation left undone."""
        progress = trainer.progress
        if progress.step or not progress.epoch or not self._is_due(progress.epoch, trainer):
            return
        row = self.writer.row_of(ROW, progress.global_step)
        if row is None:
            self._evaluate(trainer)
        else:
            self._remember(primary_metric(trainer.task, self.loaders), row)

    def between_epochs(self, trainer: Trainer) -> None:
        """Evaluate when it is the turn of the epoch that has just ended."""
        if self._is_due(trainer.progress.epoch, trainer):
            self._evaluate(trainer)

    def _is_due(self, epoch: int, trainer: Trainer) -> bool:
        return epoch % self.period == 0 or epoch == trainer.total_epochs

    def _evaluate(self, trainer: Trainer) -> None:
        epoch = trainer.progress.epoch
        du.broadcast_statistics(trainer.model)
        found = {
            name: evaluate(
                trainer.cfg,
                trainer.task,
                trainer.model,
                loader,
                self.bad_media,
                "validation",
                self.signals,
            ).metrics
            for name, loader in self.loaders.items()
        }
        metrics = joined_metrics(found)
        row = {"_type": ROW, "step": trainer.progress.global_step, "epoch": epoch}
        row |= metrics
        self.writer.write(row)
        metric = primary_metric(trainer.task, self.loaders)
        self._remember(metric, row)
        best = "none is defined"
        if self.best:
            best = f"best {metric} {self.best[metric]:.2f} in epoch {self.best['epoch']}"
        logger.info("validation after epoch %d: %s (%s)", epoch, in_words(metrics), best)
        trainer.model.train()
        self.signals.raise_if_received()

    def _remember(self, metric: str, row: dict[str, Any]) -> None:
        """Keep the measures of a row if they are the best; undefined ones never are."""
        value = row[metric]
        if value is None or not math.isfinite(value):
            return
        if value >= self.best.get(metric, -math.inf):
            self._keep({k: v for k, v in row.items() if k not in ("_type", "step")})

    def _keep(self, best: dict[str, Any]) -> None:
        self.best = best
        if self.keeper is not None:
            self.keeper.best_epoch = best.get("epoch")

    def state_dict(self) -> dict[str, Any]:
        """Return the best measures so far."""
        return {"best": self.best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Keep the best of an interrupted run."""
        self._keep(dict(state.get("best", {})))
