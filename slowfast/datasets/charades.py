"""Charades as a dataset: several overlapping actions in each video.

Sigurdsson et al., "Hollywood in Homes". A training clip has the actions of its own frames, a
validation or test video those of all its frames, as PySlowFast counts them. A sample is that of
:mod:`slowfast.datasets.video_clips` with ``labels`` float32 ``(C,)`` in place of ``label``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from slowfast.datasets.build import DATASET_REGISTRY
from slowfast.datasets.charades_lists import (
    CharadesVideo,
    read_annotated_videos,
    read_frame_videos,
)
from slowfast.datasets.frame_index import strided_view
from slowfast.datasets.media import (
    DEFAULT_OPTIONS,
    MediaOptions,
    build_media_options,
    open_media,
)
from slowfast.datasets.media.frame_folder import read_images
from slowfast.datasets.transforms.pipelines import TestGeometry, TrainGeometry
from slowfast.datasets.video_clips import Sample, TrainSamples, require_video
from slowfast.datasets.video_list import VideoList
from slowfast.utils.errors import AnnotationError, MediaError
from slowfast.utils.logging import get_logger
from slowfast.utils.paths import list_file

logger = get_logger(__name__)

CLASS_FILE = "Charades_v1_classes.txt"
FILES = {
    "frames": ("train.csv", "val.csv"),
    "video": ("Charades_v1_train.csv", "Charades_v1_test.csv"),
}


@dataclass(frozen=True)
class StridedClips:
    """Which frames make a clip.

    Args:
        num_frames: T of a clip.
        stride: between them, in frames.
        frame_rate: of the frames that are counted, per second.
        prefix: folder of all pictures.
        options: how files are opened.
    """

    num_frames: int
    stride: int
    frame_rate: int = 24
    prefix: str = ""
    options: MediaOptions = DEFAULT_OPTIONS

    def random_clip(self, length: int, rng: np.random.Generator) -> list[int]:
        """Return the frames of a random clip, clamped; a short video may begin within it."""
        room = length - ((self.num_frames - 1) * self.stride + 1)
        start = int(rng.integers(min(room, 0), max(room, 0) + 1))
        frames = start + self.stride * np.arange(self.num_frames)
        return np.clip(frames, 0, length - 1).tolist()

    def views(self, length: int, count: int) -> list[list[int]]:
        """Return the frames of ``count`` clips spread over a video."""
        return [
            strided_view(length, self.num_frames, self.stride, view, count) for view in range(count)
        ]

    def open(self, video: CharadesVideo) -> FrameReader:
        """Return what reads frames of a video; use it in a ``with`` statement."""
        return FrameReader(video, self)


class FrameReader:
    """Frames of a video by their number at the rate of the lists.

    Attributes:
        length: how many there are.
    """

    def __init__(self, video: CharadesVideo, clips: StridedClips) -> None:
        self.video, self.clips, self.media = video, clips, None
        self.length = len(video.frames)

    def __enter__(self) -> FrameReader:
        if not self.video.frames:
            self.media = open_media(self.video.path, self.clips.options)
            try:
                duration = require_video(self.media).duration
            except MediaError:
                self.media.close()
                raise
            self.length = max(round(duration * self.clips.frame_rate), 1)
        return self

    def __exit__(self, *_: object) -> None:
        if self.media:
            self.media.close()

    def read(self, frames: list[int], transform=None) -> Tensor:
        """Return frames as uint8 ``(T, 3, H, W)`` RGB, see :func:`read_images`."""
        if self.media is None:
            folder = Path(self.clips.prefix)
            paths = [folder / self.video.frames[k] for k in frames]
            return read_images(paths, transform, self.clips.options.max_pixels)
        nearest = self.media.video.nearest([k / self.clips.frame_rate for k in frames])
        return self.media.read_frames(nearest, transform)


class CharadesTrainClips(TrainSamples):
    """Random clips with the actions of their frames.

    Args:
        videos: of the list.
        clips: which frames make a clip.
        geometry: random spatial transform.
        num_classes: C.
        source: the list, for messages; names of the classes may lie beside it
            or one folder above.
        seed, options: see :class:`TrainSamples`.
    """

    def __init__(
        self,
        videos: list[CharadesVideo],
        clips: StridedClips,
        geometry: TrainGeometry,
        num_classes: int,
        source: str,
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(list_of(videos, num_classes, source), seed, **options)
        self.entries, self.clips, self.geometry = videos, clips, geometry
        self.num_classes = num_classes

    def read_sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Return the clip of video ``index`` that ``rng`` draws."""
        entry = self.entries[index]
        with self.clips.open(entry) as reader:
            frames = self.clips.random_clip(reader.length, rng)
            clip = self.geometry(reader.read(frames), rng)
        labels = entry.actions.between(frames[0], frames[-1], self.num_classes)
        return {
            "video": clip.transpose(0, 1).contiguous(),
            "color": self.draw_color(rng),
            "labels": torch.from_numpy(labels),
            "index": index,
        }


class CharadesViews(Dataset):
    """All fixed views of a video with the actions of the whole video.

    Args:
        videos, clips, num_classes, source: see :class:`CharadesTrainClips`.
        geometry: deterministic spatial transform with its crops.
        num_views: clips per video.
    """

    def __init__(
        self,
        videos: list[CharadesVideo],
        clips: StridedClips,
        geometry: TestGeometry,
        num_views: int,
        num_classes: int,
        source: str,
    ) -> None:
        self.videos = list_of(videos, num_classes, source)
        self.entries, self.clips, self.geometry = videos, clips, geometry
        self.num_views, self.num_classes = num_views, num_classes

    @property
    def views_per_video(self) -> int:
        """Clips per sample: temporal views times spatial crops."""
        return self.num_views * self.geometry.num_crops

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> Sample:
        """Return the views ``(V, 3, T, S, S)`` of a video, temporal view major."""
        entry = self.entries[index]
        failures = []
        try:
            views = self._views(entry)
        except (MediaError, OSError) as error:
            failures = [(entry.path, str(error))]
            side = self.geometry.crop_size
            shape = (self.views_per_video, 3, self.clips.num_frames, side, side)
            views = torch.zeros(shape, dtype=torch.uint8)
        labels = torch.from_numpy(entry.actions.all(self.num_classes))
        return {
            "video": views,
            "labels": labels,
            "index": index,
            "valid": not failures,
            "failures": failures,
        }

    def _views(self, entry: CharadesVideo) -> Tensor:
        with self.clips.open(entry) as reader:
            clips = self.clips.views(reader.length, self.num_views)
            wanted = [frame for clip in clips for frame in clip]
            frames = reader.read(wanted, self.geometry.resize)
        crops = (self.geometry(clip) for clip in frames.unflatten(0, (len(clips), -1)))
        return torch.stack([crop.transpose(0, 1) for clip in crops for crop in clip])


def list_of(videos: list[CharadesVideo], num_classes: int, source: str) -> VideoList:
    """Return the list of the files or folders of videos.

    Raises:
        AnnotationError: an action is not among the classes.
    """
    for video in videos:
        largest = video.actions.intervals[:, 0].max(initial=-1)
        if largest >= num_classes:
            raise AnnotationError(
                f"{source}: action {largest} of {video.name} is not below MODEL.NUM_CLASSES = "
                f"{num_classes}. Set it to the number of classes (Charades has 157)."
            )
    folders = (Path(source).parent, Path(source).parent.parent)
    files = [folder / CLASS_FILE for folder in folders if (folder / CLASS_FILE).is_file()]
    names = read_class_names(files[0], num_classes) if files else []
    paths = (video.path for video in videos)
    return VideoList(paths, np.full(len(videos), -1), names, source)


def read_class_names(path: Path, num_classes: int) -> list[str]:
    """Return the names in ``Charades_v1_classes.txt`` (``c000 Name``).

    Raises:
        AnnotationError: a line is wrong, or there are other classes.
    """
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    names = [line.partition(" ")[2].strip() for line in lines if line.strip()]
    if len(names) != num_classes or not all(names):
        raise AnnotationError(
            f"{path}: {len(names)} classes with names, MODEL.NUM_CLASSES is {num_classes}; expected "
            "one line such as 'c000 Holding some clothes' for each."
        )
    return names


@DATASET_REGISTRY.register(name="charades")
def charades(cfg, split: str) -> CharadesTrainClips | CharadesViews:
    """Return random training clips or fixed views; validation and testing read the same list.

    Raises:
        AnnotationError: lists are missing or wrong.
    """
    data = cfg.DATA
    videos, source = read_videos(cfg, split)
    clips = StridedClips(
        data.NUM_FRAMES,
        data.SAMPLING_RATE,
        cfg.CHARADES.FRAME_RATE,
        data.PATH_PREFIX,
        build_media_options(cfg),
    )
    classes = cfg.MODEL.NUM_CLASSES
    list_of(videos, classes, source).check_files()
    if split != "train":
        views = cfg.TEST.NUM_ENSEMBLE_VIEWS if split == "test" else 1
        crops = cfg.TEST.NUM_SPATIAL_CROPS if split == "test" else 1
        geometry = TestGeometry.from_cfg(data, crops)
        return CharadesViews(videos, clips, geometry, views, classes, source)
    return CharadesTrainClips(
        videos,
        clips,
        TrainGeometry.from_cfg(data),
        classes,
        source,
        seed=cfg.RNG_SEED,
        color_jitter=tuple(data.COLOR_JITTER),
        color_probability=data.COLOR_JITTER_PROB,
        max_retries=data.MAX_RETRIES,
    )


def read_videos(cfg, split: str) -> tuple[list[CharadesVideo], str]:
    """Return the videos of a split and the list they stand in (``CHARADES.SOURCE``)."""
    node = cfg.CHARADES
    name = FILES[node.SOURCE][split != "train"]
    path = list_file(cfg.DATA.PATH_TO_DATA_DIR, name, "DATA.PATH_TO_DATA_DIR")
    if node.SOURCE == "video":
        return read_annotated_videos(path, node.VIDEO_DIR, node.FRAME_RATE), str(path)
    return read_frame_videos(path, cfg.DATA.PATH_PREFIX), str(path)
