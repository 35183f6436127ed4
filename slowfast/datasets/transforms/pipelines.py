"""The two geometric pipelines of a dataset, put together from a config."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from slowfast.datasets.transforms import spatial

DEFAULT_AREA = (0.08, 1.0)
DEFAULT_ASPECT = (3 / 4, 4 / 3)


@dataclass(frozen=True)
class TrainGeometry:
    """Random geometry of a training clip.

    Args:
        crop_size: side of the square result in pixels.
        jitter_scales: range of the short side before a random crop.
        area, aspect: where set, a random-resized-crop replaces jitter and crop.
        square: where > 0, frames are first squashed to this square (AVID's Kinetics probe).
        inverse_uniform, flip, antialias: see :mod:`slowfast.datasets.transforms.spatial`.
    """

    crop_size: int
    jitter_scales: tuple[int, int] = (256, 320)
    area: tuple[float, float] | None = None
    aspect: tuple[float, float] | None = None
    square: int = 0
    inverse_uniform: bool = False
    flip: bool = True
    antialias: bool = False

    @classmethod
    def from_cfg(cls, data) -> TrainGeometry:
        """Build from the ``DATA`` node of a config."""
        relative = bool(data.TRAIN_JITTER_SCALES_RELATIVE or data.TRAIN_JITTER_ASPECT_RELATIVE)
        return cls(
            crop_size=data.TRAIN_CROP_SIZE,
            jitter_scales=tuple(data.TRAIN_JITTER_SCALES),
            area=tuple(data.TRAIN_JITTER_SCALES_RELATIVE) or (DEFAULT_AREA if relative else None),
            aspect=tuple(data.TRAIN_JITTER_ASPECT_RELATIVE)
            or (DEFAULT_ASPECT if relative else None),
            square=data.RESIZE_SQUARE,
            inverse_uniform=data.INV_UNIFORM_SAMPLE,
            flip=data.RANDOM_FLIP,
            antialias=data.RESIZE_ANTIALIAS,
        )

    def __call__(self, clip: Tensor, rng: np.random.Generator) -> Tensor:
        """Map ``(..., H, W)`` to ``(..., S, S)`` with one draw for all frames."""
        if self.square:
            clip = spatial.resize(clip, self.square, self.square, self.antialias)
        if self.area is not None:
            clip = spatial.random_resized_crop(
                clip, self.crop_size, self.area, self.aspect, rng, self.antialias
            )
        else:
            if not self.square:
                clip = spatial.scale_jitter(
                    clip, *self.jitter_scales, rng, self.inverse_uniform, self.antialias
                )
            clip = spatial.random_crop(clip, self.crop_size, rng)
        return spatial.random_flip(clip, rng) if self.flip else clip


@dataclass(frozen=True)
class TestGeometry:
    """Deterministic geometry of testing.

    With several crops the short side becomes the crop size and the crops tile the longer side;
    with one crop the short side becomes ``short_side`` and the centre is cut (PySlowFast; AVID's
    test resize is the same with ``short_side = int(crop_size / 0.875)``). ``antialias`` follows
    torchvision on PIL images, whose centre crop rounds half a pixel the other way.
    """

    crop_size: int
    short_side: int
    num_crops: int = 1
    square: int = 0
    antialias: bool = False

    __test__ = False  # not a test case, whatever pytest makes of the name

    @classmethod
    def from_cfg(cls, data, num_crops: int) -> TestGeometry:
        """Build from the ``DATA`` node of a config."""
        return cls(
            crop_size=data.TEST_CROP_SIZE,
            short_side=max([*data.TRAIN_JITTER_SCALES[:1], data.TEST_CROP_SIZE]),
            num_crops=num_crops,
            square=data.RESIZE_SQUARE,
            antialias=data.RESIZE_ANTIALIAS,
        )

    def resize(self, clip: Tensor) -> Tensor:
        """Bring ``(..., H, W)`` to the size from which the crops are cut."""
        if self.square:
            return spatial.resize(clip, self.square, self.square, self.antialias)
        short_side = self.crop_size if self.num_crops > 1 else self.short_side
        return spatial.resize_short_side(clip, short_side, self.antialias)

    def __call__(self, clip: Tensor) -> list[Tensor]:
        """Return the ``num_crops`` crops ``(..., S, S)`` of a clip."""
        clip = self.resize(clip)
        if self.num_crops > 1:
            places = range(self.num_crops)
            return [spatial.uniform_crop(clip, self.crop_size, place) for place in places]
        if self.antialias:
            return [F.center_crop(clip, [self.crop_size, self.crop_size])]
        return [spatial.uniform_crop(clip, self.crop_size, 1)]
