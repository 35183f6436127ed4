"""The checkpoints that the AVID-CMA release reads and writes, to and from our names.

A file holds ``model`` (names begin with ``module.``), ``train_criterion`` (both memory banks, the
partition, for CMA the positive sets), ``epoch``, and ``optimizer``, which is neither read nor written
here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from slowfast.checkpoint.store import open_checkpoint
from slowfast.utils.errors import CheckpointError
from slowfast.utils.files import atomic_write

WRAPPER = "module."
PARTS = {
    "video_model.": "encoder.video_backbone.",
    "audio_model.": "encoder.audio_backbone.",
    "video_proj.": "encoder.video_projection.",
    "audio_proj.": "encoder.audio_projection.",
}
CRITERION = {
    "nce_average.view1_mem": "criterion.video_bank.rows",
    "nce_average.view2_mem": "criterion.audio_bank.rows",
    "nce_average.positive_set": "criterion.positives",
    "criterion.avg_exp_score": "criterion.partition",
}


def is_released(content: Mapping[str, Any]) -> bool:
    """Tell whether a file has the layout of the release."""
    names = content.get("model")
    return isinstance(names, Mapping) and any(
        name.removeprefix(WRAPPER).startswith(tuple(PARTS)) for name in names
    )


def from_released(content: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the tensors of a released file under our names.

    Raises:
        CheckpointError: a tensor that this layout does not know.
    """
    state = {}
    for name, tensor in content["model"].items():
        bare = name.removeprefix(WRAPPER)
        state[_renamed(bare, PARTS)] = tensor
    for name, tensor in content.get("train_criterion", {}).items():
        ours = CRITERION.get(name.removeprefix(WRAPPER))
        if ours is None:
            raise CheckpointError(f"train_criterion.{name}: no tensor of the AVID-CMA release.")
        # Some versions wrote the partition as a vector of one number.
        state[ours] = tensor.reshape(()) if ours.endswith("partition") else tensor
    for bank in ("video_bank", "audio_bank"):
        rows = state.get(f"criterion.{bank}.rows")
        if rows is not None:
            state[f"criterion.{bank}.written_at"] = torch.zeros(len(rows), dtype=torch.int64)
            state[f"criterion.{bank}.updates"] = torch.tensor(1)
    return state


def to_released(state: Mapping[str, Tensor], epoch: int) -> dict[str, Any]:
    """Return a file of the release from the ``model_state`` of a run.

    Args:
        state: of an AVID or AVID-CMA model.
        epoch: finished epochs.

    Raises:
        CheckpointError: the state is that of another model.
    """
    backwards = {ours: theirs for theirs, ours in PARTS.items()}
    encoder = {k: v for k, v in state.items() if k.startswith("encoder.")}
    criterion = {theirs: state[ours] for theirs, ours in CRITERION.items() if ours in state}
    if not encoder or len(criterion) < 3:
        raise CheckpointError("This checkpoint holds no AVID or AVID-CMA model.")
    return {
        "epoch": epoch,
        "model": {WRAPPER + _renamed(name, backwards): t for name, t in encoder.items()},
        "train_criterion": criterion,
    }


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


def _renamed(name: str, parts: Mapping[str, str]) -> str:
    for old, new in parts.items():
        if name.startswith(old):
            return new + name.removeprefix(old)
    raise CheckpointError(f"{name}: belongs to no part of an AVID model ({', '.join(parts)}).")
