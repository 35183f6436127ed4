"""The moments at which a hook may act.

::

    before_train
    for each epoch:
        before_epoch
        for each step:
            (step), after_step   # numbers of steps are read now and then: take_numbers
        after_epoch        # the epoch still counts as running: finish its numbers here
        between_epochs     # its end is now part of the state: save here, then evaluate
    before_stop            # only when a signal asked to stop: save here
    after_train            # only after the last epoch, never after an error or a stop
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from slowfast.engine.trainer import Trainer


class Hook:
    """Does nothing; override the moments that matter."""

    def before_train(self, trainer: Trainer) -> None:
        """Run once before the first epoch, or before the rest of a resumed run."""

    def before_epoch(self, trainer: Trainer) -> None:
        """Run before the first step of an epoch, also of a resumed one."""

    def after_step(self, trainer: Trainer) -> None:
        """Run after each step; ``trainer.read_numbers`` has its numbers, at the price of waiting."""

    def take_numbers(self, rows: list[dict[str, float]]) -> None:
        """Take the numbers of the steps since the last call, when they are read."""

    def after_epoch(self, trainer: Trainer) -> None:
        """Run after the last step of an epoch."""

    def between_epochs(self, trainer: Trainer) -> None:
        """Run when ``trainer.progress`` stands at the beginning of the next epoch."""

    def before_stop(self, trainer: Trainer) -> None:
        """Run when all processes agree that a stop signal ends the training."""

    def after_train(self, trainer: Trainer) -> None:
        """Run after the last epoch.

        Not after an error: other processes may be gone, and could not take part.
        """

    def state_dict(self) -> dict[str, Any]:
        """Return plain values that a resumed run needs."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what :meth:`state_dict` returned."""
