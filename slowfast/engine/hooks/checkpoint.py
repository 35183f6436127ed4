"""Saving at epoch ends, every so many minutes, and when asked to stop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from slowfast.checkpoint.store import CheckpointStore
from slowfast.engine.hooks.base import Hook
from slowfast.engine.signals import StopRequested, StopSignals
from slowfast.utils import distributed as du
from slowfast.utils.errors import TrainingError
from slowfast.utils.logging import get_logger

if TYPE_CHECKING:
    from slowfast.engine.trainer import Trainer

logger = get_logger(__name__)


class CheckpointHook(Hook):
    """Keeps the run restartable. Must come after hooks whose state it saves.

    Args:
        store: the checkpoint folder.
        minutes: ``TRAIN.CHECKPOINT_MINUTES``, 0 for epoch ends only.
        signals: whether the run was asked to stop.
    """

    def __init__(self, store: CheckpointStore, minutes: float, signals: StopSignals) -> None:
        self.store, self.minutes, self.signals = store, minutes, signals
        self._saved_at = time.monotonic()
        self._unsaved: str | None = None

    def after_step(self, trainer: Trainer) -> None:
        """Save when it is time, or save and leave when asked to stop."""
        # Processes agree only now and then: asking costs a synchronisation.
        if du.get_world_size() > 1 and trainer.progress.step % trainer.cfg.LOG_PERIOD:
            return
        if self.signals.agreed():
            self._save(trainer)
            raise StopRequested(self.signals.received)
        due = self.minutes and time.monotonic() - self._saved_at >= 60 * self.minutes
        if du.any_process(bool(due)) and trainer.progress.step < trainer.steps_per_epoch:
            self._save(trainer)

    def between_epochs(self, trainer: Trainer) -> None:
        """Save the end of the epoch."""
        self._save(trainer, final=trainer.progress.epoch == trainer.total_epochs)
        if self.signals.agreed() and trainer.progress.epoch < trainer.total_epochs:
            raise StopRequested(self.signals.received)

    def after_train(self, trainer: Trainer) -> None:
        """Fail if the last state could not be saved."""
        if self._unsaved:
            raise TrainingError(f"The last checkpoint could not be saved: {self._unsaved}")

    def _save(self, trainer: Trainer, final: bool = False) -> None:
        """Write the state; a full disk is reported and training goes on."""
        if du.is_root_proc():
            progress = trainer.progress
            try:
                path = self.store.save(trainer.state_dict(), progress.epoch, progress.step, final)
                logger.info("Saved %s", path)
                self._unsaved = None
            except OSError as error:
                self._unsaved = str(error)
                logger.error("Checkpoint not saved (%s); the older ones are intact.", error)
        self._saved_at = time.monotonic()
        du.synchronize()
