"""Where the numbers of a run can be watched beside its own files: TensorBoard, Weights & Biases."""

from __future__ import annotations

import re
import secrets
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from slowfast.utils.errors import ConfigError
from slowfast.utils.files import write_text
from slowfast.utils.logging import PLACES

RUN_ID = re.compile(r"[\w-]{1,64}", re.ASCII)


class EventWriter(ABC):
    """Shows rows of ``stats.jsonl``, in the first process only."""

    @abstractmethod
    def begin(self, step: int | None) -> None:
        """Open. What was shown of steps after ``step`` comes again; with None it stays."""

    @abstractmethod
    def write(self, row: dict[str, Any]) -> None:
        """Show the numbers of a row at its ``step``."""

    @abstractmethod
    def close(self) -> None:
        """Hand over what is not shown yet; not called where the work failed."""


def build_event_writers(cfg) -> list[EventWriter]:
    """Return the writers that a config asks for.

    Raises:
        ConfigError: one needs a package that is not installed.
    """
    folder, writers = Path(cfg.OUTPUT_DIR), []
    if cfg.TENSORBOARD.ENABLE:
        writers.append(TensorBoard(folder / (cfg.TENSORBOARD.LOG_DIR or "tensorboard")))
    if cfg.WANDB.ENABLE:
        writers.append(WeightsAndBiases(cfg))
    return writers


def numbers_of(row: dict[str, Any]) -> dict[str, float]:
    """Return the numbers of a row under names such as ``train_iter/loss``."""
    return {
        f"{row['_type']}/{key}": value
        for key, value in row.items()
        if key not in PLACES and isinstance(value, (int, float))
    }


class TensorBoard(EventWriter):
    """Event files in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writer = None

    def begin(self, step: int | None) -> None:
        """Open a new event file, which hides what older ones have of steps that come again."""
        from torch.utils.tensorboard import SummaryWriter

        purged = None if step is None else step + 1
        self._writer = SummaryWriter(str(self.folder), purge_step=purged)

    def write(self, row: dict[str, Any]) -> None:
        """Append the numbers."""
        for name, value in numbers_of(row).items():
            self._writer.add_scalar(name, value, row["step"])
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()


class WeightsAndBiases(EventWriter):
    """A run at Weights & Biases, which a resumed run continues.

    Its id is kept in ``OUTPUT_DIR/wandb_run_id.txt``; ``WANDB_MODE=offline`` keeps all in
    ``OUTPUT_DIR/wandb``.

    Raises:
        ConfigError: the package is not installed.
    """

    def __init__(self, cfg) -> None:
        try:
            import wandb
        except ImportError as error:
            raise ConfigError(
                "WANDB.ENABLE needs the package wandb: pip install wandb, then 'wandb login'."
            ) from error
        self.wandb, self.cfg, self.folder = wandb, cfg, Path(cfg.OUTPUT_DIR)
        self._account = {"project": cfg.WANDB.PROJECT, "entity": cfg.WANDB.ENTITY}
        self._run = None

    def begin(self, step: int | None) -> None:
        """Start a run at step 0, else resume the one there is.

        Raises:
            ConfigError: no user is logged in, or the service refuses.
        """
        known = self.folder / "wandb_run_id.txt"
        if step == 0 or not (known.is_file() and RUN_ID.fullmatch(known.read_text().strip())):
            write_text(known, secrets.token_hex(8))
        try:
            self._run = self.wandb.init(
                **self._account,
                name=self.folder.resolve().name,
                id=known.read_text().strip(),
                resume="allow",
                dir=str(self.folder),
                config=self.cfg.leaves(),
            )
        except self.wandb.Error as error:
            raise ConfigError(
                f"WANDB.ENABLE: Weights & Biases did not begin ({error}). Run 'wandb login', set "
                "WANDB_MODE=offline, or switch it off."
            ) from error
        # A step of its own takes rows in any order, and again after a resumption.
        self._run.define_metric("*", step_metric="step")

    def write(self, row: dict[str, Any]) -> None:
        """Send the numbers."""
        self._run.log({"step": row["step"], **numbers_of(row)})

    def close(self) -> None:
        """Send what is waiting."""
        self._run.finish()
