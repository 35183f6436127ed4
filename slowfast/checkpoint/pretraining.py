"""Continuing from an earlier pretraining: weights, memory banks and partition; banks for another list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from slowfast.checkpoint.formats import FORMATS, CheckpointFormat
from slowfast.checkpoint.formats.base import AUDIO, VIDEO, WRAPPER
from slowfast.checkpoint.store import check_architecture, open_checkpoint
from slowfast.datasets.items import ItemTable
from slowfast.models.parts import parts_of
from slowfast.utils.errors import AnnotationError, CheckpointError
from slowfast.utils.files import atomic_write
from slowfast.utils.logging import get_logger

logger = get_logger(__name__)


class Pretraining(NamedTuple):
    """What a checkpoint holds.

    Attributes:
        path: the file.
        state: its tensors under our names.
        fingerprint: of the list of files that its memory banks belong to; None where the file does
            not tell, as in the AVID-CMA release.
    """

    path: Path
    state: dict[str, Tensor]
    fingerprint: str | None


ENCODER, CRITERION = "encoder.", "criterion."
BACKBONES = (VIDEO, AUDIO)
# Positive sets are searched anew from the banks.
NOT_CARRIED_OVER = (CRITERION + "positives",)


def read_pretraining(
    path: str | Path,
    architecture: Mapping[str, str] | None = None,
    backbones: Collection[str] = BACKBONES,
) -> Pretraining:
    """Read a pretraining, our own or a released one.

    Args:
        path: see :func:`open_checkpoint`.
        backbones: parts that a released file must have.
        architecture: ``MODEL.ARCH`` and ``AUDIO.ARCH`` that a run must have had.

    Raises:
        CheckpointError: missing, damaged, or no pretraining.
    """
    path, content = open_checkpoint(path)
    state: Any = content.get("model_state", {})
    if not any(name.startswith(ENCODER) for name in state):
        for fmt in map(FORMATS.get, FORMATS):
            parsed = fmt.parse(content)
            if set(backbones) <= parsed.parts.keys() and not parsed.unknown:
                return Pretraining(path, whole_state(fmt, content), None)
        wanted = " and ".join(part.removesuffix("_backbone") for part in backbones)
        raise CheckpointError(
            f"{path}: holds no pretraining of {wanted}, neither a run of this package nor a file of "
            "the AVID-CMA or the GDT release."
        )
    check_architecture(path, content, architecture or {})
    return Pretraining(path, dict(state), content.get("list_fingerprint"))


def whole_state(fmt: CheckpointFormat, content: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the networks and memory banks of a foreign file under our names.

    Raises:
        CheckpointError: a tensor of the criterion that the format does not know.
    """
    parsed = fmt.parse(content)
    state = {
        f"{ENCODER}{part}.{name}": tensor
        for part in parsed.parts
        for name, tensor in parsed.part(part).items()
    }
    for theirs, tensor in content.get(fmt.criterion_at, {}).items():
        ours = fmt.criterion.get(theirs.removeprefix(WRAPPER))
        if ours is None:
            raise CheckpointError(f"{fmt.criterion_at}.{theirs}: no tensor of {fmt.title}.")
        # Some versions wrote the partition as a vector of one number.
        state[CRITERION + ours] = tensor.reshape(()) if ours == "partition" else tensor
    for bank in ("video_bank", "audio_bank"):
        rows = state.get(f"{CRITERION}{bank}.rows")
        if rows is not None:
            state[f"{CRITERION}{bank}.written_at"] = torch.zeros(len(rows), dtype=torch.int64)
            state[f"{CRITERION}{bank}.updates"] = torch.tensor(1)
    return state


def load_pretraining(
    model: nn.Module,
    path: str | Path,
    fingerprint: str,
    parts: str = "all",
    architecture: Mapping[str, str] | None = None,
) -> None:
    """Fill a model of :mod:`slowfast.ssl` completely, or not at all.

    Args:
        model: has an ``encoder`` and, for ``all``, maybe a ``criterion`` with memory banks.
        path: see :func:`open_checkpoint`.
        fingerprint: of the list of training files, see :meth:`ItemTable.fingerprint`.
        parts: ``all``, or ``weights`` for the encoder alone.
        architecture: see :func:`read_pretraining`.

    Raises:
        CheckpointError: tensors are missing or of another shape, or the banks belong to another
            list of files.
    """
    backbones = [part for part in parts_of(model) if part.endswith("_backbone")]
    path, state, theirs = read_pretraining(path, architecture, backbones)
    prefixes = (ENCODER, CRITERION) if parts == "all" else (ENCODER,)
    if parts == "all" and any(name.startswith(CRITERION) for name in model.state_dict()):
        _check_list(path, state, theirs, model, fingerprint)
    wanted = {
        name: tensor
        for name, tensor in model.state_dict().items()
        if name.startswith(prefixes) and name not in NOT_CARRIED_OVER
    }
    missing = [name for name in wanted if name not in state]
    misfits = [n for n in wanted if n in state and state[n].shape != wanted[n].shape]
    unknown = [
        name
        for name in state
        if name.startswith(ENCODER) and name not in wanted  # a head of more layers, say
    ]
    if missing or misfits or unknown:
        raise CheckpointError(
            f"{path} (SSL.CHECKPOINT) does not fit: {len(missing)} tensors missing, {len(misfits)} "
            f"of another shape, {len(unknown)} of a larger network; first: "
            f"{', '.join((missing + misfits + unknown)[:3])}. Check MODEL.ARCH, AUDIO.ARCH, "
            "SSL.PROJECTION and SSL.HEAD."
        )
    model.load_state_dict({name: state[name] for name in wanted}, strict=False)
    logger.info("Starting from %s (%s): %d tensors.", path, parts, len(wanted))


def _check_list(
    path: Path, state: dict[str, Tensor], theirs: str | None, model: nn.Module, ours: str
) -> None:
    if theirs == ours:
        return
    rows = len(state.get(CRITERION + "video_bank.rows", ()))
    said = f"another list of {rows} files" if theirs else f"a list of {rows} files it does not name"
    raise CheckpointError(
        f"{path} (SSL.CHECKPOINT): its memory banks belong to {said}; this run trains on "
        f"{len(model.criterion.video_bank)}. A memory is only worth something for its own file. "
        "Bring the banks to this list with 'python tools/remap_bank.py', train on the old list, or "
        "take the weights alone with SSL.CHECKPOINT_PARTS weights. 'python tools/prepare_data.py "
        "manifest' writes the list that remap_bank.py needs."
    )


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
