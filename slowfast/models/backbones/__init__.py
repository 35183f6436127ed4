"""Video backbones with one interface.

A backbone is a module with ``forward(clip (B, 3, T, H, W)) -> feature map (B, C, t, h, w)`` and
the attributes ``feature_dim`` (C), ``strides`` (time, height, width) and ``pooling`` (``"avg"`` or
``"max"``: how its authors reduce the map to one vector).
"""

from __future__ import annotations

from typing import Any

from torch import nn

from slowfast.models.backbones.registry import BACKBONES


def build_backbone(name: str, **options: Any) -> nn.Module:
    """Return a randomly initialised backbone.

    Args:
        name: one of :data:`BACKBONES`, in any case.
        options: keyword arguments of that backbone.

    Raises:
        ConfigError: unknown name; the message lists the nearest.
    """
    return BACKBONES.get(name)(**options)


__all__ = ["BACKBONES", "build_backbone"]
