"""Video backbones with one interface.

A backbone is a module with ``forward(clip (B, 3, T, H, W)) -> feature map (B, C, t, h, w)`` and
the attributes ``feature_dim`` (C), ``strides`` (time, height, width) and ``pooling`` (``"avg"`` or
``"max"``: how its authors reduce the map to one vector).
"""

from __future__ import annotations

from torch import nn

from slowfast.utils.registry import Registry

BACKBONES = Registry("video backbone", "slowfast.models.backbones")


def build_backbone(name: str) -> nn.Module:
    """Return a backbone of :data:`BACKBONES`, with random weights.

    Raises:
        ConfigError: unknown name; the message lists the nearest.
    """
    return BACKBONES.get(name)()
