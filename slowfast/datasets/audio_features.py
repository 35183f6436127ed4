"""From waveforms to the log-power spectrograms that AVID's audio network reads, on any device.

Morgado, Vasconcelos and Misra, "Audio-Visual Instance Discrimination with Cross-Modal Agreement".
A centred short-time Fourier transform under a Hann window; the power of all frequencies but the
first is averaged in neighbouring pairs, brought to decibels and normalised per frequency.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from slowfast.datasets.spectrogram_stats import SpectrogramStats
from slowfast.utils.errors import ConfigError
from slowfast.utils.precision import at_least_float32

PADDINGS = ("reflect", "constant")
SMALLEST_POWER = 1e-10
DYNAMIC_RANGE_DB = 100.0
EPSILON = 1e-5


def num_frames(num_samples: int, sample_rate: int, frames_per_second: float) -> int:
    """Return the number of columns of the spectrogram of so many samples."""
    return int(num_samples * frames_per_second / sample_rate)


def num_bins(fft_size: int) -> int:
    """Return the number of frequencies of a spectrogram: the first, and pairs of the others."""
    return fft_size // 4 + 1


def fit_length(waveform: Tensor, num_samples: int) -> Tensor:
    """Cut ``(..., S)`` at its end, or lengthen it there with zeros, to ``(..., num_samples)``.

    A waveform of no sample at all becomes silence.
    """
    missing = num_samples - waveform.shape[-1]
    return F.pad(waveform, (0, missing)) if missing > 0 else waveform[..., :num_samples]


def draw_gain(strength: float, rng: np.random.Generator) -> float:
    """Draw the factor of one waveform from ``[1 - strength, 1 + strength]``."""
    return float(rng.uniform(1.0 - strength, 1.0 + strength))


def log_spectrogram(
    waveform: Tensor,
    sample_rate: int = 24000,
    fft_size: int = 1024,
    frames_per_second: float = 100,
    padding: str = "reflect",
) -> Tensor:
    """Return the power of each frequency over time, in decibels.

    Computed in float32, also under autocast; a float64 waveform stays in float64. Nothing lies more than 100 dB below the maximum of
    its own clip; silence is -100 dB everywhere.

    Args:
        waveform: ``(B, S)`` samples, in [-1, 1].
        sample_rate: samples per second.
        fft_size: samples under one window, a multiple of 4. What AVID's configs call ``n_fft``
            is half of it: their 512 is 1024 here and gives 257 frequencies, their 256 gives 129.
        frames_per_second: columns per second; the window moves by whole samples, rounded down.
        padding: what lies beyond both ends, half a window each: ``reflect`` (the mirror image,
            back and forth where the sound is shorter than that) or ``constant`` (zeros).

    Returns:
        ``(B, 1, T, F)`` with ``T = int(S / sample_rate * frames_per_second)`` and
        ``F = fft_size // 4 + 1``.

    Raises:
        ConfigError: sizes that do not go together, or a waveform shorter than one column.
    """
    samples = waveform.shape[-1]
    frames = _check(samples, sample_rate, fft_size, frames_per_second, padding)
    with torch.autocast(waveform.device.type, enabled=False):
        padded = _pad(at_least_float32(waveform), fft_size // 2, padding)
        spectrum = torch.stft(
            padded,
            n_fft=fft_size,
            hop_length=int(sample_rate / frames_per_second),
            window=torch.hann_window(fft_size, dtype=padded.dtype, device=padded.device),
            center=False,
            return_complex=True,
        )[..., :frames]
        power = torch.view_as_real(spectrum).square().sum(dim=-1).transpose(1, 2)
        pairs = power[..., 1:].unflatten(-1, (-1, 2)).mean(dim=-1)
        power = torch.cat([power[..., :1], pairs], dim=-1)
        decibels = 10.0 * power.clamp(min=SMALLEST_POWER).log10()
        floor = decibels.amax(dim=(1, 2), keepdim=True) - DYNAMIC_RANGE_DB
        return torch.maximum(decibels, floor).unsqueeze(1)


def _check(
    samples: int, sample_rate: int, fft_size: int, frames_per_second: float, padding: str
) -> int:
    """Return the number of columns, at least 1."""
    if fft_size < 4 or fft_size % 4:
        raise ConfigError(f"AUDIO.FFT_SIZE {fft_size} must be a multiple of 4, such as 1024.")
    if not 0 < frames_per_second <= sample_rate:
        raise ConfigError(
            f"AUDIO.FRAMES_PER_SECOND {frames_per_second:g} must lie between 0 and "
            f"AUDIO.SAMPLE_RATE {sample_rate}."
        )
    if padding not in PADDINGS:
        raise ConfigError(f"AUDIO.PADDING {padding!r}: choose one of {', '.join(PADDINGS)}.")
    frames = num_frames(samples, sample_rate, frames_per_second)
    if not frames:
        raise ConfigError(
            f"{samples} samples are shorter than one column of the spectrogram; raise "
            f"AUDIO.DURATION or AUDIO.FRAMES_PER_SECOND ({frames_per_second:g})."
        )
    return frames


def _pad(waveform: Tensor, width: int, padding: str) -> Tensor:
    """Lengthen ``(B, S)`` by ``width`` samples on both sides."""
    samples = waveform.shape[-1]
    if padding == "constant":
        return F.pad(waveform, (width, width))
    if samples > width:
        return F.pad(waveform, (width, width), mode="reflect")
    # The mirror image of a short sound is mirrored again, as often as it takes.
    period = max(2 * (samples - 1), 1)
    place = torch.arange(-width, samples + width, device=waveform.device) % period
    return waveform[:, torch.where(place < samples, place, period - place)]


class LogSpectrogram(nn.Module):
    """Bring waveforms to one length, take their spectrogram and normalise it.

    Args:
        sample_rate, fft_size, frames_per_second, padding: see :func:`log_spectrogram`.
        duration: seconds of sound; longer waveforms are cut at their end, shorter ones go on with
            silence.
        stats: mean and deviation of each frequency; None leaves decibels as they are.

    Attributes:
        num_samples: samples of a waveform.
        output_shape: ``(1, T, F)`` of one spectrogram.

    Raises:
        ConfigError: sizes that do not go together, or statistics of another spectrogram.
    """

    def __init__(
        self,
        sample_rate: int = 24000,
        duration: float = 2.0,
        fft_size: int = 1024,
        frames_per_second: float = 100,
        padding: str = "reflect",
        stats: SpectrogramStats | None = None,
    ) -> None:
        super().__init__()
        self.num_samples = round(duration * sample_rate)
        frames = _check(self.num_samples, sample_rate, fft_size, frames_per_second, padding)
        self.output_shape = (1, frames, num_bins(fft_size))
        self.sample_rate, self.fft_size = sample_rate, fft_size
        self.frames_per_second, self.padding = frames_per_second, padding
        if stats is not None:
            stats.require(sample_rate, fft_size)
        self.register_buffer("mean", stats and torch.tensor(stats.mean), persistent=False)
        self.register_buffer("std", stats and torch.tensor(stats.std), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """Return float32 ``(B, 1, T, F)`` of a waveform ``(B, S)``; ``S = 0`` is silence."""
        decibels = log_spectrogram(
            fit_length(waveform, self.num_samples),
            self.sample_rate,
            self.fft_size,
            self.frames_per_second,
            self.padding,
        )
        return decibels if self.mean is None else (decibels - self.mean) / (self.std + EPSILON)


def build_audio_features(audio, normalise: bool = True) -> LogSpectrogram:
    """Return what the keys of ``cfg.AUDIO`` describe.

    Args:
        audio: the node ``AUDIO``.
        normalise: False ignores ``AUDIO.NORM_STATS`` and gives decibels.

    Raises:
        ConfigError: statistics that are missing or do not fit, or sizes that do not go together.
    """
    sizes = {"sample_rate": audio.SAMPLE_RATE, "fft_size": audio.FFT_SIZE}
    stats = None
    if normalise and audio.NORM_STATS:
        stats = SpectrogramStats.load(audio.NORM_STATS, **sizes)
    return LogSpectrogram(
        **sizes,
        duration=audio.DURATION,
        frames_per_second=audio.FRAMES_PER_SECOND,
        padding=audio.PADDING,
        stats=stats,
    )
