"""Writing checkpoints of the AVID-CMA release from runs of this package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from slowfast.checkpoint.formats.base import WRAPPER
from slowfast.checkpoint.formats.releases import AVID_CRITERION, AVID_PARTS
from slowfast.checkpoint.store import open_checkpoint
from slowfast.utils.errors import CheckpointError
from slowfast.utils.files import atomic_write


def to_released(state: Mapping[str, Tensor], epoch: int) -> dict[str, Any]:
    """Return a file of the release from the ``model_state`` of a run.

    Args:
        state: of an AVID or AVID-CMA model.
        epoch: finished epochs.

    Raises:
        CheckpointError: the state is that of another model.
    """
    released = {
        WRAPPER + theirs + name.removeprefix(f"encoder.{ours}."): tensor
        for name, tensor in state.items()
        for theirs, ours in AVID_PARTS.items()
        if name.startswith(f"encoder.{ours}.")
    }
    criterion = {
        theirs: state["criterion." + ours]
        for theirs, ours in AVID_CRITERION.items()
        if "criterion." + ours in state
    }
    encoder = [name for name in state if name.startswith("encoder.")]
    if not encoder or len(released) < len(encoder) or len(criterion) < 3:
        raise CheckpointError("This checkpoint holds no AVID or AVID-CMA model.")
    return {"epoch": epoch, "model": released, "train_criterion": criterion}


def export_file(path: str | Path, out: str | Path) -> Path:
    """Write a checkpoint of a run as a file of the release and return its path.

    Args:
        path: a checkpoint, or the folder of a run for its newest.
        out: the file to write.

    Raises:
        CheckpointError: it is missing, damaged, or that of another model.
    """
    _, content = open_checkpoint(path)
    epoch = content.get("progress", {}).get("epoch", 0)
    released = to_released(content.get("model_state", {}), epoch)
    with atomic_write(out) as file:
        torch.save(released, file)
    return Path(out)
