"""Going on from an earlier pretraining: weights, memory banks and partition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from slowfast.checkpoint.avid_release import from_released, is_released
from slowfast.checkpoint.store import find_checkpoint, load_checkpoint_file
from slowfast.utils.errors import CheckpointError
from slowfast.utils.logging import get_logger

logger = get_logger(__name__)

ENCODER, CRITERION = "encoder.", "criterion."
# Positive sets are searched anew from the banks.
NOT_CARRIED_OVER = (CRITERION + "positives",)


def read_pretraining(path: str | Path) -> tuple[Path, dict[str, Tensor], str | None]:
    """Return file, tensors under our names, and the fingerprint of the list of its banks.

    The fingerprint is None where the file does not tell, as in the AVID-CMA release.

    Raises:
        CheckpointError: missing, damaged, or no pretraining.
    """
    path = find_checkpoint(path)
    content = load_checkpoint_file(path)
    if is_released(content):
        return path, from_released(content), None
    state: Any = content.get("model_state", {})
    if not any(name.startswith(ENCODER) for name in state):
        raise CheckpointError(
            f"{path}: holds no audio-visual pretraining, neither a run of this package nor a file "
            "of the AVID-CMA release."
        )
    return path, dict(state), content.get("list_fingerprint")


def load_pretraining(
    model: nn.Module, path: str | Path, fingerprint: str, parts: str = "all"
) -> None:
    """Fill a model of :mod:`slowfast.ssl` completely, or not at all.

    Args:
        model: has an ``encoder`` and, for ``all``, a ``criterion`` with memory banks.
        path: see :func:`find_checkpoint`.
        fingerprint: of the list of training files, see :meth:`VideoList.fingerprint`.
        parts: ``all``, or ``weights`` for the encoder alone.

    Raises:
        CheckpointError: tensors are missing or of another shape, or the banks belong to another
            list of files.
    """
    path, state, theirs = read_pretraining(path)
    prefixes = (ENCODER, CRITERION) if parts == "all" else (ENCODER,)
    if parts == "all":
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
            f"{', '.join((missing + misfits + unknown)[:3])}. Check MODEL.ARCH, AUDIO.ARCH and "
            "SSL.PROJECTION."
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
        "take the weights alone with SSL.CHECKPOINT_PARTS weights."
    )
