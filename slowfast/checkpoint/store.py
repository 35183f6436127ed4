"""Checkpoints of a run on disk: written whole or not at all, checked when read.

Names sort by age: ``checkpoint_epoch_00010.pyth`` after 10 whole epochs, and
``checkpoint_epoch_00010_step_00000042.pyth`` 42 steps into the next one.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml

from slowfast.checkpoint.reader import load_checkpoint_file
from slowfast.config.node import CfgNode
from slowfast.config.yaml_file import UNREADABLE
from slowfast.utils.errors import CheckpointError, ConfigError
from slowfast.utils.files import atomic_write, remove_stale_temporaries
from slowfast.utils.logging import get_logger

logger = get_logger(__name__)

NAME = re.compile(r"^checkpoint_epoch_(\d{5})(?:_step_(\d{8}))?\.pyth$")
# The newest file is never the only copy: two are kept even where none was asked for.
KEPT_ROLLING = 2

Check = Callable[[Path, dict[str, Any]], None]


class CheckpointStore:
    """The ``checkpoints`` folder of a run.

    Args:
        folder: created when the first checkpoint is written.
        period: epochs between checkpoints that are kept.
        keep_last: how many of those are kept, 0 for all.
        keep_every: those of every so many epochs are always kept; 0 for none of them.

    Attributes:
        best_epoch: whose checkpoint is always kept, None for none.
    """

    def __init__(
        self, folder: str | Path, period: int = 1, keep_last: int = 0, keep_every: int = 0
    ) -> None:
        self.folder = Path(folder)
        self.period, self.keep_last, self.keep_every = period, keep_last, keep_every
        self.best_epoch: int | None = None

    def path(self, epoch: int, step: int = 0) -> Path:
        """Return the file for ``epoch`` whole epochs and ``step`` steps of the next."""
        ending = f"_step_{step:08d}" if step else ""
        return self.folder / f"checkpoint_epoch_{epoch:05d}{ending}.pyth"

    def files(self) -> list[Path]:
        """Return the checkpoints, oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted((p for p in self.folder.iterdir() if NAME.match(p.name)), key=_age)

    def save(self, content: dict[str, Any], epoch: int, step: int = 0) -> Path:
        """Write a checkpoint, and once it is on the disk delete those that are no longer wanted.

        Raises:
            OSError: the disk is full or not writable; older checkpoints are intact.
        """
        path = self.path(epoch, step)
        with atomic_write(path) as file:
            try:
                torch.save(content, file)
            except RuntimeError as error:  # how torch reports a failed write
                free = shutil.disk_usage(self.folder).free / 2**20
                raise OSError(
                    f"{path}: not written whole; the disk has {free:.0f} MiB left "
                    f"({str(error).splitlines()[0]})"
                ) from error
        self._retire()
        return path

    def set_aside(self) -> Path | None:
        """Move all checkpoints into a new sub-folder, for a start from scratch; return it."""
        files = self.files()
        if not files:
            return None
        number = 1
        while (folder := self.folder / f"earlier-{number}").exists():
            number += 1
        folder.mkdir()
        for path in files:
            path.rename(folder / path.name)
        return folder

    def _retire(self) -> None:
        files = self.files()
        periodic = [p for p in files if self._is_periodic(p)]
        wanted = set(periodic[-self.keep_last :] if self.keep_last else periodic)
        wanted.update(files[-KEPT_ROLLING:])
        for path in files:
            if path not in wanted and not self._is_lasting(path):
                path.unlink(missing_ok=True)

    def _is_periodic(self, path: Path) -> bool:
        epoch, step = _age(path)
        return step == 0 and epoch % self.period == 0

    def _is_lasting(self, path: Path) -> bool:
        epoch, step = _age(path)
        every = self.keep_every and epoch % self.keep_every == 0
        return step == 0 and bool(every or epoch == self.best_epoch)

    def clean(self) -> None:
        """Delete what an interrupted save left behind."""
        if self.folder.is_dir():
            remove_stale_temporaries(self.folder)

    def load_newest(self, check: Check | None = None) -> tuple[Path, dict[str, Any]] | None:
        """Return the newest readable checkpoint; unreadable newer ones are named in a warning.

        Args:
            check: raises a CheckpointError where a file that can be read holds the wrong things.

        Raises:
            CheckpointError: there are checkpoints but none is readable.
        """
        files = self.files()
        for path in reversed(files):
            try:
                content = load_checkpoint_file(path)
                if check is not None:
                    check(path, content)
                return path, content
            except CheckpointError as error:
                logger.warning("%s Falling back to the checkpoint before it.", error)
        if files:
            raise CheckpointError(
                f"{self.folder}: none of the {len(files)} checkpoints is readable. Delete the "
                "folder to start again, or set TRAIN.AUTO_RESUME False."
            )
        return None


def open_checkpoint(path: str | Path, trust_pickle: bool = False) -> tuple[Path, dict[str, Any]]:
    """Read a checkpoint: the file itself, or the newest readable one of a run's folder.

    Returns:
        The file, and what it holds.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    path = Path(path)
    if not path.is_dir():
        return path, load_checkpoint_file(path, trust_pickle)
    for folder in (path / "checkpoints", path):
        newest = CheckpointStore(folder).load_newest()
        if newest is not None:
            _warn_if_unfinished(*newest)
            return newest
    raise CheckpointError(f"{path}: the folder holds no checkpoint of a run.")


def _warn_if_unfinished(path: Path, content: dict[str, Any]) -> None:
    planned = saved_key(content, "SOLVER.MAX_EPOCH")
    progress = content.get("progress")
    done = progress.get("epoch") if isinstance(progress, dict) else None
    if planned is not None and isinstance(done, int) and done < planned:
        logger.warning("%s: that run has done %d of %d epochs.", path, done, planned)


def saved_key(content: dict[str, Any], key: str) -> Any:
    """Return a key of the config that a checkpoint of this package holds, None where it does not."""
    cfg = saved_cfg(content)
    return None if cfg is None else cfg.leaves().get(key)


def saved_cfg(content: dict[str, Any]) -> CfgNode | None:
    """Return the config that a checkpoint of this package holds, None where it holds none."""
    if not isinstance(content.get("cfg"), str):
        return None
    try:
        return CfgNode.load_cfg(content["cfg"])
    except (ConfigError, yaml.YAMLError, *UNREADABLE, AssertionError):
        return None


def check_architecture(path: Path, content: dict[str, Any], wanted: dict[str, str]) -> None:
    """Raise a CheckpointError if a run's checkpoint was made with other networks.

    Some networks differ in nothing that tensors tell: with and without a pooling layer, say.

    Args:
        wanted: ``MODEL.ARCH`` and the like, with the values of this run.
    """
    for key, ours in wanted.items():
        theirs = saved_key(content, key)
        if theirs is not None and theirs.lower() != ours.lower():
            raise CheckpointError(f"{path} was made with {key} {theirs}; this run has {ours}.")


def _age(path: Path) -> tuple[int, int]:
    epoch, step = NAME.match(path.name).groups()
    return int(epoch), int(step or 0)
