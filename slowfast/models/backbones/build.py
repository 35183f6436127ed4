"""From the name of a video backbone to the module."""

from __future__ import annotations

from typing import Any

from torch import nn

from slowfast.utils.registry import Registry

BACKBONES = Registry("video backbone", "slowfast.models.backbones")


def build_backbone(name: str, **options: Any) -> nn.Module:
    """Return a randomly initialised backbone.

    Args:
        name: one of :data:`BACKBONES`, in any case.
        options: keyword arguments of that backbone.

    Raises:
        ConfigError: unknown name; the message lists the nearest.
    """
    return BACKBONES.get(name)(**options)
