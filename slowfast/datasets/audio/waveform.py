"""Waveforms before any features: length and loudness."""

from __future__ import annotations

import numpy as np
from torch import Tensor
from torch.nn import functional as F


def fit_length(waveform: Tensor, num_samples: int) -> Tensor:
    """Cut ``(..., S)`` at its end, or lengthen it there with zeros, to ``(..., num_samples)``.

    A waveform of no sample at all becomes silence.
    """
    missing = num_samples - waveform.shape[-1]
    return F.pad(waveform, (0, missing)) if missing > 0 else waveform[..., :num_samples]


def draw_gain(strength: float, rng: np.random.Generator) -> float:
    """Draw the factor of one waveform from ``[1 - strength, 1 + strength]``."""
    return float(rng.uniform(1.0 - strength, 1.0 + strength))
