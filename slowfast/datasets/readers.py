"""What is read of an opened file for the views of a sample: one reader per modality.

A reader turns ``(media, row, views, rng)`` into tensors with a leading view axis, and knows what
stands for them where a file cannot be read. Adding a modality is adding a reader.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from slowfast.datasets.audio.spec_augment import SpecAugment
from slowfast.datasets.audio.waveform import draw_gain
from slowfast.datasets.columns import Ragged
from slowfast.datasets.items import ItemTable
from slowfast.datasets.sample import Sample
from slowfast.datasets.transforms.boxes import BoxTestGeometry, BoxTrainGeometry, to_pixels
from slowfast.datasets.transforms.color import ColorJitter
from slowfast.datasets.transforms.moving_crops import moving_crops
from slowfast.datasets.transforms.pipelines import TestGeometry, TrainGeometry
from slowfast.datasets.views import View

NO_COLOR_CHANGE = ColorJitter()


class Reader(ABC):
    """Reads one modality, or the labels, of a sample."""

    @abstractmethod
    def read(
        self, media: Any, row: int, views: list[View], rng: np.random.Generator | None
    ) -> Sample:
        """Return the tensors of item ``row``.

        Raises:
            MediaError: the file cannot be read.
        """

    def empty(self, row: int, count: int) -> Sample:
        """Return what stands for ``count`` views of an item whose file cannot be read."""
        return {}


def _frames_of(media: Any, views: list[View], transform=None) -> list[Tensor]:
    """Return the frames ``(T, 3, H, W)`` of each view, read in one pass."""
    wanted = [frame for view in views for frame in view.frames]
    frames = media.read_frames(wanted, transform)
    return list(frames.split([len(view.frames) for view in views]))


def _times_of(views: list[View]) -> Tensor:
    return torch.tensor([view.time for view in views], dtype=torch.float32)


@dataclass(frozen=True)
class TrainFrames(Reader):
    """Random crops: ``video`` uint8 ``(V, 3, T, S, S)``, ``color`` and ``time``.

    With several cuts the V views are all cuts of the first clip, then those of the next.
    """

    geometry: TrainGeometry
    color: ColorJitter = NO_COLOR_CHANGE
    cuts: int = 1

    def read(self, media, row, views, rng) -> Sample:
        """Return the crops that ``rng`` draws, ``cuts`` for each clip."""
        frames = _frames_of(media, views)
        clips = [self.geometry(clip, rng) for clip in frames for _ in range(self.cuts)]
        return {
            "video": torch.stack([clip.transpose(0, 1) for clip in clips]).contiguous(),
            "color": self.color.draw(rng, len(clips)),
            "time": _times_of(views).repeat_interleave(self.cuts, dim=0),
        }


@dataclass(frozen=True)
class MovingCrops(Reader):
    """Clips of one image each, see :func:`moving_crops`: the keys of :class:`TrainFrames`.

    Args:
        size: S.
        num_frames: T.
        color: see :class:`ColorJitter`.
    """

    size: int
    num_frames: int
    color: ColorJitter = NO_COLOR_CHANGE

    def read(self, media, row, views, rng) -> Sample:
        """Return the moving crops of the first frame of each view."""
        images = media.read_frames([view.frames[0] for view in views])
        clips = [moving_crops(image, self.size, self.num_frames, rng) for image in images]
        return {
            "video": torch.stack([clip.transpose(0, 1) for clip in clips]).contiguous(),
            "color": self.color.draw(rng, len(clips)),
            "time": _times_of(views),
        }


@dataclass(frozen=True)
class EvalFrames(Reader):
    """All crops of all views: ``video`` uint8 ``(V, 3, T, S, S)``, temporal view major.

    Args:
        geometry: deterministic spatial transform with its crops.
        num_frames: T, of what stands for an unreadable file.
    """

    geometry: TestGeometry
    num_frames: int

    def read(self, media, row, views, rng) -> Sample:
        """Return the crops of each view."""
        clips = _frames_of(media, views, self.geometry.resize)
        crops = [crop.transpose(0, 1) for clip in clips for crop in self.geometry(clip)]
        times = _times_of(views).repeat_interleave(self.geometry.num_crops, dim=0)
        return {"video": torch.stack(crops), "time": times}

    def empty(self, row: int, count: int) -> Sample:
        """Return black clips."""
        count, side = count * self.geometry.num_crops, self.geometry.crop_size
        video = torch.zeros(count, 3, self.num_frames, side, side, dtype=torch.uint8)
        return {"video": video, "time": torch.zeros(count, 2)}


@dataclass(frozen=True)
class AudioReader(Reader):
    """Mono waveforms: ``audio`` float32 ``(V, S)``, S = ``round(seconds * rate)``.

    Args:
        seconds: length of a window.
        rate: samples per second.
        gain_jitter: g, training audio is multiplied by a factor of U(1 - g, 1 + g).
        silence: read silence from files without an audio stream.
        masks: where given, ``audio_mask`` ``(V, M, 2)`` holds the draws of its masks.
        loop: where above 0, the audio is its first seconds, which follow one another without end.
        stretch: range of a random factor by which drawn audio becomes longer and lower.
    """

    seconds: float
    rate: int = 24_000
    gain_jitter: float = 0.0
    silence: bool = False
    masks: SpecAugment | None = None
    loop: float = 0.0
    stretch: tuple[float, float] = (1.0, 1.0)

    @property
    def num_samples(self) -> int:
        """Length S of a waveform."""
        return round(self.seconds * self.rate)

    def read(self, media, row, views, rng) -> Sample:
        """Return the audio of each view, silent where the stream does not reach.

        A view and the same one backwards share waveform, gain and masks; audio runs forwards in both.
        """
        found: dict[float, tuple[Tensor, ...]] = {}
        for view in views:
            if view.audio_start not in found:
                found[view.audio_start] = self._draw(media, view, rng)
        drawn = zip(*(found[view.audio_start] for view in views), strict=True)
        return dict(zip(("audio", "audio_mask"), map(torch.stack, drawn), strict=False))

    def _draw(self, media, view: View, rng: np.random.Generator | None) -> tuple[Tensor, ...]:
        """Return the waveform of a view and, where there are some, the draws of its masks."""
        if media.audio is None and self.silence:
            wave = torch.zeros(self.num_samples)
        else:
            drawn = rng is not None and self.stretch != (1.0, 1.0)
            factor = rng.uniform(*self.stretch) if drawn else 1.0
            wave = self._wave(media, view.audio_start, round(self.rate * factor))
        if rng is None:
            return (wave,)
        wave = wave * draw_gain(self.gain_jitter, rng)
        return (wave,) if self.masks is None else (wave, self.masks.draw(rng))

    def _wave(self, media, start: float, rate: int) -> Tensor:
        """Return ``(S,)`` from a time on, so many samples per second of the file."""
        size = self.num_samples
        if not self.loop:
            return media.read_waveform(start, size / rate, rate)
        begin, seconds = media.audio.start, min(self.loop, media.audio.duration)
        whole = media.read_waveform(begin, seconds, rate)
        places = torch.arange(size) + round((start - begin) * rate)
        return whole[places % len(whole)]

    def empty(self, row: int, count: int) -> Sample:
        """Return silence."""
        return {"audio": torch.zeros(count, self.num_samples)}


@dataclass(frozen=True)
class TextReader(Reader):
    """The words of each view: ``text`` int64 ``(V, W)``, in reverse where the view runs backwards.

    Args:
        tokenise: from a text to ``(W,)`` numbers of words, 0 for none.
    """

    tokenise: Callable[[str], np.ndarray]

    def read(self, media, row, views, rng) -> Sample:
        """Return the numbers of the known words."""
        ids = [self.tokenise(view.text) for view in views]
        turned = [
            words[::-1] if view.time[0] > view.time[1] else words
            for words, view in zip(ids, views, strict=True)
        ]
        return {"text": torch.from_numpy(np.stack(turned))}

    def empty(self, row: int, count: int) -> Sample:
        """Return no words."""
        return {"text": torch.from_numpy(np.stack([self.tokenise("")] * count))}


@dataclass(frozen=True)
class LabelReader(Reader):
    """The class of an item: ``label`` int64, -1 without one."""

    items: ItemTable

    def read(self, media, row, views, rng) -> Sample:
        """Return the label."""
        return self.empty(row, len(views))

    def empty(self, row: int, count: int) -> Sample:
        """Return the label, which needs no file."""
        return {"label": int(self.items.labels[row])}


@dataclass(frozen=True)
class TimeReader(Reader):
    """Begin and end of each view, where nothing reads frames: ``time`` float32 ``(V, 2)``."""

    def read(self, media, row, views, rng) -> Sample:
        """Return the times."""
        return {"time": _times_of(views)}

    def empty(self, row: int, count: int) -> Sample:
        """Return zeros."""
        return {"time": torch.zeros(count, 2)}


@dataclass(frozen=True)
class ActionReader(Reader):
    """The actions of an item: ``label`` float32 ``(C,)`` of 0 and 1.

    Args:
        intervals: (class from 0, first frame, last frame) of each item.
        num_classes: C.
        of_clip: only those active in the frames of the view, as in training; otherwise all.
    """

    intervals: Ragged
    num_classes: int
    of_clip: bool

    def read(self, media, row, views, rng) -> Sample:
        """Return the actions of the first view, or of the whole item."""
        if not self.of_clip:
            return self.empty(row, len(views))
        frames = views[0].frames
        classes, begins, ends = self.intervals[row]["interval"].T
        return {"label": self._hot(classes[(begins <= frames[-1]) & (ends >= frames[0])])}

    def empty(self, row: int, count: int) -> Sample:
        """Return all actions of the item, which need no file."""
        return {"label": self._hot(self.intervals[row]["interval"][:, 0])}

    def _hot(self, classes: np.ndarray) -> Tensor:
        label = torch.zeros(self.num_classes)
        label[classes] = 1
        return label


@dataclass(frozen=True)
class TrainBoxes(Reader):
    """Random crops of key frames' clips with their boxes.

    Args:
        boxes: shares of the frame and labels of each item.
        geometry: cuts clips and boxes.
        color: see :class:`ColorJitter`.
    """

    boxes: Ragged
    geometry: BoxTrainGeometry
    color: ColorJitter = NO_COLOR_CHANGE

    def read(self, media, row, views, rng) -> Sample:
        """Return ``video`` ``(1, 3, T, S, S)`` and the boxes that stay visible."""
        (clip,) = _frames_of(media, views)
        rows = self.boxes.rows(row)
        boxes = to_pixels(self.boxes.arrays["box"][rows], *clip.shape[-2:])
        clip, boxes, kept = self.geometry(clip, boxes, rng)
        return {
            "video": clip.transpose(0, 1).contiguous()[None],
            "color": self.color.draw(rng, 1),
            "time": _times_of(views),
            **_box_tensors(boxes, self.boxes, rows[kept]),
        }


@dataclass(frozen=True)
class EvalBoxes(Reader):
    """The whole frames around each key frame with their boxes; an unreadable one has none."""

    boxes: Ragged
    geometry: BoxTestGeometry

    def read(self, media, row, views, rng) -> Sample:
        """Return ``video`` ``(1, 3, T, H, W)`` and all boxes."""
        (clip,) = _frames_of(media, views)
        rows = self.boxes.rows(row)
        boxes = to_pixels(self.boxes.arrays["box"][rows], *clip.shape[-2:])
        clip, boxes = self.geometry(clip, boxes)
        video = clip.transpose(0, 1).contiguous()[None]
        return {"video": video, "time": _times_of(views), **_box_tensors(boxes, self.boxes, rows)}

    def empty(self, row: int, count: int) -> Sample:
        """Return one black pixel and no box."""
        none = np.zeros(0, dtype=np.int64)
        return {
            "video": torch.zeros(1, 3, 1, 1, 1, dtype=torch.uint8),
            "time": torch.zeros(count, 2),
            **_box_tensors(np.zeros((0, 4)), self.boxes, none),
        }


def _box_tensors(boxes: np.ndarray, column: Ragged, rows: np.ndarray) -> dict[str, Tensor]:
    return {
        "boxes": torch.from_numpy(boxes).float(),
        "box_label": torch.from_numpy(column.arrays["label"][rows]).float(),
        "box_index": torch.from_numpy(rows),
    }
