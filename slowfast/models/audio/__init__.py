"""Audio backbones with one interface.

A backbone is a module with ``forward(sound (B, 1, T, F)) -> feature map (B, C, t, f)``, with time and
frequency in the order of the features (``AUDIO.FEATURES``) it was published with, and the attributes ``feature_dim`` (C), ``strides`` (time, frequency) and
``pooling`` (``"avg"`` or ``"max"``: how its authors reduce the map to one vector).
"""

from __future__ import annotations

from slowfast.models.audio.build import AUDIO_BACKBONES, build_audio_backbone

__all__ = ["AUDIO_BACKBONES", "build_audio_backbone"]
