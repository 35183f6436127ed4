"""Audio backbones with one interface.

A backbone is a module with ``forward(sound (B, 1, T, F)) -> feature map (B, C, t, f)``, time first
and frequency second, and the attributes ``feature_dim`` (C), ``strides`` (time, frequency) and
``pooling`` (``"avg"`` or ``"max"``: how its authors reduce the map to one vector).
"""

from __future__ import annotations

from typing import Any

from torch import nn

from slowfast.models.audio.registry import AUDIO_BACKBONES


def build_audio_backbone(name: str, **options: Any) -> nn.Module:
    """Return a randomly initialised audio backbone.

    Args:
        name: one of :data:`AUDIO_BACKBONES`, in any case.
        options: keyword arguments of that backbone.

    Raises:
        ConfigError: unknown name; the message lists the nearest.
    """
    return AUDIO_BACKBONES.get(name)(**options)


__all__ = ["AUDIO_BACKBONES", "build_audio_backbone"]
