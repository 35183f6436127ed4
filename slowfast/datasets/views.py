"""Which moments of a file make the views of a sample: frame numbers and windows of audio.

Random ones to learn from, fixed ones to evaluate, the clip around a key frame, and windows of audio
alone. A rule knows the facts of the opened file and nothing of how it is decoded. ``random`` says
whether it draws, ``reads_frames`` whether it needs a video stream.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Protocol

import numpy as np

from slowfast.datasets.media.info import AudioInfo, VideoInfo
from slowfast.datasets.sampling.temporal import TemporalSampling
from slowfast.datasets.sampling.windows import AVClipSampler
from slowfast.utils.errors import MediaError

# Draws of starts that lie as far apart as was asked.
START_ATTEMPTS = 64


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
        time: begin and end in seconds, on the clock of frames and audio; a view that runs
            backwards begins at its later end.
        audio_start: where its audio begins, in seconds, in the direction of the file.
        text: its words, where there are captions.
    """

    frames: list[int]
    time: tuple[float, float]
    audio_start: float = 0.0
    text: str = ""

    def backwards(self) -> View:
        """Return the same moment, running the other way."""
        return replace(self, frames=self.frames[::-1], time=self.time[::-1])


def view_of(video: VideoInfo, frames: list[int], audio_start: float = 0.0) -> View:
    """Return the view of some frames; its end is that of the last one."""
    times = video.time_of(min(frames)), video.time_of(max(frames)) + 1 / video.fps
    return View(frames, times, audio_start)


@dataclass(frozen=True)
class ViewPlan:
    """Which views of an item a method learns from.

    Attributes:
        starts: clips with a start of their own.
        reverse: each clip is followed by itself, running backwards.
        cuts: random crops of the frames of each clip, decoded once; audio comes once per clip.
        distance: minimum and maximum between two starts in seconds; where a file has no such
            starts, those that come closest are taken.
    """

    starts: int = 1
    reverse: bool = False
    cuts: int = 1
    distance: tuple[float, float] = (0.0, math.inf)

    @property
    def count(self) -> int:
        """V: two clips with both directions are the views forwards, back, forwards, back."""
        return self.starts * (2 if self.reverse else 1)


@dataclass(frozen=True)
class RandomViews:
    """Views drawn independently, each with its own clip.

    Args:
        sampling: which frames make a clip.
        plan: which views, or the number of starts.
        windows: where given, places audio beside each clip; the sampling has a fixed duration.
        silence: whether a file without that much audio is read with silence in its place.
    """

    sampling: TemporalSampling
    plan: ViewPlan | int = 1
    windows: AVClipSampler | None = None
    silence: bool = False
    random = reads_frames = True

    def __post_init__(self) -> None:
        if isinstance(self.plan, int):
            object.__setattr__(self, "plan", ViewPlan(self.plan))

    @property
    def count(self) -> int:
        """V."""
        return self.plan.count

    def views(self, media: Media, at: float, rng: np.random.Generator) -> list[View]:
        """Return the views that ``rng`` draws; ``at`` does not matter.

        Raises:
            MediaError: the windows do not fit.
        """
        found = self._apart(media, rng)
        if not self.plan.reverse:
            return found
        return [view for forwards in found for view in (forwards, forwards.backwards())]

    def _apart(self, media: Media, rng: np.random.Generator) -> list[View]:
        """Draw the starts until they lie as far apart as the plan says, or return the best."""
        low, high = self.plan.distance
        best: list[View] = []
        misfit = math.inf
        for _ in range(START_ATTEMPTS):
            views = [self._draw(media, rng) for _ in range(self.plan.starts)]
            gaps = [abs(a.time[0] - b.time[0]) for a, b in combinations(views, 2)]
            off = max((max(low - gap, gap - high, 0.0) for gap in gaps), default=0.0)
            if off < misfit:
                best, misfit = views, off
            if not off:
                break
        return best

    def _draw(self, media: Media, rng: np.random.Generator) -> View:
        video = media.video
        if self.windows is None:
            return view_of(video, self.sampling.random_clip(video, rng))
        problem = self.windows.why_too_short(video, media.audio)
        if self.windows.with_clip and (self.silence or not problem):
            clip = self.sampling.random_clip(video, rng)
            return _with_audio(clip, video, media.audio, self.windows)
        if not problem:
            starts = self.windows.draw(video, media.audio, rng)
        elif self.silence:
            starts = self.windows.sample_video_only(video, rng)
        else:
            raise MediaError(f"{media.path}: {problem} (AUDIO.MISSING).")
        return _beside_audio(self.sampling, video, *starts)


@dataclass(frozen=True)
class FixedViews:
    """The same views each time: spread over a file, or the one in its middle.

    Args:
        sampling: which frames make a clip.
        count: clips per file; 0 stands for the centre clip of validation.
        windows: where given, places audio beside each clip; a single one is the one in the middle.
    """

    sampling: TemporalSampling
    spread: int = 0
    windows: AVClipSampler | None = None
    random, reads_frames = False, True

    @property
    def count(self) -> int:
        """V, before spatial crops."""
        return max(self.spread, 1)

    def views(self, media: Media, at: float, rng: np.random.Generator | None = None) -> list[View]:
        """Return the views of a file; ``at`` and ``rng`` do not matter."""
        video = media.video
        if self.windows is not None and (self.windows.with_clip or self.spread > 1):
            clips = self.sampling.views(video, self.spread) if self.spread > 1 else None
            clips = clips or [self.sampling.centre_clip(video)]
            return [_with_audio(clip, video, media.audio, self.windows) for clip in clips]
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
    random, reads_frames = False, True

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


@dataclass(frozen=True)
class AudioViews:
    """Windows of audio alone; a file needs no video stream.

    Args:
        seconds: length of a window.
        count: V windows, from the beginning to the end; a single one lies in the middle.
        random: draw their starts instead.
        loop: seconds from which on the audio begins anew, 0 for never; windows then start anywhere
            in them and the reader wraps them around, see :class:`AudioReader`.
    """

    seconds: float
    count: int = 1
    random: bool = False
    loop: float = 0.0
    reads_frames = False

    def views(self, media: Media, at: float, rng: np.random.Generator | None = None) -> list[View]:
        """Return the windows of a file; ``at`` does not matter.

        Raises:
            MediaError: it has no audio, or its header does not tell for how long.
        """
        audio = media.audio
        if audio is None or math.isnan(audio.duration):
            problem = "has no audio stream" if audio is None else "does not tell its length"
            raise MediaError(f"{media.path}: the file {problem}.")
        room = min(self.loop, audio.duration) if self.loop else audio.duration - self.seconds
        room = max(room, 0.0)
        if self.random:
            starts = rng.uniform(0.0, room, self.count)
        else:
            starts = np.linspace(0.0, room, self.count) if self.count > 1 else [room / 2]
        starts = [audio.start + float(start) for start in starts]
        return [View([], (start, start + self.seconds), start) for start in starts]


def _with_audio(
    frames: list[int], video: VideoInfo, audio: AudioInfo | None, windows: AVClipSampler
) -> View:
    """Return a clip and its audio, which begins with it."""
    return view_of(video, frames, windows.beside(video.time_of(frames[0]), video, audio))


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
