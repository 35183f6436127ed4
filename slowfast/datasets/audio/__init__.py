"""What an audio network reads of a waveform: one file per kind of features, by ``AUDIO.FEATURES``."""

from __future__ import annotations

from slowfast.datasets.audio.build import AUDIO_FEATURES, AudioFeatures, build_audio_features
from slowfast.datasets.audio.stats import SpectrogramStats

__all__ = ["AUDIO_FEATURES", "AudioFeatures", "SpectrogramStats", "build_audio_features"]
