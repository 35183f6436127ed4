"""Clips around AVA's key frames with the boxes in them.

A sample is a dict of

* ``video``: uint8 RGB ``(3, T, S, S)`` in training, ``(3, T, H, W)`` of the whole picture in testing;
* ``boxes``: float32 ``(N, 4)`` ``[x1, y1, x2, y2]`` in pixels of ``video``;
* ``labels``: float32 ``(N, C)``, several actions per box;
* ``box_index``: int64 ``(N,)`` rows of the dataset's boxes;
* ``index``: row of the key frame; ``color``, ``valid``, ``failures`` as in
  :mod:`slowfast.datasets.video_clips`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from slowfast.datasets.ava_boxes import Key, KeyframeBoxes
from slowfast.datasets.ava_media import ClipSource
from slowfast.datasets.reading import begin_reading
from slowfast.datasets.transforms.boxes import BoxTestGeometry, BoxTrainGeometry, to_pixels
from slowfast.datasets.video_clips import Sample, TrainSamples, UnreadableSample
from slowfast.datasets.video_list import VideoList
from slowfast.utils.errors import AnnotationError, MediaError

BOX_KEYS = ("labels", "box_index")


class KeyframeTable:
    """Key frames and their boxes as arrays.

    Args:
        keyframes: boxes of each (video, second), in order.
        num_classes: C.
        source: where the boxes were read, for messages.

    Attributes:
        keys: (video, second) of each key frame.
        boxes, labels: ``(M, 4)`` shares of the picture and ``(M, C)`` uint8, of all key frames.
        ends: ``(K,)`` where the boxes of each key frame end.
    """

    def __init__(
        self, keyframes: Mapping[Key, KeyframeBoxes], num_classes: int, source: str
    ) -> None:
        self.keys, self.source = list(keyframes), source
        arrays = [boxes.arrays(num_classes) for boxes in keyframes.values()]
        self.boxes = np.concatenate([boxes for boxes, _ in arrays])
        self.labels = np.concatenate([labels for _, labels in arrays])
        self.ends = np.cumsum([len(boxes) for boxes, _ in arrays])

    def __len__(self) -> int:
        return len(self.keys)

    def rows(self, keyframe: int) -> np.ndarray:
        """Return the rows of the boxes of a key frame."""
        begin = self.ends[keyframe - 1] if keyframe else 0
        return np.arange(begin, self.ends[keyframe])

    def fingerprint(self) -> str:
        """Return a short hash of the key frames and boxes in their order."""
        digest = hashlib.sha256(repr(self.keys).encode())
        for array in (self.boxes, self.labels, self.ends):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    def keyframe_of_boxes(self) -> np.ndarray:
        """Return the key frame ``(M,)`` of each box."""
        return np.searchsorted(self.ends, np.arange(len(self.boxes)), side="right")

    def list_of(self, source: ClipSource) -> VideoList:
        """Return a list with a row for each key frame: file or folder, and second, as a name.

        Raises:
            AnnotationError: there are boxes of videos that the source does not have.
        """
        missing = sorted({video for video, _ in self.keys} - set(source.videos))
        if missing:
            raise AnnotationError(
                f"{self.source}: boxes of {len(missing)} videos that no frame list or video file "
                f"has, such as {', '.join(missing[:3])}. Check AVA.TRAIN_LISTS, AVA.TEST_LISTS and "
                "AVA.VIDEO_DIR."
            )
        folders = {video: source.path(video) for video in {video for video, _ in self.keys}}
        paths = (f"{folders[video]},{second:04d}" for video, second in self.keys)
        return VideoList(paths, np.full(len(self), -1), [], self.source)


class AvaTrainClips(TrainSamples):
    """A random crop of the clip around each key frame.

    Args:
        table: key frames and boxes.
        source: reads clips.
        geometry: cuts clips and boxes.
        seed, color_jitter, color_probability, max_retries: see :class:`TrainSamples`.
    """

    def __init__(
        self,
        table: KeyframeTable,
        source: ClipSource,
        geometry: BoxTrainGeometry,
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(table.list_of(source), seed, **options)
        self.table, self.source, self.geometry = table, source, geometry

    def read_sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Return the clip of key frame ``index`` as ``rng`` cuts it."""
        rows = self.table.rows(index)
        clip = self.source.read(*self.table.keys[index])
        boxes = to_pixels(self.table.boxes[rows], *clip.shape[-2:])
        clip, boxes, kept = self.geometry(clip, boxes, rng)
        return {
            "video": clip.transpose(0, 1).contiguous(),
            "color": self.draw_color(rng),
            "index": index,
            **_box_tensors(boxes, self.table.labels[rows[kept]], rows[kept]),
        }

    def collate(self, samples: list[Sample | UnreadableSample]) -> dict[str, Any]:
        """Join samples, see :func:`collate_boxes`."""
        return collate_boxes(samples)


class AvaTestClips(Dataset):
    """The whole picture around each key frame.

    Args:
        table: key frames and boxes.
        source: reads clips.
        geometry: resizes clips and boxes.
        split: ``val`` or ``test``.
    """

    views_per_video = 1

    def __init__(
        self,
        table: KeyframeTable,
        source: ClipSource,
        geometry: BoxTestGeometry,
        split: str = "test",
    ) -> None:
        self.videos = table.list_of(source)
        self.table, self.source, self.geometry = table, source, geometry
        self.split = split

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, index: int) -> Sample:
        """Return the clip of a key frame; one that cannot be read has no boxes."""
        rows = self.table.rows(index)
        begin_reading(self.videos.paths[index])
        failures = []
        try:
            clip = self.source.read(*self.table.keys[index])
            boxes = to_pixels(self.table.boxes[rows], *clip.shape[-2:])
            clip, boxes = self.geometry(clip, boxes)
        except (MediaError, OSError) as error:
            failures = [(self.videos.paths[index], str(error))]
            rows = rows[:0]
            clip, boxes = torch.zeros(1, 3, 1, 1, dtype=torch.uint8), np.zeros((0, 4))
        return {
            "video": clip.transpose(0, 1).contiguous(),
            "index": index,
            "valid": not failures,
            "failures": failures,
            **_box_tensors(boxes, self.table.labels[rows], rows),
        }

    def collate(self, samples: list[Sample]) -> dict[str, Any]:
        """Join samples, see :func:`collate_boxes`."""
        return collate_boxes(samples)


def _box_tensors(boxes: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> dict[str, Tensor]:
    return {
        "boxes": torch.from_numpy(boxes).float(),
        "labels": torch.from_numpy(labels).float(),
        "box_index": torch.from_numpy(rows),
    }


def collate_boxes(samples: list[Sample | UnreadableSample]) -> dict[str, Any]:
    """Join the samples of a batch.

    ``boxes`` becomes ``(N, 5)`` with the sample's place in the batch first; ``labels`` and
    ``box_index`` are joined, and so are lists of failures. Clips are stacked where they have one
    size, otherwise they stay a list. A batch with a sample that no file could fill is only
    ``{"unreadable": failures}``.
    """
    unreadable = [s for s in samples if isinstance(s, UnreadableSample)]
    if unreadable:
        return {"unreadable": unreadable[0].failures}
    batch: dict[str, Any] = {}
    for key in samples[0]:
        values = [sample[key] for sample in samples]
        if key == "boxes":
            places = [torch.full((len(v), 1), float(k)) for k, v in enumerate(values)]
            pairs = zip(places, values, strict=True)
            batch[key] = torch.cat([torch.cat(pair, dim=1) for pair in pairs])
        elif key in BOX_KEYS:
            batch[key] = torch.cat(values)
        elif key == "failures":
            batch[key] = [failure for value in values for failure in value]
        elif key == "video" and len({value.shape for value in values}) > 1:
            batch[key] = values
        else:
            batch[key] = default_collate(values)
    return batch
