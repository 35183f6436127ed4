"""Writing checkpoints in the layout of the releases from runs of this package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from slowfast.checkpoint.formats.base import (
    AUDIO,
    AUDIO_HEAD,
    POOLING,
    TEXT,
    TEXT_HEAD,
    VIDEO,
    VIDEO_HEAD,
    WRAPPER,
)
from slowfast.checkpoint.formats.releases import (
    AVID_CRITERION,
    AVID_PARTS,
    GDT_HEAD,
    GDT_TEXT,
    POOLING_LAYER,
)
from slowfast.checkpoint.store import open_checkpoint, saved_key
from slowfast.utils.errors import CheckpointError
from slowfast.utils.files import atomic_write


def to_released(state: Mapping[str, Tensor], epoch: int) -> dict[str, Any]:
    """Return a file of the release from the ``model_state`` of a run.

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


# Parts of ours -> where they stand in GDT's and STiCA's files, and what their layers are called.
GDT_LAYOUT = {
    VIDEO: ("video_network.base.", {}),
    AUDIO: ("audio_network.base.", {}),
    TEXT: ("text_network.", {ours: theirs for theirs, ours in GDT_TEXT.items()}),
    POOLING: ("video_pooling.2.", {ours: theirs for theirs, ours in POOLING_LAYER.items()}),
    VIDEO_HEAD: ("mlp_v.", {ours: theirs for theirs, ours in GDT_HEAD.items()}),
    AUDIO_HEAD: ("mlp_a.", {ours: theirs for theirs, ours in GDT_HEAD.items()}),
    TEXT_HEAD: ("mlp_t.", {ours: theirs for theirs, ours in GDT_HEAD.items()}),
}


def to_gdt_released(state: Mapping[str, Tensor], epoch: int) -> dict[str, Any]:
    """Return a file of the GDT release from the ``model_state`` of a run; see :func:`to_released`.

    The classifier of the audio network, which that code builds and never uses, is zero.
    """
    if f"encoder.{VIDEO_HEAD}.projection.5.weight" not in state:
        raise CheckpointError("This checkpoint holds no GDT or STiCA model (SSL.HEAD batchnorm).")
    released: dict[str, Tensor] = {}
    for part, (prefix, layers) in GDT_LAYOUT.items():
        own = f"encoder.{part}."
        names = [name for name in state if name.startswith(own)]
        if part == POOLING and f"{own}positions.weight" in state:
            count = len(state[f"{own}positions.weight"])
            released[f"{prefix}pos_ids"] = torch.arange(count)[None]
        for name in names:
            released[prefix + _renamed(name.removeprefix(own), layers)] = state[name]
        if part == AUDIO and names:
            classifier = {"fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}
            released |= {prefix + name: tensor for name, tensor in classifier.items()}
    return {"model": released, "epoch": epoch}


def _renamed(name: str, layers: Mapping[str, str]) -> str:
    if name == "positions.weight":
        return "pos_embs.0.weight"
    begin, _, rest = name.partition("layers.")
    number = f"{rest.partition('.')[0]}." if rest and not begin else ""
    inner = rest.removeprefix(number) if number else name
    layer, _, leaf = inner.rpartition(".")
    return ("transformer." + number if number else "") + f"{layers.get(layer, layer)}.{leaf}"


def to_stica_released(state: Mapping[str, Tensor], epoch: int) -> dict[str, Any]:
    """Return a file in STiCA's layout from the ``model_state`` of a run; see :func:`to_released`."""
    released = to_gdt_released(state, epoch)["model"]
    return {"epoch": epoch, "state_dict": {WRAPPER + name: x for name, x in released.items()}}


# By MODEL.MODEL_NAME in lower case.
LAYOUTS = {"gdt": to_gdt_released, "gdt_text": to_gdt_released, "stica": to_stica_released}


def export_file(path: str | Path, out: str | Path) -> Path:
    """Write a checkpoint of a run as a file of its method's release and return its path.

    Args:
        path: a checkpoint, or the folder of a run for its newest.
        out: the file to write.

    Raises:
        CheckpointError: it is missing, damaged, or that of another model.
    """
    _, content = open_checkpoint(path)
    epoch = content.get("progress", {}).get("epoch", 0)
    name = saved_key(content, "MODEL.MODEL_NAME") or ""
    released = LAYOUTS.get(name.lower(), to_released)(content.get("model_state", {}), epoch)
    with atomic_write(out) as file:
        torch.save(released, file)
    return Path(out)
