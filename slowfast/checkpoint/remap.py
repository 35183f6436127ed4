"""Bringing memory banks to a new list of files, by file name."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from slowfast.checkpoint.pretraining import Pretraining, read_pretraining
from slowfast.datasets.items import ItemTable
from slowfast.utils.errors import AnnotationError, CheckpointError
from slowfast.utils.files import atomic_write

BANKS = ("criterion.video_bank", "criterion.audio_bank")


@dataclass(frozen=True)
class RemapReport:
    """Files of both lists.

    Attributes:
        kept: files whose memories were carried over.
        new: files that start with a random memory.
        gone: files of the old list that the new one does not have.
    """

    kept: int
    new: int
    gone: int

    def __str__(self) -> str:
        return f"{self.kept} memories carried over, {self.new} new, {self.gone} left behind"


def remap_banks(
    source: Pretraining, old: ItemTable, new: ItemTable, seed: int = 0
) -> tuple[dict[str, Any], RemapReport]:
    """Return a checkpoint for ``SSL.CHECKPOINT`` whose banks have a row for each file of ``new``.

    Files are the same when folder and name agree. Files that only the new list has get a random
    memory that counts as never written.

    Args:
        source: weights and banks; they stay as they are.
        old: the list that the checkpoint's banks were trained on.
        new: the list to train on.
        seed: of the random memories.

    Raises:
        CheckpointError: the checkpoint is not that of ``old``.
        AnnotationError: a list has a file twice, or the lists share no file.
    """
    _check_old(source, old)
    state = dict(source.state)
    rows = {name: row for row, name in enumerate(_names(old))}
    source = np.array([rows.get(name, -1) for name in _names(new)])
    if (source < 0).all():
        raise AnnotationError(f"{old.source} and {new.source} have no file in common.")
    generator = torch.Generator().manual_seed(seed)
    found = torch.from_numpy(np.flatnonzero(source >= 0))
    wanted = torch.from_numpy(source[source >= 0])
    for bank in BANKS:
        state.update(_remapped(bank, state, found, wanted, len(new), generator))
    state.pop("criterion.positives", None)
    state.pop("searched_epoch", None)
    report = RemapReport(len(found), len(new) - len(found), len(old) - len(found))
    return {"model_state": state, "list_fingerprint": new.fingerprint()}, report


def remap_file(
    checkpoint: Path, old: Path | None, new: Path, out: Path, seed: int = 0
) -> RemapReport:
    """Read lists and checkpoint, write the checkpoint with the new banks, return the report.

    Args:
        checkpoint, seed: see :func:`remap_banks`.
        old, new: manifests of both lists; without ``old``, the one in the folder of the run.
        out: the file to write.
    """
    source = read_pretraining(checkpoint)
    old = old or _train_files_of(source)
    content, report = remap_banks(source, ItemTable.load(old), ItemTable.load(new), seed)
    with atomic_write(out) as file:
        torch.save(content, file)
    return report


def train_files_name(fingerprint: str) -> str:
    """Return the name under which a run keeps the list of the files behind its memories."""
    return f"train_files-{fingerprint}.npz"


def _train_files_of(source: Pretraining) -> Path:
    """Return the list of training files in the folder of a checkpoint's run."""
    if source.fingerprint is None:
        raise CheckpointError(
            f"{source.path} does not say which list its banks belong to: name it by --old."
        )
    path = source.path.parent.parent / train_files_name(source.fingerprint)
    if not path.is_file():
        raise CheckpointError(f"{path}: no such list; name that of the old banks by --old.")
    return path


def _check_old(source: Pretraining, old: ItemTable) -> None:
    path, state, fingerprint = source
    rows = state.get(BANKS[0] + ".rows")
    if rows is None:
        raise CheckpointError(f"{path}: holds no memory banks.")
    if len(rows) != len(old) or fingerprint not in (None, old.fingerprint()):
        raise CheckpointError(
            f"{path}: its banks of {len(rows)} rows do not belong to {old.source} with {len(old)} "
            "files. Take the list of that run: train_files-*.npz in its folder."
        )


def _names(videos: ItemTable) -> list[str]:
    names = [videos.name(row) for row in range(len(videos))]
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise AnnotationError(
            f"{videos.source}: {name} occurs {times} times, so that names do not tell files apart."
        )
    return names


def _remapped(
    bank: str,
    state: dict[str, Tensor],
    found: Tensor,
    wanted: Tensor,
    count: int,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    old_rows, old_written = state[bank + ".rows"], state[bank + ".written_at"]
    rows = F.normalize(torch.randn(count, old_rows.shape[1], generator=generator), dim=1)
    written = torch.full((count,), -1)
    rows[found], written[found] = old_rows[wanted], old_written[wanted]
    return {bank + ".rows": rows, bank + ".written_at": written}
