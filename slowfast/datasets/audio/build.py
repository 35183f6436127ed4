"""The contract of audio features, their registry, and how a config names them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from slowfast.datasets.audio.stats import SpectrogramStats
from slowfast.datasets.audio.waveform import fit_length
from slowfast.utils.registry import Registry

# Each entry is a subclass of AudioFeatures.
AUDIO_FEATURES = Registry("audio features (AUDIO.FEATURES)", "slowfast.datasets.audio")

EPSILON = 1e-5


class AudioFeatures(nn.Module, ABC):
    """Bring waveforms to one length, take their levels and normalise these per frequency.

    Args:
        sample_rate: samples per second.
        duration: seconds of audio; longer waveforms are cut at their end, shorter ones continue
            with silence.
        fft_size: length of the Fourier transform.
        frames_per_second: columns per second.
        shape: ``(1, ., .)`` of the levels of one waveform.
        stats: mean and deviation of each frequency; None leaves levels as they are.

    Attributes:
        name: in the registry and in files of statistics.
        time_dim: which dimension of the output ``(B, 1, ., .)`` is time: 2 or 3.
        num_samples: samples of a waveform.
        output_shape: ``(1, ., .)`` of one waveform.

    Raises:
        ConfigError: statistics of other features.
    """

    name: str
    time_dim: int

    def __init__(
        self,
        sample_rate: int,
        duration: float,
        fft_size: int,
        frames_per_second: float,
        shape: tuple[int, int, int],
        stats: SpectrogramStats | None = None,
    ) -> None:
        super().__init__()
        self.num_samples, self.output_shape = round(duration * sample_rate), shape
        self.sample_rate, self.fft_size = sample_rate, fft_size
        self.frames_per_second = frames_per_second
        if stats is not None:
            stats.require(**self.kind)
        self.register_buffer("mean", stats and torch.tensor(stats.mean), persistent=False)
        self.register_buffer("std", stats and torch.tensor(stats.std), persistent=False)

    @classmethod
    def from_cfg(cls, audio, stats: str = "") -> AudioFeatures:
        """Build from the node ``AUDIO``, normalised by the statistics of that name or path."""
        build = partial(
            cls,
            sample_rate=audio.SAMPLE_RATE,
            duration=audio.DURATION,
            fft_size=audio.FFT_SIZE,
            frames_per_second=audio.FRAMES_PER_SECOND,
            **cls.options(audio),
        )
        features = build()
        return build(stats=SpectrogramStats.load(stats, **features.kind)) if stats else features

    @classmethod
    def options(cls, audio) -> dict[str, Any]:
        """Return the arguments that only these features have, from the node ``AUDIO``."""
        return {}

    @abstractmethod
    def levels(self, waveform: Tensor) -> Tensor:
        """Return the levels ``(B, 1, ., .)`` of waveforms ``(B, num_samples)``, not normalised."""

    @property
    def kind(self) -> dict[str, str | int]:
        """What statistics must have been measured on."""
        return {
            "features": self.name,
            "sample_rate": self.sample_rate,
            "fft_size": self.fft_size,
            "num_bins": self.output_shape[4 - self.time_dim],
        }

    def forward(self, waveform: Tensor) -> Tensor:
        """Return ``(B, *output_shape)`` of a waveform ``(B, S)``; ``S = 0`` is silence."""
        levels = self.levels(fit_length(waveform, self.num_samples))
        if self.mean is None:
            return levels
        mean, std = (
            (self.mean, self.std) if self.time_dim == 2 else (self.mean[:, None], self.std[:, None])
        )
        return (levels - mean) / (std + EPSILON)


def build_audio_features(audio, normalise: bool = True) -> AudioFeatures:
    """Return what the keys of ``cfg.AUDIO`` describe.

    Args:
        audio: the node ``AUDIO``.
        normalise: False ignores ``AUDIO.NORM_STATS`` and gives levels.

    Raises:
        ConfigError: unknown features, statistics that are missing or do not fit, or sizes that do
            not go together.
    """
    features = AUDIO_FEATURES.get(audio.FEATURES)
    return features.from_cfg(audio, audio.NORM_STATS if normalise else "")
