"""Log filter banks as GDT and STiCA read them, on any device.

The log filter bank energies of ``python_speech_features`` 0.6, with which both releases compute
their input: pre-emphasis, rectangular windows, triangular filters that are evenly spaced in mel,
natural logarithm. Samples are whole numbers of 16 bits, as ffmpeg hands them over.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from slowfast.datasets.audio.build import AUDIO_FEATURES, AudioFeatures
from slowfast.datasets.audio.stats import SpectrogramStats
from slowfast.utils.errors import ConfigError
from slowfast.utils.precision import at_least_float32

FULL_SCALE = 32768
PRE_EMPHASIS = 0.97
SMALLEST_ENERGY = float(np.finfo(np.float64).eps)  # in place of zero


def mel_filters(num_mels: int, fft_size: int, sample_rate: int) -> Tensor:
    """Return triangular filters ``(M, fft_size // 2 + 1)``, float64, from 0 to half the rate.

    Edges lie on whole bins of the transform, so that low filters can be empty where there are many.
    """
    top = 2595 * math.log10(1 + sample_rate / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, top, num_mels + 2) / 2595) - 1)
    edges = np.floor((fft_size + 1) * hertz / sample_rate).astype(np.int64)
    filters = np.zeros((num_mels, fft_size // 2 + 1))
    for row, (low, middle, high) in enumerate(zip(edges, edges[1:], edges[2:], strict=False)):
        filters[row, low:middle] = (np.arange(low, middle) - low) / max(middle - low, 1)
        filters[row, middle:high] = (high - np.arange(middle, high)) / max(high - middle, 1)
    return torch.from_numpy(filters)


def num_columns(num_samples: int, window: int, step: int) -> int:
    """Return the number of windows that cover so many samples, the last one filled with zeros."""
    return 1 + math.ceil(max(num_samples - window, 0) / step)


def log_mel(waveform: Tensor, filters: Tensor, fft_size: int, window: int, step: int) -> Tensor:
    """Return the logarithm of the energy under each filter over time.

    Computed in float32, also under autocast; a float64 waveform stays in float64.

    Args:
        waveform: ``(B, S)`` samples, in [-1, 1].
        filters: ``(M, fft_size // 2 + 1)``.
        fft_size: length of the Fourier transform.
        window, step: samples under one window, and from one to the next.

    Returns:
        ``(B, 1, M, T)``, see :func:`num_columns`; silence is ``log(2.2e-16)``, as are empty filters.
    """
    with torch.autocast(waveform.device.type, enabled=False):
        samples = (at_least_float32(waveform) * FULL_SCALE).round()
        samples = samples.clamp(-FULL_SCALE, FULL_SCALE - 1)
        emphasised = samples - PRE_EMPHASIS * F.pad(samples, (1, 0))[:, :-1]
        columns = num_columns(samples.shape[1], window, step)
        missing = window + (columns - 1) * step - samples.shape[1]
        windows = F.pad(emphasised, (0, missing)).unfold(1, window, step)
        power = torch.view_as_real(torch.fft.rfft(windows, fft_size)).square().sum(-1) / fft_size
        energy = power @ filters.T.to(power)
        energy = energy.masked_fill(energy == 0, SMALLEST_ENERGY)
        return energy.log().transpose(1, 2).unsqueeze(1)


@AUDIO_FEATURES.register(name="log_mel")
class LogMel(AudioFeatures):
    """Log filter banks ``(B, 1, M, T)``, frequency first; windows overlap by half.

    Args:
        num_mels: M; GDT has 40, STiCA 257.
        sample_rate, duration, fft_size, frames_per_second, stats: see :class:`AudioFeatures`.

    Raises:
        ConfigError: sizes that do not go together, or statistics of other features.
    """

    name, time_dim = "log_mel", 3

    def __init__(
        self,
        num_mels: int = 40,
        sample_rate: int = 24000,
        duration: float = 1.0,
        fft_size: int = 1024,
        frames_per_second: float = 100,
        stats: SpectrogramStats | None = None,
    ) -> None:
        step = round(sample_rate / frames_per_second)
        if not 0 < 2 * step <= fft_size:
            raise ConfigError(
                f"AUDIO.FFT_SIZE {fft_size} must hold a window of {2 * step} samples: two columns at "
                f"AUDIO.FRAMES_PER_SECOND {frames_per_second:g} and AUDIO.SAMPLE_RATE {sample_rate}."
            )
        columns = num_columns(round(duration * sample_rate), 2 * step, step)
        shape = (1, num_mels, columns)
        super().__init__(sample_rate, duration, fft_size, frames_per_second, shape, stats)
        self.step = step
        filters = mel_filters(num_mels, fft_size, sample_rate)
        self.register_buffer("filters", filters, persistent=False)

    @classmethod
    def options(cls, audio) -> dict[str, Any]:
        """Return the number of filters."""
        return {"num_mels": audio.NUM_MELS}

    def levels(self, waveform: Tensor) -> Tensor:
        """Return the log energies ``(B, 1, M, T)``."""
        return log_mel(waveform, self.filters, self.fft_size, 2 * self.step, self.step)

    def extra_repr(self) -> str:
        """Say what makes these features, for the record."""
        return f"{self.output_shape[1]} filters"
