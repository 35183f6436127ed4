"""Audio backbones with one interface.

A backbone is a module with ``forward(sound (B, 1, T, F)) -> feature map (B, C, t, f)``, with time and
frequency in the order of the features (``AUDIO.FEATURES``) it was published with, and the attributes ``feature_dim`` (C), ``strides`` (time, frequency) and
``pooling`` (``"avg"`` or ``"max"``: how its authors reduce the map to one vector).
"""

from __future__ import annotations

from torch import nn

from slowfast.utils.registry import Registry

AUDIO_BACKBONES = Registry("audio backbone", "slowfast.models.audio")


def build_audio_backbone(name: str) -> nn.Module:
    """Return an audio backbone of :data:`AUDIO_BACKBONES`, with random weights.

    Raises:
        ConfigError: unknown name; the message lists the nearest.
    """
    return AUDIO_BACKBONES.get(name)()
