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


def apply_color_jitter(clips: Tensor, draws: Tensor, rule: str = "torchvision") -> Tensor:
    """Apply one draw per clip.

    Args:
        clips: float ``(B, 3, T, H, W)`` RGB in [0, 1].
        draws: ``(B, 5)`` from :func:`draw_color_jitter`.
        rule: a key of :data:`OPERATIONS`.

    Returns:
        A new tensor of the same shape.
    """
    changed = [_jitter(clip, draw, rule) for clip, draw in zip(clips, draws.tolist(), strict=True)]
    return torch.stack(changed)


def _jitter(clip: Tensor, draw: list[float], rule: str) -> Tensor:
    order = int(draw[4])
    if order < 0:
        return clip
    frames = clip.transpose(0, 1)
    for step in ORDERS[order]:
        if draw[step] != IDENTITY[step]:
            frames = OPERATIONS[rule][step](frames, draw[step])
    return frames.transpose(0, 1)


def _released_grey(frames: Tensor) -> Tensor:
    """Return what the release of GDT takes for a grey clip: its frames 0 to 2 mixed, others black.

    The function is PySlowFast's for ``(T, 3, H, W)`` with blue first; clips come as ``(3, T, H, W)``.
    """
    grey = torch.zeros_like(frames)
    grey[:3] = 0.299 * frames[2] + 0.587 * frames[1] + 0.114 * frames[0]
    return grey


def _released_brightness(frames: Tensor, factor: float) -> Tensor:
    return factor * frames


def _released_contrast(frames: Tensor, factor: float) -> Tensor:
    mean = _released_grey(frames).mean(dim=(0, 2, 3), keepdim=True)
    return factor * frames + (1 - factor) * mean


def _released_saturation(frames: Tensor, factor: float) -> Tensor:
    return factor * frames + (1 - factor) * _released_grey(frames)


# Brightness, contrast, saturation and hue of frames (T, 3, H, W) by a factor.
OPERATIONS = {
    "torchvision": (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue),
    "gdt_release": (
        _released_brightness,
        _released_contrast,
        _released_saturation,
        F.adjust_hue,  # GDT has none
    ),
}
