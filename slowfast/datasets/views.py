"""Which moments of a file make the views of a sample: frame numbers and windows of audio.

Three rules: random ones to learn from, fixed ones to evaluate, and the clip around a key frame. A
rule knows the facts of the opened file and nothing of how it is decoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from slowfast.datasets.media.info import AudioInfo, VideoInfo
from slowfast.datasets.sampling.temporal import TemporalSampling
from slowfast.datasets.sampling.windows import AudioVisualWindows
from slowfast.utils.errors import MediaError


class Media(Protocol):
    """What an opened file tells; see :func:`slowfast.datasets.media.open_media`."""

    path: object
    video: VideoInfo
    audio: AudioInfo | None


@dataclass(frozen=True)
class View:
    """A moment of a file.

    Attributes:
        frames: T frame numbers.
        time: begin and end in seconds, on the clock of frames and audio.
        audio_start: where its audio begins, in seconds.
    """

    frames: list[int]
    time: tuple[float, float]
    audio_start: float = 0.0


def view_of(video: VideoInfo, frames: list[int], audio_start: float = 0.0) -> View:
    """Return the view of some frames; its end is that of the last one."""
    times = video.time_of(min(frames)), video.time_of(max(frames)) + 1 / video.fps
    return View(frames, times, audio_start)


@dataclass(frozen=True)
class RandomViews:
    """Views drawn independently, each with its own clip.

    Args:
        sampling: which frames make a clip.
        count: V.
        windows: where given, places audio beside each clip; the sampling has a fixed duration.
        silence: whether a file without that much audio is read with silence in its place.
    """

    sampling: TemporalSampling
    count: int = 1
    windows: AudioVisualWindows | None = None
    silence: bool = False

    def views(self, media: Media, at: float, rng: np.random.Generator) -> list[View]:
        """Return the views that ``rng`` draws; ``at`` does not matter.

        Raises:
            MediaError: the windows do not fit.
        """
        return [self._draw(media, rng) for _ in range(self.count)]

    def _draw(self, media: Media, rng: np.random.Generator) -> View:
        video = media.video
        if self.windows is None:
            return view_of(video, self.sampling.random_clip(video, rng))
        problem = self.windows.problem(video, media.audio)
        if not problem:
            starts = self.windows.draw(video, media.audio, rng)
        elif self.silence:
            starts = self.windows.anywhere(video, rng)
        else:
            raise MediaError(f"{media.path}: {problem} (AUDIO.MISSING).")
        return _beside_audio(self.sampling, video, *starts)


@dataclass(frozen=True)
class FixedViews:
    """The same views each time: spread over a file, or the one in its middle.

    Args:
        sampling: which frames make a clip.
        count: clips per file; 0 stands for the centre clip of validation.
        windows: where given, places audio beside the clip in the middle.
    """

    sampling: TemporalSampling
    spread: int = 0
    windows: AudioVisualWindows | None = None

    @property
    def count(self) -> int:
        """V, before spatial crops."""
        return max(self.spread, 1)

    def views(self, media: Media, at: float, rng: np.random.Generator | None = None) -> list[View]:
        """Return the views of a file; ``at`` and ``rng`` do not matter."""
        video = media.video
        if self.windows is not None:
            starts = self.windows.centre(video, media.audio)
            return [_beside_audio(self.sampling, video, *starts)]
        if not self.spread:
            return [view_of(video, self.sampling.centre_clip(video))]
        return [view_of(video, clip) for clip in self.sampling.views(video, self.spread)]


@dataclass(frozen=True)
class KeyframeView:
    """The clip around a key frame (PySlowFast, ``get_sequence``).

    Args:
        num_frames: T; the key frame is frame ``T // 2`` of the clip.
        stride: in frames of the file.
    """

    num_frames: int
    stride: int
    count = 1

    def views(self, media: Media, at: float, rng: np.random.Generator | None = None) -> list[View]:
        """Return the clip around ``at`` seconds, clamped to the file.

        Raises:
            MediaError: the moment lies outside the file.
        """
        video = media.video
        centre = round(at * video.fps)
        if not 0 <= centre < video.num_frames:
            raise MediaError(
                f"{media.path}: the key frame at {at:g} s lies outside its {video.num_frames} "
                "frames."
            )
        return [view_of(video, self.around(centre, video.num_frames))]

    def around(self, centre: int, count: int) -> list[int]:
        """Return T frame numbers around a frame, clamped to ``count`` frames."""
        first = centre - self.num_frames * self.stride // 2
        frames = first + self.stride * np.arange(self.num_frames)
        return np.clip(frames, 0, count - 1).tolist()


def _beside_audio(
    sampling: TemporalSampling, video: VideoInfo, video_start: float, audio_start: float
) -> View:
    """Return a clip and its audio, which moves with the first whole frame.

    Frames are whole: the first is shown up to one frame before the window begins.
    """
    start = video_start - video.start
    frames = sampling.pad(sampling.frames_between(video, start, sampling.duration))
    earlier = video_start - video.time_of(frames[0])
    return view_of(video, frames, audio_start - earlier)
