"""Geometry on the CPU, one draw per clip; colour and normalisation batch-wise on the device."""

from slowfast.datasets.transforms.color import ColorJitter, apply_color_jitter
from slowfast.datasets.transforms.device import ClipPreprocessor
from slowfast.datasets.transforms.pipelines import TestGeometry, TrainGeometry
from slowfast.datasets.transforms.spatial import (
    random_crop,
    random_flip,
    random_resized_crop,
    resize_short_side,
    scale_jitter,
    uniform_crop,
    uniform_crop_box,
)

__all__ = [
    "ClipPreprocessor",
    "ColorJitter",
    "TestGeometry",
    "TrainGeometry",
    "apply_color_jitter",
    "random_crop",
    "random_flip",
    "random_resized_crop",
    "resize_short_side",
    "scale_jitter",
    "uniform_crop",
    "uniform_crop_box",
]
