"""AVID's log-power spectrogram, one window and one frequency at a time, in float64."""

from __future__ import annotations

import numpy as np


def recorded_waveform(num_samples: int, constants: dict, channels: int = 1) -> np.ndarray:
    """Return the float32 waveform ``(channels, S)`` of the recorded numbers, at 24 kHz."""
    t = np.arange(num_samples, dtype=np.float64)
    wave = 0.6 * np.sin(2 * np.pi * 440 * t / 24000)
    wave += 0.3 * np.sin(2 * np.pi * (200 + 1500 * t / 24000) * t / 24000)
    wave += 0.05 * np.sin(constants["q"] * t * t + constants["d"])
    return np.stack([(1 + 0.5 * k) * wave for k in range(channels)]).astype(np.float32)


def log_spectrogram(wave, rate: int, fft_size: int, fps: float, padding: str) -> np.ndarray:
    """Return ``(T, F)`` decibels of one waveform."""
    half = fft_size // 2
    padded = np.pad(np.asarray(wave, dtype=np.float64), half, mode=padding)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(fft_size) / fft_size)
    hop = int(rate / fps)
    rows = []
    for frame in range(int(len(wave) * fps / rate)):
        window = padded[frame * hop : frame * hop + fft_size]
        power = np.abs(np.fft.rfft(window * hann)) ** 2
        row = [power[0]]
        for k in range(1, half, 2):
            row.append((power[k] + power[k + 1]) / 2)
        rows.append(row)
    decibels = 10 * np.log10(np.maximum(rows, 1e-10))
    return np.maximum(decibels, decibels.max() - 100)
