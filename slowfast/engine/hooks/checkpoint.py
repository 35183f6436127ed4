"""Saving at epoch ends, every so many minutes, and when asked to stop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from slowfast.checkpoint.background import CheckpointSaver
from slowfast.engine.hooks.base import Hook
from slowfast.engine.hooks.logging import StatsWriter
from slowfast.engine.signals import StopSignals
from slowfast.utils import distributed as du
from slowfast.utils.errors import TrainingError

if TYPE_CHECKING:
    from slowfast.engine.trainer import Trainer


class CheckpointHook(Hook):
    """Keeps the run restartable. Comes after the hooks that act on a step or end an epoch, and before
    the evaluation, which may fail.

    Args:
        saver: writes the checkpoints.
        minutes: ``TRAIN.CHECKPOINT_MINUTES``, 0 for epoch ends only.
        signals: whether the run was asked to stop.
        writer: takes a row where a state could not be saved.
    """

    def __init__(
        self, saver: CheckpointSaver, minutes: float, signals: StopSignals, writer: StatsWriter
    ) -> None:
        self.saver, self.minutes, self.signals, self.writer = saver, minutes, signals, writer
        self._told, self._saves, self._due = 0, 0, du.LateVote()
        self._saved_at = time.monotonic()
        self._saved_step: tuple[int, int] | None = None

    def before_train(self, trainer: Trainer) -> None:
        """Let the first save find its memory."""
        state = trainer.state_dict()
        if du.is_root_proc():
            self.saver.prepare(state)

    def after_step(self, trainer: Trainer) -> None:
        """Save when it is time; leave when asked to stop."""
        self._tell(trainer)
        self.signals.raise_if_received()
        if not self.minutes:
            return
        due = time.monotonic() - self._saved_at >= 60 * self.minutes
        # With several processes this may be their answer of before the last save, which counts no more.
        asked = self._due.largest(self._saves + 1 if due else 0)
        if asked > self._saves and trainer.progress.step < trainer.steps_per_epoch:
            self._save(trainer)

    def between_epochs(self, trainer: Trainer) -> None:
        """Save the end of the epoch."""
        self._save(trainer)
        self.signals.raise_if_received()

    def before_stop(self, trainer: Trainer) -> None:
        """Save where the run stands."""
        if self._saved_step != (trainer.progress.epoch, trainer.progress.step):
            self._save(trainer)
        self._finish(trainer)

    def after_train(self, trainer: Trainer) -> None:
        """Fail if the last state could not be saved."""
        self._finish(trainer)

    def _save(self, trainer: Trainer) -> None:
        """Begin to write the state; a full disk is reported and training continues."""
        progress, state = trainer.progress, trainer.state_dict()
        if du.is_root_proc():
            self.saver.save(state, progress.epoch, progress.step)
        self._saves += 1
        self._saved_at, self._saved_step = time.monotonic(), (progress.epoch, progress.step)

    def _tell(self, trainer: Trainer) -> None:
        if self.saver.failed > self._told:
            self._told = self.saver.failed
            place = {"step": trainer.progress.global_step, "epoch": trainer.progress.epoch + 1}
            self.writer.write({"_type": "checkpoint", **place, "not_saved": self._told})

    def _finish(self, trainer: Trainer) -> None:
        """Wait for the writer, in all processes: the end of one might end the others."""
        self.saver.wait()
        self._tell(trainer)
        problem = du.broadcast_object(self.saver.problem)
        if problem:
            raise TrainingError(f"The last checkpoint could not be saved: {problem}")
