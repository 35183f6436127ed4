"""Data in PySlowFast's shape, both ways: its dataset classes here, our batches in its programs.

There a dataset is a class called with ``(cfg, mode)`` whose items are ``(frames, label, index, time,
meta)``, one clip each, with normalised frames; in testing the clips of a video stand one after the
other.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from slowfast.datasets.items import ItemTable
from slowfast.datasets.sample import Sample, SampleKey
from slowfast.datasets.transforms import ClipPreprocessor
from slowfast.utils.errors import ConfigError


class PySlowFastDataset(Dataset):
    """Samples of a dataset class of PySlowFast's kind.

    Its random draws come from ``random``, ``numpy.random`` and ``torch``, which are seeded for each
    sample, so that a run resumes with the same clips.

    Args:
        dataset: an instance.
        name: under which it is registered.
        split: the mode that it was made with.
        views: clips per video, in a row.
        seed: of all random draws.
    """

    def __init__(
        self, dataset: Dataset, name: str, split: str, views: int = 1, seed: int = 0
    ) -> None:
        self.dataset, self.split, self.views_per_item, self.seed = dataset, split, views, seed
        self.training = split == "train"
        if len(dataset) % views:
            raise ConfigError(
                f"{name}: {len(dataset)} clips of {split} are not whole videos of {views} clips "
                "(TEST.NUM_ENSEMBLE_VIEWS x TEST.NUM_SPATIAL_CROPS)."
            )
        self.items = ItemTable(*_known(dataset, name, views), [], name)

    @classmethod
    def from_cfg(cls, cfg, kind: type, name: str, split: str) -> PySlowFastDataset:
        """Build the dataset of a split.

        Raises:
            ConfigError: the config asks for more than such a dataset can give.
        """
        if cfg.AUDIO.ENABLE:
            raise ConfigError(f"AUDIO.ENABLE: the dataset class {name} gives frames only.")
        test = cfg.TEST
        views = test.NUM_ENSEMBLE_VIEWS * test.NUM_SPATIAL_CROPS if split == "test" else 1
        return cls(kind(cfg, split), name, split, views, cfg.RNG_SEED)

    def check_labels(self, num_classes: int) -> None:
        """Check the labels where the class keeps them in ``_labels``, as PySlowFast's do."""
        if (self.items.labels >= 0).all():
            self.items.check_labels(num_classes)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, key: SampleKey | int) -> Sample:
        """Return the clips ``video`` float32 ``(V, 3, T, H, W)`` and the label of a video."""
        key = key if isinstance(key, SampleKey) else SampleKey(0, int(key), int(key))
        with _seeded([self.seed, key.epoch, key.position]):
            first = key.index * self.views_per_item
            found = [self.dataset[first + k] for k in range(self.views_per_item)]
        frames = [one[0][-1] if isinstance(one[0], (list, tuple)) else one[0] for one in found]
        label = found[0][1]
        sample: Sample = {
            "index": key.index,
            "video": torch.stack([torch.as_tensor(clip).float() for clip in frames]),
            "label": label if np.ndim(label) == 0 else torch.as_tensor(label).float(),
            "failures": [],
        }
        return sample if self.training else {**sample, "valid": True}


def _known(dataset: Dataset, name: str, views: int) -> tuple[list[str], np.ndarray | None]:
    """Return a path and a label for each video, as far as PySlowFast's attributes tell."""
    count = len(dataset) // views
    paths = list(getattr(dataset, "_path_to_videos", ()))
    labels = getattr(dataset, "_labels", None)
    if labels is not None and (len(labels) != len(dataset) or np.ndim(labels[0]) != 0):
        labels = None
    if len(paths) != len(dataset):
        paths = [f"{name} {k}" for k in range(len(dataset))]
    return paths[::views][:count], None if labels is None else np.asarray(labels)[::views]


@contextmanager
def _seeded(numbers: list[int]) -> Iterator[None]:
    """Seed the global generators within, and leave them as they were."""
    seeds = np.random.SeedSequence(numbers).generate_state(3).tolist()
    python, legacy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        random.seed(seeds[0])
        np.random.seed(seeds[1])
        torch.manual_seed(seeds[2])
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(legacy)


class PySlowFastLoader:
    """Batches ``inputs, labels, index, time, meta`` for programs written for PySlowFast.

    ``inputs`` are pathways of normalised float32 ``(B, 3, T, H, W)``, one row per clip; ``index``
    numbers clips, so that ``TestMeter`` joins those of a video; ``time`` holds begin and end in
    seconds. On AVA ``labels`` are those of the boxes, and ``meta`` has ``boxes`` ``(N, 5)`` in
    pixels, ``ori_boxes`` ``(N, 5)`` as shares of the frame, both with the place in the batch first,
    and ``metadata`` ``(N, 2)``: video number and second.

    Args:
        loader: of one of our datasets; all other attributes are its own.
        preprocess: from uint8 clips to pathways.
    """

    def __init__(self, loader: DataLoader, preprocess: ClipPreprocessor) -> None:
        self.loader, self.preprocess = loader, preprocess

    @classmethod
    def from_cfg(cls, cfg, loader: DataLoader) -> PySlowFastLoader:
        """Build with the normalisation of a config."""
        data, two = cfg.DATA, cfg.MODEL.ARCH in cfg.MODEL.MULTI_PATHWAY_ARCH
        alpha = cfg.SLOWFAST.ALPHA if two else 0
        reverse = data.REVERSE_INPUT_CHANNEL or (cfg.DETECTION.ENABLE and cfg.AVA.BGR)
        return cls(loader, ClipPreprocessor(data.MEAN, data.STD, reverse, slow_alpha=alpha))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[tuple[list[Tensor], Tensor, Tensor, Tensor, dict[str, Any]]]:
        for batch in self.loader:
            if "unreadable" in batch:
                continue  # no file could be read, and those programs have no word for it
            yield self._unpacked(batch)

    def _unpacked(self, batch: dict[str, Any]):
        video, views = batch["video"], self.loader.dataset.views_per_item
        if isinstance(video, list):
            raise ConfigError(
                "Frames of several sizes do not make one batch: TEST.BATCH_SIZE must be the number "
                "of processes."
            )
        color = batch["color"].flatten(0, 1) if "color" in batch else None
        clips = batch["index"].repeat_interleave(views) * views
        clips += torch.arange(views).repeat(len(video))
        inputs = self.preprocess(video.flatten(0, 1), color)
        time = batch["time"].flatten(0, 1) if "time" in batch else torch.zeros(len(clips), 2)
        if "boxes" in batch:
            return inputs, batch["box_label"], clips, time, self._meta(batch)
        return inputs, batch["label"].repeat_interleave(views, dim=0), clips, time, {}

    def _meta(self, batch: dict[str, Any]) -> dict[str, Any]:
        items, rows = self.loader.dataset.items, batch["box_index"].numpy()
        shares = torch.from_numpy(items.boxes.arrays["box"][rows]).float()
        names = [items.names[k].rpartition(",") for k in items.boxes.item_of_rows()[rows]]
        numbers = self._video_numbers
        return {
            "boxes": batch["boxes"],
            "ori_boxes": torch.cat([batch["boxes"][:, :1], shares], dim=1),
            "metadata": torch.tensor([[numbers[v], int(s)] for v, _, s in names]).reshape(-1, 2),
        }

    @cached_property
    def _video_numbers(self) -> dict[str, int]:
        return video_numbers(self.loader.dataset.items)


def video_numbers(items: ItemTable) -> dict[str, int]:
    """Return the number of each video of a list of key frames, from 0 in their order."""
    videos = (items.names[k].rpartition(",")[0] for k in range(len(items)))
    return {video: number for number, video in enumerate(dict.fromkeys(videos))}
