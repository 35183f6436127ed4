"""Crops, resizing and flips of whole clips: one random draw serves every frame.

Clips are ``(..., H, W)`` tensors, usually uint8 ``(T, 3, H, W)``. Boxes are half-open
``(x0, y0, x1, y1)`` in pixels. The arithmetic is PySlowFast's
(``slowfast/datasets/transform.py``) unless a docstring says otherwise.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

CROP_ATTEMPTS = 10


def short_side_size(height: int, width: int, size: int) -> tuple[int, int]:
    """Return ``(H, W)`` with the short side at ``size`` and the long side rounded down."""
    if height < width:
        return size, math.floor(width / height * size)
    return math.floor(height / width * size), size


def resize(clip: Tensor, height: int, width: int, antialias: bool = False) -> Tensor:
    """Resize bilinearly; ``antialias`` is what PIL does, PySlowFast works without."""
    if clip.shape[-2:] == (height, width):
        return clip
    return F.resize(clip, [height, width], antialias=antialias)


def resize_short_side(clip: Tensor, size: int, antialias: bool = False) -> Tensor:
    """Resize so that the short side becomes ``size``; unchanged where it is already."""
    height, width = clip.shape[-2:]
    if min(height, width) == size:
        return clip
    return resize(clip, *short_side_size(height, width, size), antialias)


def scale_jitter(
    clip: Tensor,
    low: int,
    high: int,
    rng: np.random.Generator,
    inverse_uniform: bool = False,
    antialias: bool = False,
) -> Tensor:
    """Resize the short side to a size that :func:`jitter_size` draws."""
    return resize_short_side(clip, jitter_size(low, high, rng, inverse_uniform), antialias)


def jitter_size(
    low: int, high: int, rng: np.random.Generator, inverse_uniform: bool = False
) -> int:
    """Draw a short side from ``[low, high]``, uniformly or uniformly in 1/size."""
    if inverse_uniform:
        return round(1.0 / rng.uniform(1.0 / high, 1.0 / low))
    return round(rng.uniform(low, high))


def crop(clip: Tensor, box: tuple[int, int, int, int]) -> Tensor:
    """Cut ``box`` out of every frame (a view, no copy)."""
    x0, y0, x1, y1 = box
    return clip[..., y0:y1, x0:x1]


def random_crop(clip: Tensor, size: int, rng: np.random.Generator) -> Tensor:
    """Cut the square of :func:`random_crop_box`."""
    return crop(clip, random_crop_box(*clip.shape[-2:], size, rng))


def random_crop_box(
    height: int, width: int, size: int, rng: np.random.Generator
) -> tuple[int, int, int, int]:
    """Draw a ``size`` x ``size`` square at a random place, every place equally likely.

    PySlowFast never draws the last row and column; here they are drawn too.
    """
    y = int(rng.integers(0, max(height - size, 0) + 1))
    x = int(rng.integers(0, max(width - size, 0) + 1))
    return x, y, x + size, y + size


def uniform_crop_box(
    height: int, width: int, size: int, spatial_idx: int
) -> tuple[int, int, int, int]:
    """Return the square at the low end (0), centre (1) or high end (2) of the longer side."""
    y, x = math.ceil((height - size) / 2), math.ceil((width - size) / 2)
    if spatial_idx != 1:
        if height > width:
            y = 0 if spatial_idx == 0 else height - size
        else:
            x = 0 if spatial_idx == 0 else width - size
    return x, y, x + size, y + size


def uniform_crop(clip: Tensor, size: int, spatial_idx: int) -> Tensor:
    """Cut the square of :func:`uniform_crop_box`."""
    height, width = clip.shape[-2:]
    return crop(clip, uniform_crop_box(height, width, size, spatial_idx))


def random_resized_crop_box(
    height: int,
    width: int,
    scale: tuple[float, float],
    ratio: tuple[float, float],
    rng: np.random.Generator,
) -> tuple[int, int, int, int]:
    """Draw a box with a share of the area from ``scale`` and an aspect W/H from ``ratio``.

    The aspect is log-uniform; after ten draws that do not fit, the largest centred box with an
    allowed aspect is taken (Szegedy et al., "Going deeper with convolutions").
    """
    log_ratio = np.log(ratio)
    for _ in range(CROP_ATTEMPTS):
        area = height * width * rng.uniform(*scale)
        aspect = math.exp(rng.uniform(*log_ratio))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            y = int(rng.integers(0, height - h + 1))
            x = int(rng.integers(0, width - w + 1))
            return x, y, x + w, y + h
    aspect = min(max(width / height, ratio[0]), ratio[1])
    w = min(width, round(height * aspect))
    h = min(height, round(width / aspect))
    x, y = (width - w) // 2, (height - h) // 2
    return x, y, x + w, y + h


def random_resized_crop(
    clip: Tensor,
    size: int,
    scale: tuple[float, float],
    ratio: tuple[float, float],
    rng: np.random.Generator,
    antialias: bool = False,
) -> Tensor:
    """Cut a random box (see :func:`random_resized_crop_box`) and resize it to ``size`` x ``size``."""
    height, width = clip.shape[-2:]
    box = random_resized_crop_box(height, width, scale, ratio, rng)
    return resize(crop(clip, box), size, size, antialias)


def random_flip(clip: Tensor, rng: np.random.Generator, probability: float = 0.5) -> Tensor:
    """Mirror left to right with the given probability."""
    return torch.flip(clip, (-1,)) if rng.random() < probability else clip
