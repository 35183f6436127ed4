"""From the name of an audio backbone to the module."""

from __future__ import annotations

from typing import Any

from torch import nn

from slowfast.utils.registry import Registry

AUDIO_BACKBONES = Registry("audio backbone", "slowfast.models.audio")


def build_audio_backbone(name: str, **options: Any) -> nn.Module:
    """Return a randomly initialised audio backbone.

    Args:
        name: one of :data:`AUDIO_BACKBONES`, in any case.
        options: keyword arguments of that backbone.

    Raises:
        ConfigError: unknown name; the message lists the nearest.
    """
    return AUDIO_BACKBONES.get(name)(**options)
