"""Clips around AVA's key frames, from folders of pictures or from the videos themselves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from slowfast.datasets.frame_lists import compact, read_frame_list
from slowfast.datasets.media import DEFAULT_OPTIONS, MediaOptions, open_media
from slowfast.datasets.media.frame_folder import read_images
from slowfast.utils.errors import AnnotationError, MediaError

FIRST_SECOND = 900  # of the movie, where the frame lists begin
VIDEO_SUFFIXES = (".mp4", ".mkv", ".webm", ".avi", ".mov")


@dataclass(frozen=True)
class ClipWindow:
    """Which frames make the clip of a key frame.

    Args:
        num_frames: T of a clip.
        stride: in frames of the frame lists.
        frame_rate: of the frame lists, per second.
    """

    num_frames: int
    stride: int
    frame_rate: int = 30

    def frames(self, second: int, count: int) -> list[int]:
        """Return T frame numbers, the key frame at ``T // 2``, clamped to ``count`` frames."""
        return self.around(self.keyframe(second), count)

    def around(self, centre: int, count: int) -> list[int]:
        """Return the same around a frame (PySlowFast, ``get_sequence``)."""
        first = centre - self.num_frames * self.stride // 2
        frames = first + self.stride * np.arange(self.num_frames)
        return np.clip(frames, 0, count - 1).tolist()

    def keyframe(self, second: int) -> int:
        """Return the frame at a second of the movie."""
        return (second - FIRST_SECOND) * self.frame_rate


class ClipSource(ABC):
    """Reads clips."""

    @property
    @abstractmethod
    def videos(self) -> Collection[str]:
        """Names of the videos there are."""

    @abstractmethod
    def path(self, video: str) -> str:
        """Return the file or folder of a video."""

    @abstractmethod
    def picture(self, video: str, second: int) -> tuple[str, int]:
        """Return where the key frame itself is: a file, and a frame of it (0 for a picture)."""

    @abstractmethod
    def read(self, video: str, second: int) -> Tensor:
        """Return the clip of a key frame as uint8 ``(T, 3, H, W)`` RGB.

        Raises:
            MediaError: it cannot be read, or the second lies outside the video.
        """


class FrameSource(ClipSource):
    """Clips from folders of pictures, as the frame lists name them.

    Args:
        lists: files of frame lists.
        folder: what their paths are below.
        window: which frames make a clip.

    Raises:
        AnnotationError: a list is missing or wrong, or two name the same video.
    """

    def __init__(self, lists: Iterable[str | Path], folder: str | Path, window: ClipWindow) -> None:
        self.folder, self.window = Path(folder), window
        self._frames: dict[str, Sequence[str]] = {}
        for path in lists:
            for video, lines in read_frame_list(path):
                if video in self._frames:
                    raise AnnotationError(f"{path}: {video} is in another frame list too.")
                self._frames[video] = compact([line.path for line in lines])

    @property
    def videos(self) -> Collection[str]:
        """Names of the videos in the lists."""
        return self._frames.keys()

    def path(self, video: str) -> str:
        """Return the folder of a video's first picture."""
        return str((self.folder / self._frames[video][0]).parent)

    def picture(self, video: str, second: int) -> tuple[str, int]:
        """Return the picture of a key frame, see :class:`ClipSource`."""
        names = self._frames[video]
        return str(self.folder / names[min(self.window.keyframe(second), len(names) - 1)]), 0

    def read(self, video: str, second: int) -> Tensor:
        """Return a clip, see :class:`ClipSource`."""
        names = self._frames[video]
        _check_inside(self.path(video), second, self.window, len(names))
        wanted = self.window.frames(second, len(names))
        return read_images([self.folder / names[k] for k in wanted])


class VideoSource(ClipSource):
    """Clips straight from video files named after their videos.

    Args:
        folder: of the files.
        window: which frames make a clip, at the rate of the frame lists; the nearest ones of the
            file are taken.
        start: second of the movie at which the files begin.
        options: how files are opened.

    Raises:
        AnnotationError: there is no such folder, or two files of one name.
    """

    def __init__(
        self,
        folder: str | Path,
        window: ClipWindow,
        start: float = FIRST_SECOND,
        options: MediaOptions = DEFAULT_OPTIONS,
    ) -> None:
        self.window, self.start, self.options = window, start, options
        self._files: dict[str, Path] = {}
        if not Path(folder).is_dir():
            raise AnnotationError(f"AVA.VIDEO_DIR {folder}: no such folder.")
        for file in sorted(Path(folder).iterdir()):
            if file.suffix.lower() in VIDEO_SUFFIXES:
                if file.stem in self._files:
                    raise AnnotationError(
                        f"AVA.VIDEO_DIR: {self._files[file.stem]} and {file} are one video."
                    )
                self._files[file.stem] = file

    @property
    def videos(self) -> Collection[str]:
        """Names of the files without their endings."""
        return self._files.keys()

    def path(self, video: str) -> str:
        """Return the file of a video."""
        return str(self._files[video])

    def picture(self, video: str, second: int) -> tuple[str, int]:
        """Return file and frame of a key frame, see :class:`ClipSource`."""
        with open_media(self._files[video], self.options) as media:
            return self.path(video), media.video.nearest([second - self.start])[0]

    def read(self, video: str, second: int) -> Tensor:
        """Return a clip, see :class:`ClipSource`."""
        with open_media(self._files[video], self.options) as media:
            info, rate = media.video, self.window.frame_rate
            if info is None:
                raise MediaError(f"{media.path}: the file has no video stream.")
            # Frames of the list are numbered from FIRST_SECOND, wherever the file begins.
            shift = (self.start - FIRST_SECOND) * rate
            count = round(info.duration * rate + shift)
            _check_inside(str(media.path), second, self.window, count)
            wanted = self.window.frames(second, count)
            return media.read_frames(info.nearest([(k - shift) / rate for k in wanted]))


def _check_inside(path: str, second: int, window: ClipWindow, count: int) -> None:
    if not 0 <= window.keyframe(second) < count:
        raise MediaError(
            f"{path}: second {second} lies outside its {count} frames, which begin at second "
            f"{FIRST_SECOND}."
        )
