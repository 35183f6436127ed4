"""Saving at epoch ends, every so many minutes, and when asked to stop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from slowfast.checkpoint.store import CheckpointStore
from slowfast.engine.hooks.base import Hook
from slowfast.engine.signals import StopSignals
from slowfast.utils import distributed as du
from slowfast.utils.errors import TrainingError
from slowfast.utils.logging import get_logger

if TYPE_CHECKING:
    from slowfast.engine.trainer import Trainer

logger = get_logger(__name__)


class CheckpointHook(Hook):
    """Keeps the run restartable. Comes after the hooks that act on a step or end an epoch, and before
    the evaluation, which may fail.

    Args:
        store: the checkpoint folder.
        minutes: ``TRAIN.CHECKPOINT_MINUTES``, 0 for epoch ends only.
        signals: whether the run was asked to stop.
    """

    def __init__(self, store: CheckpointStore, minutes: float, signals: StopSignals) -> None:
        self.store, self.minutes, self.signals = store, minutes, signals
        self._saved_at = time.monotonic()
        self._saved_step: tuple[int, int] | None = None
        self._unsaved: str | None = None

    def after_step(self, trainer: Trainer) -> None:
        """Save when it is time; leave when asked to stop."""
        self.signals.raise_if_received()
        if not self.minutes:
            return
        due = time.monotonic() - self._saved_at >= 60 * self.minutes
        if du.any_process(due) and trainer.progress.step < trainer.steps_per_epoch:
            self._save(trainer)

    def between_epochs(self, trainer: Trainer) -> None:
        """Save the end of the epoch."""
        self._save(trainer)
        self.signals.raise_if_received()

    def before_stop(self, trainer: Trainer) -> None:
        """Save where the run stands."""
        if self._saved_step != (trainer.progress.epoch, trainer.progress.step):
            self._save(trainer)

    def after_train(self, trainer: Trainer) -> None:
        """Fail if the last state could not be saved."""
        unsaved = du.broadcast_object(self._unsaved)
        if unsaved:
            raise TrainingError(f"The last checkpoint could not be saved: {unsaved}")

    def _save(self, trainer: Trainer) -> None:
        """Write the state; a full disk is reported and training continues."""
        progress, state = trainer.progress, trainer.state_dict()
        if du.is_root_proc():
            try:
                path = self.store.save(state, progress.epoch, progress.step)
                logger.info("Saved %s", path)
                self._unsaved = None
            except OSError as error:
                self._unsaved = str(error)
                logger.error("Checkpoint not saved (%s); the older ones are intact.", error)
        self._saved_at, self._saved_step = time.monotonic(), (progress.epoch, progress.step)
        du.synchronize()
