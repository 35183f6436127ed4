"""Colour jitter in two halves: the draw per clip in a worker, the arithmetic on the device.

A draw is five numbers ``(brightness, contrast, saturation, hue, order)``. Drawing in the worker
keeps a clip's colours independent of batch size, worker and process count.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

ORDERS = list(permutations(range(4)))
IDENTITY = (1.0, 1.0, 1.0, 0.0, -1.0)


def draw_color_jitter(
    strengths: tuple[float, float, float, float], probability: float, rng: np.random.Generator
) -> Tensor:
    """Draw the jitter of one clip.

    Args:
        strengths: brightness, contrast and saturation factors are drawn from
            ``[max(0, 1 - x), 1 + x]``, hue from ``[-x, x]``.
        probability: share of clips that are changed at all.

    Returns:
        float32 ``(5,)``; the last entry is the order of the four operations, -1 for none.
    """
    if not any(strengths) or rng.random() >= probability:
        return torch.tensor(IDENTITY)
    factors = [rng.uniform(max(0.0, 1.0 - x), 1.0 + x) for x in strengths[:3]]
    hue = rng.uniform(-strengths[3], strengths[3])
    return torch.tensor([*factors, hue, float(rng.integers(len(ORDERS)))])


def apply_color_jitter(clips: Tensor, draws: Tensor) -> Tensor:
    """Apply one draw per clip.

    Args:
        clips: float ``(B, 3, T, H, W)`` RGB in [0, 1].
        draws: ``(B, 5)`` from :func:`draw_color_jitter`.

    Returns:
        A new tensor of the same shape.
    """
    changed = [_jitter(clip, draw) for clip, draw in zip(clips, draws.tolist(), strict=True)]
    return torch.stack(changed)


def _jitter(clip: Tensor, draw: list[float]) -> Tensor:
    order = int(draw[4])
    if order < 0:
        return clip
    frames = clip.transpose(0, 1)
    operations = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
    neutral = IDENTITY
    for step in ORDERS[order]:
        if draw[step] != neutral[step]:
            frames = operations[step](frames, draw[step])
    return frames.transpose(0, 1)
