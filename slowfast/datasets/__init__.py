"""Files on disk to samples: media, lists, sampling, transforms and loaders."""

from slowfast.datasets import audioset, ava, charades, hmdb51, kinetics, ucf101, video_folder
from slowfast.datasets.build import DATASET_REGISTRY, build_dataset

__all__ = [
    "DATASET_REGISTRY",
    "audioset",
    "ava",
    "build_dataset",
    "charades",
    "hmdb51",
    "kinetics",
    "ucf101",
    "video_folder",
]
