"""A clip from a still image: a square that moves and grows while it is filmed.

Brattoli et al., "Rethinking Zero-shot Video Classification" (CVPR 2020), for pretraining on SUN397.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

SHORT_SIDES = (172, 512)  # of a square of 112; others in proportion
OF_SIZE = 112


def moving_boxes(
    height: int, width: int, size: int, count: int, draw: Callable[[int, int], int]
) -> np.ndarray:
    """Return ``(count, 3)`` squares (top, left, side) on the way from one random square to another.

    Args:
        height, width: of the image.
        size: least side of a square.
        draw: from (low, high) to a whole number below high.
    """
    ends = []
    for _ in range(2):
        top, left = (draw(0, max(room - size, 1)) for room in (height, width))
        room = min(height - top, width - left)
        ends.append((top, left, draw(size, max(room, size + 1))))
    return np.linspace(*np.array(ends, dtype=float), count).astype(np.int64)


def usual_size(image: Tensor, size: int) -> Tensor:
    """Return an image ``(..., H, W)`` whose short side is in the range that squares are drawn from.

    The released code leaves images of a short side from 87 to 171 as they are, by an error.
    """
    low, high = (round(side * size / OF_SIZE) for side in SHORT_SIDES)
    short = min(image.shape[-2:])
    wanted = min(max(short, low), high)
    if wanted == short:
        return image
    height, width = (round(side * wanted / short) for side in image.shape[-2:])
    return F.resize(image, [height, width], antialias=True)


def moving_crops(image: Tensor, size: int, count: int, rng: np.random.Generator) -> Tensor:
    """Return ``(count, 3, size, size)`` crops of an image ``(3, H, W)``."""
    image = usual_size(image, size)
    boxes = moving_boxes(
        *image.shape[-2:], size, count, lambda low, high: int(rng.integers(low, high))
    )
    return torch.stack(
        [
            F.resized_crop(image, top, left, side, side, [size, size], antialias=True)
            for top, left, side in boxes.tolist()
        ]
    )
