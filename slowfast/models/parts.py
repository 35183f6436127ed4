"""The named parts of a model: what is loaded, frozen, warmed up or learns at its own rate.

Names are ``<modality>_backbone``, ``<modality>_pooling``, ``<modality>_projection`` and ``head`` (the
classifier).
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import nn

HEAD = "head"
VIDEO_BACKBONE = "video_backbone"
VIDEO_POOLING = "video_pooling"
PRETRAINED = (
    "_backbone",
    "_pooling",
)  # what the names of parts end in that come with a pretraining


@runtime_checkable
class HasParts(Protocol):
    """A model that names its parts."""

    def parts(self) -> dict[str, nn.Module]:
        """Return the parts by name; each module is one of the model's own."""


def parts_of(model: nn.Module) -> dict[str, nn.Module]:
    """Return the parts of a model; a bare network is a video backbone and nothing else."""
    return model.parts() if isinstance(model, HasParts) else {VIDEO_BACKBONE: model}


def backbones_of(model: nn.Module) -> list[nn.Module]:
    """Return the backbones of a model and what pools their maps; a bare network has none."""
    if not isinstance(model, HasParts):
        return []
    return [part for name, part in model.parts().items() if name.endswith(PRETRAINED)]


def prefix_of(model: nn.Module, part: str) -> str:
    """Return what stands before the names of a part's tensors in the model's state dict."""
    wanted = parts_of(model)[part]
    name = next(name for name, module in model.named_modules() if module is wanted)
    return f"{name}." if name else ""
