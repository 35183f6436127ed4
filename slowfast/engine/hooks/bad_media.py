"""Counting, listing and limiting files that cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from slowfast.engine.hooks.base import Hook
from slowfast.utils import distributed as du
from slowfast.utils.errors import AnnotationError, TrainingError
from slowfast.utils.files import write_csv
from slowfast.utils.input_files import read_table
from slowfast.utils.logging import get_logger

if TYPE_CHECKING:
    from slowfast.engine.trainer import Trainer

logger = get_logger(__name__)

COLUMNS = ["path", "reason"]


class BadMediaLog:
    """``bad_media.csv`` of a run: each unreadable file once, with its reason.

    Args:
        path: of the csv file; existing rows are kept.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reasons: dict[str, str] = {}
        if path.is_file():
            try:
                table = read_table(path, COLUMNS)
                self.reasons = {row["path"]: row["reason"] for _, row in table}
            except AnnotationError as error:
                logger.warning("%s The list of unreadable files begins anew.", error)

    def add(self, failures: list[tuple[str, str]]) -> None:
        """Remember failures and name new ones in the log."""
        new = {path: reason for path, reason in failures if path not in self.reasons}
        for reason in new.values():
            logger.warning("Unreadable file: %s", reason)
        if new:
            self.reasons.update(new)
            if du.is_root_proc():
                self._write()

    def _write(self) -> None:
        rows = [{"path": path, "reason": self.reasons[path]} for path in sorted(self.reasons)]
        try:
            write_csv(self.path, COLUMNS, rows)
        except OSError as error:  # a full disk; the next write has all rows
            logger.error("%s was not written (%s).", self.path, error)


class BadMediaHook(Hook):
    """Stops the run when too many distinct files are unreadable.

    Args:
        log: where the files are listed.
        num_files: in the training set.
        max_fraction: ``DATA.MAX_BAD_FRACTION``.
    """

    def __init__(self, log: BadMediaLog, num_files: int, max_fraction: float) -> None:
        self.log, self.num_files, self.max_fraction = log, num_files, max_fraction
        self.bad: set[str] = set()
        self._waiting: list[tuple[str, str]] = []

    def after_step(self, trainer: Trainer) -> None:
        """Collect the failures of the step's batches."""
        for batch in trainer.batches:
            self._waiting += batch["failures"]
        if du.get_world_size() == 1 or trainer.progress.step % trainer.cfg.LOG_PERIOD == 0:
            self._settle()

    def after_epoch(self, trainer: Trainer) -> None:
        """Collect what is left."""
        self._settle()

    def _settle(self) -> None:
        failures = [f for part in du.all_gather_unaligned(self._waiting) for f in part]
        self._waiting = []
        if not failures:
            return
        self.log.add(failures)
        self.bad.update(path for path, _ in failures)
        if len(self.bad) > self.max_fraction * self.num_files:
            raise TrainingError(
                f"{len(self.bad)} of {self.num_files} training files could not be read, more than "
                f"DATA.MAX_BAD_FRACTION = {self.max_fraction:g}. They are listed with their "
                f"reasons in {self.log.path}; the last: {failures[-1][1]}"
            )

    def state_dict(self) -> dict[str, Any]:
        """Return the distinct bad files."""
        return {"bad": sorted(self.bad)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Count on from an interrupted run."""
        self.bad = set(state.get("bad", []))
