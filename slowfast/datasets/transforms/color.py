"""Colours and blur in two halves: the draw per clip in a worker, the arithmetic on the device.

A draw is seven numbers ``(brightness, contrast, saturation, hue, order, grey, sigma)``. Drawing in
the worker keeps a clip's colours independent of batch size, worker and process count.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

ORDERS = list(permutations(range(4)))
NO_JITTER = (1.0, 1.0, 1.0, 0.0, -1.0)
IDENTITY = (*NO_JITTER, 0.0, 0.0)
BLUR_KERNEL = 11  # pixels


@dataclass(frozen=True)
class ColorJitter:
    """What is drawn for a clip, in this order: jitter, grey, blur.

    Attributes:
        strength: brightness, contrast and saturation factors are drawn from
            ``[max(0, 1 - x), 1 + x]``, hue from ``[-x, x]``.
        probability: share of clips that are jittered at all.
        grey: share of clips that lose their colours.
        blur: share of clips that are blurred.
        sigma: range of the deviation of the blur in pixels.
    """

    strength: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    probability: float = 1.0
    grey: float = 0.0
    blur: float = 0.0
    sigma: tuple[float, float] = (0.1, 2.0)

    @classmethod
    def from_cfg(cls, data) -> ColorJitter:
        """Build from the ``DATA`` node of a config."""
        return cls(
            tuple(data.COLOR_JITTER),
            data.COLOR_JITTER_PROB,
            data.COLOR_RND_GRAYSCALE,
            data.BLUR_PROB,
            tuple(data.BLUR_SIGMA),
        )

    def draw(self, rng: np.random.Generator, count: int) -> Tensor:
        """Return float32 ``(count, 7)``; an order of the four operations of -1 leaves them out."""
        return torch.tensor([self._draw(rng) for _ in range(count)], dtype=torch.float32)

    def _draw(self, rng: np.random.Generator) -> list[float]:
        jitter = list(NO_JITTER)
        if any(self.strength) and rng.random() < self.probability:
            factors = [rng.uniform(max(0.0, 1.0 - x), 1.0 + x) for x in self.strength[:3]]
            hue = rng.uniform(-self.strength[3], self.strength[3])
            jitter = [*factors, hue, float(rng.integers(len(ORDERS)))]
        grey = float(self.grey > 0 and rng.random() < self.grey)
        blurred = self.blur > 0 and rng.random() < self.blur
        return [*jitter, grey, rng.uniform(*self.sigma) if blurred else 0.0]


def apply_color_jitter(clips: Tensor, draws: Tensor, rule: str = "torchvision") -> Tensor:
    """Apply one draw per clip.

    Args:
        clips: float ``(B, 3, T, H, W)`` RGB in [0, 1].
        draws: ``(B, 7)`` from :meth:`ColorJitter.draw`.
        rule: a key of :data:`OPERATIONS`.

    Returns:
        A new tensor of the same shape.
    """
    changed = [_jitter(clip, draw, rule) for clip, draw in zip(clips, draws.tolist(), strict=True)]
    return torch.stack(changed)


def _jitter(clip: Tensor, draw: list[float], rule: str) -> Tensor:
    order, grey, sigma = int(draw[4]), draw[5], draw[6]
    frames = clip.transpose(0, 1)
    for step in ORDERS[order] if order >= 0 else ():
        if draw[step] != IDENTITY[step]:
            frames = OPERATIONS[rule][step](frames, draw[step])
    if grey:
        frames = F.rgb_to_grayscale(frames, num_output_channels=3)
    if sigma:
        frames = F.gaussian_blur(frames, [BLUR_KERNEL, BLUR_KERNEL], [sigma, sigma])
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
