"""The one dataset: items, which moments of them are read, and what is read there."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
from torch.utils.data import Dataset

from slowfast.datasets.items import ItemTable
from slowfast.datasets.media import DEFAULT_OPTIONS, MediaOptions
from slowfast.datasets.media.parts import ReadAhead
from slowfast.datasets.readers import Reader
from slowfast.datasets.reading import begin_reading
from slowfast.datasets.sample import Sample, SampleKey, UnreadableSample
from slowfast.datasets.views import AudioViews, FixedViews, KeyframeView, RandomViews, View
from slowfast.utils.errors import MediaError
from slowfast.utils.patience import patiently


class ClipDataset(Dataset):
    """Samples of a list of items; see :mod:`slowfast.datasets.sample` for what they hold.

    Args:
        items: the list.
        views: which moments of a file are read.
        readers: what is read there; their keys join to a sample.
        options: how files are opened.
        seed: of all random draws.
        on_error: ``replace`` an unreadable file by another one (training), or ``mark`` its sample
            with ``valid`` False (evaluation).
        max_retries: how many other files are tried before a sample is given up.
        crops: spatial crops of each view that the readers give.
        split: the name of the list.
    """

    def __init__(
        self,
        items: ItemTable,
        views: RandomViews | FixedViews | KeyframeView | AudioViews,
        readers: Sequence[Reader],
        options: MediaOptions = DEFAULT_OPTIONS,
        *,
        seed: int = 0,
        on_error: str = "mark",
        max_retries: int = 5,
        crops: int = 1,
        split: str = "train",
    ) -> None:
        self.items, self.views, self.readers, self.options = items, views, list(readers), options
        self.seed, self.on_error, self.max_retries = seed, on_error, max_retries
        self.crops, self.split = crops, split

    def __len__(self) -> int:
        return len(self.items)

    @property
    def views_per_item(self) -> int:
        """Clips per sample: temporal views times spatial crops."""
        return self.views.count * self.crops

    @property
    def training(self) -> bool:
        """Whether samples are drawn to learn from, and then in another order in each epoch."""
        return self.on_error == "replace"

    def check_labels(self, num_classes: int) -> None:
        """Raise an AnnotationError if an item has no label below ``num_classes``."""
        self.items.check_labels(num_classes)

    def __getitem__(self, key: SampleKey | int) -> Sample | UnreadableSample:
        """Return the sample of an item, or what stands for it."""
        return self._replacing(key) if self.training else self._marking(int(key))

    def __getitems__(self, keys: Sequence[SampleKey | int]) -> list[Sample | UnreadableSample]:
        """Return the samples of many keys; a file with several clips among them is opened once.

        They are those of :meth:`__getitem__`, which also takes over where such a file cannot be read.
        """
        if not self.training:
            return [self[key] for key in keys]
        places: dict[int, list[int]] = {}
        for place, key in enumerate(keys):
            places.setdefault(key.index, []).append(place)
        found: dict[int, Sample | UnreadableSample] = {}
        for index, own in places.items():
            try:
                samples = self._together(index, [keys[place] for place in own])
            except (MediaError, OSError):
                samples = [self[keys[place]] for place in own]
            found |= dict(zip(own, samples, strict=True))
        return [found[place] for place in range(len(keys))]

    def _together(self, index: int, keys: Sequence[SampleKey]) -> list[Sample | UnreadableSample]:
        """Return several samples of a file, whose frames are decoded in one pass."""
        if len(keys) == 1 or not self.views.reads_frames:
            return [self[key] for key in keys]
        begin_reading(self.items.paths[index])
        rngs = [np.random.default_rng([self.seed, key.epoch, key.position, 0]) for key in keys]
        with self.items.open(index, self.options) as media:
            self._check(media)
            drawn = [self.views.views(media, self.items.time(index), rng) for rng in rngs]
            ahead = ReadAhead(media, [k for views in drawn for view in views for k in view.frames])
            return [
                {**self._sample(ahead, index, views, rng), "index": index, "failures": []}
                for views, rng in zip(drawn, rngs, strict=True)
            ]

    def _replacing(self, key: SampleKey | int) -> Sample | UnreadableSample:
        """Return a sample of item ``key.index``, or of the first readable replacement.

        Replacements are drawn from ``(seed, epoch, position, attempt)``. Where all fail, an
        :class:`UnreadableSample` is returned: an exception would lose its reasons on the way out
        of a worker process.
        """
        key = key if isinstance(key, SampleKey) else SampleKey(0, int(key), int(key))
        failures: list[tuple[str, str]] = []
        index = key.index
        for attempt in range(self.max_retries + 1):
            rng = np.random.default_rng([self.seed, key.epoch, key.position, attempt])
            if attempt:
                index = int(rng.integers(len(self.items)))
            begin_reading(self.items.paths[index])
            try:
                return {**self._read(index, rng), "index": index, "failures": failures}
            except (MediaError, OSError) as error:
                failures.append((self.items.name(index), str(error)))
        return UnreadableSample(failures)

    def _marking(self, index: int) -> Sample:
        """Return the views of item ``index``, never those of another one; it draws the same each time."""
        begin_reading(self.items.paths[index])
        rng = np.random.default_rng([self.seed, index]) if self.views.random else None
        try:
            return {**self._read(index, rng), "index": index, "valid": True, "failures": []}
        except (MediaError, OSError) as error:
            sample: Sample = {"index": index, "valid": False}
            for reader in self.readers:
                sample |= reader.empty(index, self.views.count)
            return {**sample, "failures": [(self.items.name(index), str(error))]}

    def _read(self, index: int, rng: np.random.Generator | None) -> Sample:
        # Every try draws the same.
        return patiently(
            lambda: self._read_once(index, copy.deepcopy(rng)),
            lambda: begin_reading(self.items.paths[index]),
        )

    def _read_once(self, index: int, rng: np.random.Generator | None) -> Sample:
        with self.items.open(index, self.options) as media:
            self._check(media)
            views = self.views.views(media, self.items.time(index), rng)
            return self._sample(media, index, views, rng)

    def _check(self, media) -> None:
        if media.video is None and self.views.reads_frames:
            raise MediaError(f"{media.path}: the file has no video stream.")

    def _sample(self, media, index: int, views: list[View], rng) -> Sample:
        sample: Sample = {}
        for reader in self.readers:
            sample |= reader.read(media, index, views, rng)
        return sample
