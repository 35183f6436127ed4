"""From waveforms to the log-power spectrograms that AVID's audio network reads, on any device.

Morgado, Vasconcelos and Misra, "Audio-Visual Instance Discrimination with Cross-Modal Agreement".
A centred short-time Fourier transform under a Hann window; the power of all frequencies but the
first is averaged in neighbouring pairs, brought to decibels and normalised per frequency.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from slowfast.datasets.audio.build import AUDIO_FEATURES, AudioFeatures
from slowfast.datasets.audio.stats import SpectrogramStats
from slowfast.utils.errors import ConfigError
from slowfast.utils.precision import at_least_float32

PADDINGS = ("reflect", "constant")
SMALLEST_POWER = 1e-10
DYNAMIC_RANGE_DB = 100.0


def log_spectrogram(
    waveform: Tensor,
    sample_rate: int = 24000,
    fft_size: int = 1024,
    frames_per_second: float = 100,
    padding: str = "reflect",
) -> Tensor:
    """Return the power of each frequency over time, in decibels.

    Computed in float32, also under autocast; a float64 waveform stays in float64. Nothing lies more
    than 100 dB below the maximum of its own clip; silence is -100 dB everywhere.

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
    frames = int(samples * frames_per_second / sample_rate)
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


@AUDIO_FEATURES.register(name="avid_log_spectrogram")
class LogSpectrogram(AudioFeatures):
    """Log-power spectrograms ``(B, 1, T, F)``, time first.

    Args:
        padding: see :func:`log_spectrogram`.
        sample_rate, duration, fft_size, frames_per_second, stats: see :class:`AudioFeatures`.

    Raises:
        ConfigError: sizes that do not go together, or statistics of another spectrogram.
    """

    name, time_dim = "avid_log_spectrogram", 2

    def __init__(
        self,
        sample_rate: int = 24000,
        duration: float = 2.0,
        fft_size: int = 1024,
        frames_per_second: float = 100,
        padding: str = "reflect",
        stats: SpectrogramStats | None = None,
    ) -> None:
        samples = round(duration * sample_rate)
        frames = _check(samples, sample_rate, fft_size, frames_per_second, padding)
        shape = (1, frames, fft_size // 4 + 1)  # the first frequency, and pairs of the others
        super().__init__(sample_rate, duration, fft_size, frames_per_second, shape, stats)
        self.padding = padding

    @classmethod
    def options(cls, audio) -> dict[str, Any]:
        """Return the padding."""
        return {"padding": audio.PADDING}

    def levels(self, waveform: Tensor) -> Tensor:
        """Return decibels ``(B, 1, T, F)``."""
        return log_spectrogram(
            waveform, self.sample_rate, self.fft_size, self.frames_per_second, self.padding
        )

    def extra_repr(self) -> str:
        """Say what makes these features, for the record."""
        return f"padding {self.padding}"
