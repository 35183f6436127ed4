"""Log filter banks written as loops: pre-emphasis, windows, a plain Fourier transform, triangles."""

import math

import numpy as np


def log_mel(wave, num_mels, rate, fft_size, window, step):
    """Return ``(M, T)`` of samples ``(S,)`` in [-1, 1]."""
    samples = [min(max(round(x * 32768), -32768), 32767) for x in wave.tolist()]
    emphasised = [x - 0.97 * (samples[n - 1] if n else 0) for n, x in enumerate(samples)]
    columns = 1 + max(math.ceil((len(samples) - window) / step), 0)
    emphasised += [0.0] * (window + columns * step)
    top = 2595 * math.log10(1 + rate / 2 / 700)
    edges = []
    for k in range(num_mels + 2):
        hertz = 700 * (10 ** (top * k / (num_mels + 1) / 2595) - 1)
        edges.append(math.floor((fft_size + 1) * hertz / rate))
    n, k = np.arange(window), np.arange(fft_size // 2 + 1)
    waves = np.exp(-2j * np.pi * np.outer(k, n) / fft_size)
    result = np.empty((num_mels, columns))
    for column in range(columns):
        cut = np.array(emphasised[column * step : column * step + window])
        power = abs(waves @ cut) ** 2 / fft_size
        for row in range(num_mels):
            low, middle, high = edges[row : row + 3]
            energy = sum(power[i] * (i - low) / (middle - low) for i in range(low, middle))
            energy += sum(power[i] * (high - i) / (high - middle) for i in range(middle, high))
            result[row, column] = math.log(energy or np.finfo(float).eps)
    return result
