"""Files on disk to samples: media, lists, sampling, transforms and loaders."""

from slowfast.datasets.build import DATASET_REGISTRY, build_dataset

__all__ = [
    "DATASET_REGISTRY",
    "build_dataset",
]
