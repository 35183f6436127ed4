"""Video backbones with one interface.

A backbone is a module with ``forward(clip (B, 3, T, H, W)) -> feature map (B, C, t, h, w)`` and
the attributes ``feature_dim`` (C), ``strides`` (time, height, width) and ``pooling`` (``"avg"`` or
``"max"``: how its authors reduce the map to one vector).
"""

from __future__ import annotations

from slowfast.models.backbones.build import BACKBONES, build_backbone

__all__ = ["BACKBONES", "build_backbone"]
