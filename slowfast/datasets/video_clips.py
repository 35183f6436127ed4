"""Datasets over a list of videos: random clips to train on, fixed views to test on.

A sample is a dict of

* ``video``: uint8 RGB ``(3, T, S, S)`` in training, ``(V, 3, T, S, S)`` with the V views of the
  file in testing (temporal view major, spatial crop minor);
* ``label``: int64, -1 without one; ``index``: int64 row of the list;
* ``color``: float32 ``(5,)`` draw of the colour jitter (training);
* ``valid``: False where a test file could not be read (its ``video`` is zero);
* ``failures``: list of ``(path, reason)`` met on the way.

Every random number comes from ``(seed, epoch, position in the epoch)``, so that samples do not
depend on workers, on processes or on where a run was interrupted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from slowfast.datasets.media import (
    DEFAULT_OPTIONS,
    FrameFolder,
    MediaOptions,
    VideoFile,
    open_media,
)
from slowfast.datasets.media.info import VideoInfo
from slowfast.datasets.reading import begin_reading
from slowfast.datasets.temporal import TemporalSampling
from slowfast.datasets.transforms.color import draw_color_jitter
from slowfast.datasets.transforms.pipelines import TestGeometry, TrainGeometry
from slowfast.datasets.video_list import VideoList
from slowfast.utils.errors import MediaError

Sample = dict[str, Any]


class SampleKey(NamedTuple):
    """Which training sample is wanted: its place in the run and the row of its file."""

    epoch: int
    position: int
    index: int


@dataclass(frozen=True)
class UnreadableSample:
    """A sample that neither its own file nor ``max_retries`` others could fill.

    Attributes:
        failures: ``(path, reason)`` of every file that was tried.
    """

    failures: list[tuple[str, str]]


@dataclass(frozen=True)
class ClipSettings:
    """What training and test clips share.

    Args:
        sampling: which frames make a clip.
        media: how files are opened.
        seed: of all random draws.
    """

    sampling: TemporalSampling
    media: MediaOptions = DEFAULT_OPTIONS
    seed: int = 0

    def open(self, path: str) -> VideoFile | FrameFolder:
        """Open a file or a folder of frames."""
        return open_media(path, self.media)


class TrainSamples(Dataset, ABC):
    """One random sample per request, from another file where a file cannot be read.

    Args:
        videos: the files.
        seed: of all random draws.
        color_jitter, color_probability: see :func:`draw_color_jitter`.
        max_retries: how many other files are tried before the sample is given up.
    """

    def __init__(
        self,
        videos: VideoList,
        seed: int,
        color_jitter: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0),
        color_probability: float = 1.0,
        max_retries: int = 5,
    ) -> None:
        self.videos, self.seed = videos, seed
        self.color_jitter, self.color_probability = color_jitter, color_probability
        self.max_retries = max_retries

    def __len__(self) -> int:
        return len(self.videos)

    def __getitem__(self, key: SampleKey | int) -> Sample | UnreadableSample:
        """Return a clip of file ``key.index``, or of the first readable replacement.

        Replacements are drawn from ``(seed, epoch, position, attempt)``.

        Where the file and all replacements fail, an :class:`UnreadableSample` is returned: an
        exception would lose its reasons on the way out of a worker process.
        """
        key = key if isinstance(key, SampleKey) else SampleKey(0, int(key), int(key))
        failures: list[tuple[str, str]] = []
        index = key.index
        for attempt in range(self.max_retries + 1):
            rng = np.random.default_rng([self.seed, key.epoch, key.position, attempt])
            if attempt:
                index = int(rng.integers(len(self.videos)))
            begin_reading(self.videos.paths[index])
            try:
                return {**self.read_sample(index, rng), "failures": failures}
            except (MediaError, OSError) as error:
                failures.append((self.videos.paths[index], str(error)))
        return UnreadableSample(failures)

    @abstractmethod
    def read_sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Return the sample of file ``index`` that ``rng`` draws.

        Raises:
            MediaError: the file cannot be read.
        """

    def draw_color(self, rng: np.random.Generator) -> Tensor:
        """Draw the colour jitter of a clip."""
        return draw_color_jitter(self.color_jitter, self.color_probability, rng)


class TrainClips(TrainSamples):
    """Random clips.

    Args:
        videos: the files.
        settings: temporal sampling, media options and seed.
        geometry: random spatial transform.
        options: see :class:`TrainSamples`.
    """

    def __init__(
        self, videos: VideoList, settings: ClipSettings, geometry: TrainGeometry, **options: Any
    ) -> None:
        super().__init__(videos, settings.seed, **options)
        self.settings, self.geometry = settings, geometry

    def read_sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Return the sample of file ``index`` that ``rng`` draws."""
        with self.settings.open(self.videos.paths[index]) as media:
            video = require_video(media)
            clip = media.read_frames(self.settings.sampling.random_clip(video, rng))
        return self.finish(clip, index, rng)

    def finish(self, clip: Tensor, index: int, rng: np.random.Generator) -> Sample:
        """Cut the crop out of decoded frames ``(T, 3, H, W)`` and add what else a sample has."""
        clip = self.geometry(clip, rng)
        return {
            "video": clip.transpose(0, 1).contiguous(),
            "color": self.draw_color(rng),
            "label": int(self.videos.labels[index]),
            "index": index,
        }


class ViewClips(Dataset):
    """All fixed views of a file, read in one decoding pass.

    Args:
        videos: the files.
        settings: temporal sampling and media options.
        geometry: deterministic spatial transform with its crops.
        num_views: clips per file; 0 stands for the one centre clip of validation.
    """

    def __init__(
        self,
        videos: VideoList,
        settings: ClipSettings,
        geometry: TestGeometry,
        num_views: int = 0,
    ) -> None:
        self.videos, self.settings, self.geometry = videos, settings, geometry
        self.num_views = num_views

    @property
    def views_per_video(self) -> int:
        """Clips per sample: temporal views times spatial crops."""
        return max(self.num_views, 1) * self.geometry.num_crops

    def __len__(self) -> int:
        return len(self.videos)

    def __getitem__(self, index: int) -> Sample:
        """Return the views of file ``index``; never those of another file."""
        path = self.videos.paths[index]
        begin_reading(path)
        sample = {"label": int(self.videos.labels[index]), "index": index}
        try:
            return {**sample, **self.read_sample(path), "valid": True, "failures": []}
        except (MediaError, OSError) as error:
            failures = [(path, str(error))]
            return {**sample, **self.empty_sample(), "valid": False, "failures": failures}

    def empty_sample(self) -> Sample:
        """Return what stands for a file that cannot be read."""
        size, frames = self.geometry.crop_size, self.settings.sampling.num_frames
        shape = (self.views_per_video, 3, frames, size, size)
        return {"video": torch.zeros(shape, dtype=torch.uint8)}

    def read_sample(self, path: str) -> Sample:
        """Return the views ``(V, 3, T, S, S)`` of a file."""
        sampling = self.settings.sampling
        with self.settings.open(path) as media:
            video = require_video(media)
            if self.num_views:
                clips = sampling.views(video, self.num_views)
            else:
                clips = [sampling.centre_clip(video)]
            wanted = [frame for clip in clips for frame in clip]
            frames = media.read_frames(wanted, transform=self.geometry.resize)
        views = []
        for clip in frames.unflatten(0, (len(clips), -1)):
            views += [crop.transpose(0, 1) for crop in self.geometry(clip)]
        return {"video": torch.stack(views)}


def require_video(media) -> VideoInfo:
    """Return the facts of the pictures of an open file.

    Raises:
        MediaError: it has none.
    """
    if media.video is None:
        raise MediaError(f"{media.path}: the file has no video stream.")
    return media.video
