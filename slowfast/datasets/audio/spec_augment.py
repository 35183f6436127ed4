"""SpecAugment without time warping: masks over frequency and over time.

Park et al., "SpecAugment: A Simple Data Augmentation Method for Automatic Speech Recognition". Like
colour jitter it comes in two halves: a worker draws, the device masks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class SpecAugment:
    """Masks of random width and place, with value 0.

    Args:
        num_freq, num_time: masks over frequency and over time.
        max_freq, max_time: F and T; the width of a mask is the whole part of U(0, F) or U(0, T).
    """

    num_freq: int
    num_time: int
    max_freq: int
    max_time: int

    def draw(self, rng: np.random.Generator) -> Tensor:
        """Return float32 ``(M, 2)`` in [0, 1): width and place of each mask, frequencies first."""
        return torch.from_numpy(rng.random((self.num_freq + self.num_time, 2), np.float32))

    def __call__(self, levels: Tensor, draws: Tensor, time_dim: int) -> Tensor:
        """Mask a batch.

        Args:
            levels: ``(B, 1, ., .)``, normalised.
            draws: ``(B, M, 2)``.
            time_dim: which dimension of ``levels`` is time, 2 or 3; the other one is frequency.
        """
        kinds = [(5 - time_dim, self.max_freq)] * self.num_freq + [
            (time_dim, self.max_time)
        ] * self.num_time
        for (dim, limit), draw in zip(kinds, draws.unbind(1), strict=True):
            levels = _mask(levels, dim, limit, draw)
        return levels


def _mask(levels: Tensor, dim: int, limit: int, draw: Tensor) -> Tensor:
    """Mask one band of each sample; its start is uniform among those where it fits."""
    size = levels.shape[dim]
    width = (draw[:, 0] * min(limit, size)).floor()
    start = (draw[:, 1] * (size - width + 1)).floor()
    place = torch.arange(size, device=levels.device)
    inside = (place >= start[:, None]) & (place < (start + width)[:, None])
    shape = [len(levels), 1, 1, 1]
    shape[dim] = size
    return levels.masked_fill(inside.view(shape), 0.0)


# As GDT names them; medium is its default.
POLICIES = {
    "none": None,
    "mild": SpecAugment(1, 1, 2, 5),
    "medium": SpecAugment(1, 1, 3, 6),
    "heavy": SpecAugment(2, 2, 3, 6),
}
