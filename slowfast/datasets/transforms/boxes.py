"""Resizing, crops and flips of clips together with the boxes in them.

Boxes are float64 ``(N, 4)`` arrays ``[x1, y1, x2, y2]`` in pixels. The arithmetic of resizing,
flipping and clipping is PySlowFast's for AVA: a box is scaled by the factor of the *longer* side,
mirrored about ``width - 1``, and ends at the last pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from slowfast.datasets.transforms import spatial

CROP_ATTEMPTS = 10


def to_pixels(boxes: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return boxes given as shares of the frame in pixels, within the frame."""
    return clip_boxes(boxes * np.array([width, height, width, height]), height, width)


def clip_boxes(boxes: np.ndarray, height: int, width: int) -> np.ndarray:
    """Cut off what lies outside ``[0, width - 1] x [0, height - 1]``."""
    return np.clip(boxes, 0, np.array([width - 1, height - 1] * 2))


def resize_boxes(boxes: np.ndarray, old: tuple[int, int], new: tuple[int, int]) -> np.ndarray:
    """Follow a resize of the short side from ``old`` ``(H, W)`` to ``new``."""
    return boxes * (max(new) / max(old))


def crop_boxes(boxes: np.ndarray, crop: tuple[int, int, int, int]) -> np.ndarray:
    """Follow a crop ``(x0, y0, x1, y1)``; what it cuts off is lost."""
    x0, y0, x1, y1 = crop
    return clip_boxes(boxes - np.array([x0, y0, x0, y0]), y1 - y0, x1 - x0)


def flip_boxes(boxes: np.ndarray, width: int) -> np.ndarray:
    """Follow a left-right mirror of a frame of this width."""
    x1, y1, x2, y2 = boxes.T
    return np.stack([width - 1 - x2, y1, width - 1 - x1, y2], axis=1)


def areas(boxes: np.ndarray) -> np.ndarray:
    """Return the areas ``(N,)``; an upside-down box has none."""
    sides = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None)
    return sides.prod(axis=1)


def visible_share(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return which share of each box's area a crop has left, 0 where there was none."""
    whole = areas(before)
    return np.divide(areas(after), whole, out=np.zeros_like(whole), where=whole > 0)


@dataclass(frozen=True)
class BoxTrainGeometry:
    """Random geometry of a training clip and its boxes.

    A crop that would leave no box is drawn again, and at last the one that shows most of a box is
    taken.

    Args:
        crop_size: side of the square result in pixels.
        jitter_scales: range of the short side, drawn uniformly in 1/size.
        min_visible: least share of its area that a box must keep; others are dropped. With 0 all
            stay, as published, even those without any area.
        flip: mirror half of the clips.
        antialias: see :mod:`slowfast.datasets.transforms.spatial`.
    """

    crop_size: int
    jitter_scales: tuple[int, int]
    min_visible: float = 0.0
    flip: bool = True
    antialias: bool = False

    def __call__(
        self, clip: Tensor, boxes: np.ndarray, rng: np.random.Generator
    ) -> tuple[Tensor, np.ndarray, np.ndarray]:
        """Return the clip ``(..., S, S)``, the boxes that stay, and their rows.

        Args:
            clip: ``(..., H, W)``.
            boxes: ``(N, 4)`` in its pixels.
            rng: draws everything.
        """
        old = tuple(clip.shape[-2:])
        size = spatial.jitter_size(*self.jitter_scales, rng, inverse_uniform=True)
        clip = spatial.resize_short_side(clip, size, self.antialias)
        height, width = clip.shape[-2:]
        boxes = clip_boxes(resize_boxes(boxes, old, (height, width)), height, width)
        crop = self._draw_crop(boxes, height, width, rng)
        cut = crop_boxes(boxes, crop)
        rows = self._visible_rows(visible_share(boxes, cut))
        clip, cut = spatial.crop(clip, crop), cut[rows]
        if self.flip and rng.random() < 0.5:
            clip, cut = clip.flip(-1), flip_boxes(cut, clip.shape[-1])
        return clip, cut, rows

    def _visible_rows(self, share: np.ndarray) -> np.ndarray:
        """Return the boxes that stay: at least the best of those that can be seen at all."""
        if not self.min_visible:
            return np.arange(len(share))
        least = min(self.min_visible, share.max(initial=0.0))
        return np.flatnonzero((share >= least) & (share > 0))

    def _draw_crop(
        self, boxes: np.ndarray, height: int, width: int, rng: np.random.Generator
    ) -> tuple[int, int, int, int]:
        best, shown = None, -1.0
        for _ in range(CROP_ATTEMPTS):
            crop = spatial.random_crop_box(height, width, self.crop_size, rng)
            share = visible_share(boxes, crop_boxes(boxes, crop)).max(initial=0.0)
            if share > shown:
                best, shown = crop, share
            if share >= self.min_visible:
                break
        return best


@dataclass(frozen=True)
class BoxTestGeometry:
    """The whole frame at a short side of ``short_side`` pixels, mirrored where asked."""

    short_side: int
    flip: bool = False
    antialias: bool = False

    def __call__(self, clip: Tensor, boxes: np.ndarray) -> tuple[Tensor, np.ndarray]:
        """Return the clip ``(..., H', W')`` and its boxes in its pixels."""
        old = tuple(clip.shape[-2:])
        clip = spatial.resize_short_side(clip, self.short_side, self.antialias)
        height, width = clip.shape[-2:]
        boxes = clip_boxes(resize_boxes(boxes, old, (height, width)), height, width)
        if self.flip:
            clip, boxes = clip.flip(-1), flip_boxes(boxes, width)
        return clip, boxes
