"""Continuing from an earlier pretraining: weights, memory banks and partition."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from slowfast.checkpoint.formats import FORMATS, CheckpointFormat
from slowfast.checkpoint.formats.base import AUDIO, VIDEO, WRAPPER
from slowfast.checkpoint.store import check_architecture, open_checkpoint
from slowfast.models.parts import parts_of
from slowfast.utils.errors import CheckpointError
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
            if holds_networks(fmt, content, backbones):
                return Pretraining(path, whole_state(fmt, content), None)
        wanted = " and ".join(part.removesuffix("_backbone") for part in backbones)
        raise CheckpointError(
            f"{path}: holds no pretraining of {wanted}, neither a run of this package nor a file of "
            "the AVID-CMA or the GDT release."
        )
    check_architecture(path, content, architecture or {})
    return Pretraining(path, dict(state), content.get("list_fingerprint"))


def holds_networks(
    fmt: CheckpointFormat, content: Mapping[str, Any], backbones: Collection[str]
) -> bool:
    """Tell whether a file has the names of a format, for some parts."""
    parsed = fmt.parse(content)
    return set(backbones) <= parsed.parts.keys() and not parsed.unknown


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
