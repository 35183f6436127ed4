"""Which frames make a clip: arithmetic on frame numbers, apart from any decoding.

Three published rules, each a small frozen class with the same two methods:

* :class:`StrideSampling`: PySlowFast's ``NUM_FRAMES x SAMPLING_RATE`` at ``TARGET_FPS``
  (``slowfast/datasets/decoder.py`` of facebookresearch/SlowFast).
* :class:`DurationSampling`: AVID-CMA's fixed-rate clips, for example 0.5 s at 16 fps.
* :class:`LinspaceSampling`: GDT's and STiCA's integer start and floored linspace.

``random_clip(video, rng)`` draws a training clip, ``views(video, n)`` gives the ``n`` fixed clips
of testing, ``centre_clip(video)`` the one of validation. All return frame numbers of :class:`slowfast.datasets.media.VideoInfo`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from slowfast.datasets.media.info import VideoInfo
from slowfast.utils.errors import ConfigError

TICKS_PER_SECOND = 90_000


def _linspace(low: float, high: float, num: int, last: int) -> list[int]:
    """Return ``num`` evenly spread frame numbers, truncated and clamped to ``[0, last]``."""
    # float32 as in the published code: truncation makes the last digit matter.
    points = np.linspace(low, high, num, dtype=np.float64).astype(np.float32)
    return np.clip(points.astype(np.int64), 0, last).tolist()


@dataclass(frozen=True)
class StrideSampling:
    """Clips of ``num_frames`` frames, ``sampling_rate`` apart at ``target_fps``.

    Args:
        num_frames: frames per clip T.
        sampling_rate: stride tau between frames, counted at ``target_fps``.
        target_fps: rate to which the stride refers; other rates are stretched to match it.
        use_offset: PySlowFast's ``DATA.USE_OFFSET_SAMPLING``: whole starts, both ends reached.
    """

    num_frames: int
    sampling_rate: int
    target_fps: float = 30.0
    use_offset: bool = False

    @property
    def duration(self) -> float:
        """Length of a clip in seconds."""
        return self.num_frames * self.sampling_rate / self.target_fps

    def span(self, fps: float) -> float:
        """Return the length of a clip in source frames: ``max(1, tau * T / target * fps)``."""
        return max(1.0, self.sampling_rate * self.num_frames / self.target_fps * fps)

    def clip_at(
        self, video: VideoInfo, start: float, ticks_per_second: float = TICKS_PER_SECOND
    ) -> list[int]:
        """Return the frames of the clip whose span begins at source frame ``start``.

        ``ticks_per_second`` is the resolution of time stamps in the container; a start that falls
        between frames is rounded to a tick before the first frame inside is looked up.
        """
        span, last = self.span(video.fps), video.num_frames - 1
        if video.num_frames <= self.num_frames * self.sampling_rate:
            return _linspace(start, start + span - 1, self.num_frames, last)
        per_frame = ticks_per_second / video.fps
        first = math.floor(start)
        if round(first * per_frame) < int(start * per_frame):
            first += 1
        end = math.floor(start + span - 1)
        if round((end + 1) * per_frame) <= int((start + span - 1) * per_frame):
            end += 1
        decoded = max(min(end, last) - first, 0)
        return [first + k for k in _linspace(0, span - 1, self.num_frames, decoded)]

    def view_start(self, video: VideoInfo, view: int, num_views: int) -> float:
        """Return where test view ``view`` of ``num_views`` begins, in source frames."""
        room = max(video.num_frames - self.span(video.fps), 0)
        if not self.use_offset:
            return room * view / num_views
        if num_views == 1:
            return math.floor(room / 2)
        return view * math.floor(room / (num_views - 1))

    def random_clip(self, video: VideoInfo, rng: np.random.Generator) -> list[int]:
        """Return a clip with a uniformly drawn start."""
        room = max(video.num_frames - self.span(video.fps), 0)
        start = rng.integers(0, int(room) + 1) if self.use_offset else rng.uniform(0, room)
        return self.clip_at(video, float(start))

    def views(self, video: VideoInfo, num_views: int) -> list[list[int]]:
        """Return ``num_views`` fixed clips."""
        starts = [self.view_start(video, view, num_views) for view in range(num_views)]
        return [self.clip_at(video, start) for start in starts]

    def centre_clip(self, video: VideoInfo) -> list[int]:
        """Return the clip in the middle."""
        return self.clip_at(video, max(video.num_frames - self.span(video.fps), 0) / 2)


@dataclass(frozen=True)
class DurationSampling:
    """Clips of ``num_frames`` frames at ``clip_fps``, as AVID-CMA cuts them.

    A source frame repeats where the video is slower than ``clip_fps``; a video shorter than the
    clip is repeated from its beginning until ``num_frames`` are reached.
    """

    num_frames: int
    clip_fps: float = 16.0

    @property
    def duration(self) -> float:
        """Length of a clip in seconds."""
        return self.num_frames / self.clip_fps

    def frames_between(self, video: VideoInfo, start: float, duration: float) -> list[int]:
        """Return the source frames of ``duration`` seconds from ``start`` seconds, at ``clip_fps``.

        Times are seconds from the first frame. Not padded: a window that leaves the video has
        fewer frames.
        """
        end = min(start + duration - 0.5 / video.fps, video.duration)
        times = np.arange(start, end, 1.0 / self.clip_fps)[: int(duration * self.clip_fps)]
        return video.frames_at(times).tolist()

    def pad(self, frames: list[int]) -> list[int]:
        """Return ``num_frames`` frames, repeating from the beginning where there are fewer."""
        frames = frames or [0]
        return [frames[k % len(frames)] for k in range(max(self.num_frames, len(frames)))]

    def random_clip(self, video: VideoInfo, rng: np.random.Generator) -> list[int]:
        """Return a clip that lies inside the video, or the whole of a shorter video."""
        room = max(video.duration - self.duration, 0.0)
        start = rng.uniform(0.0, room) if room > 0 else 0.0
        return self.pad(self.frames_between(video, start, self.duration))

    def views(self, video: VideoInfo, num_views: int) -> list[list[int]]:
        """Return ``num_views`` clips spread over the video resampled to ``clip_fps``."""
        everything = self.frames_between(video, 0.0, math.ceil(video.duration) + 1.0)
        if len(everything) <= self.num_frames:
            return [self.pad(everything)] * num_views
        room = max(len(everything) - self.num_frames, 1)
        starts = np.linspace(0, room, num_views).astype(np.int64)
        return [everything[start : start + self.num_frames] for start in starts.tolist()]

    def centre_clip(self, video: VideoInfo) -> list[int]:
        """Return the clip in the middle."""
        return self.views(video, 3)[1]


@dataclass(frozen=True)
class LinspaceSampling:
    """GDT's clips: an integer start out of 1,001 places and ``floor(linspace)`` inside.

    Args:
        num_frames, sampling_rate, target_fps: as in :class:`StrideSampling`.
    """

    num_frames: int
    sampling_rate: int = 1
    target_fps: float = 30.0

    PLACES = 1000

    @property
    def duration(self) -> float:
        """Length of a clip in seconds."""
        return self.num_frames * self.sampling_rate / self.target_fps

    def span(self, fps: float) -> float:
        """Return the length of a clip in source frames."""
        return self.num_frames * self.sampling_rate * fps / self.target_fps

    def clip_at(self, video: VideoInfo, place: int, places: int) -> list[int]:
        """Return the clip that starts at ``place / places`` of the room in the video."""
        span = self.span(video.fps)
        start = math.floor(max(video.num_frames - span, 0) * place / places)
        last = video.num_frames - 1 - start
        return [start + k for k in _linspace(0, span - 1, self.num_frames, last)]

    def random_clip(self, video: VideoInfo, rng: np.random.Generator) -> list[int]:
        """Return a clip with one of the 1,001 starts."""
        return self.clip_at(video, int(rng.integers(0, self.PLACES + 1)), self.PLACES)

    def views(self, video: VideoInfo, num_views: int) -> list[list[int]]:
        """Return ``num_views`` fixed clips; the end of the video is not reached, as published."""
        return [self.clip_at(video, view, num_views) for view in range(num_views)]

    def centre_clip(self, video: VideoInfo) -> list[int]:
        """Return the clip in the middle."""
        return self.clip_at(video, 1, 2)


@dataclass(frozen=True)
class StridedSampling:
    """Clips of whole frames, ``stride`` apart, of a list that counts them (PySlowFast, Charades).

    Args:
        num_frames: T of a clip.
        stride: between them, in frames of the list.
    """

    num_frames: int
    stride: int

    def random_clip(self, video: VideoInfo, rng: np.random.Generator) -> list[int]:
        """Return a random clip, clamped; a short video may begin within it."""
        room = video.num_frames - ((self.num_frames - 1) * self.stride + 1)
        start = int(rng.integers(min(room, 0), max(room, 0) + 1))
        return self._clip_at(start, video.num_frames)

    def views(self, video: VideoInfo, num_views: int) -> list[list[int]]:
        """Return ``num_views`` clips, evenly spread and clamped; a single one is centred."""
        room = max(video.num_frames - ((self.num_frames - 1) * self.stride + 1), 0)
        shares = [view / (num_views - 1) if num_views > 1 else 0.5 for view in range(num_views)]
        return [self._clip_at(round(room * share), video.num_frames) for share in shares]

    def centre_clip(self, video: VideoInfo) -> list[int]:
        """Return the clip in the middle."""
        return self.views(video, 1)[0]

    def _clip_at(self, start: int, count: int) -> list[int]:
        frames = start + self.stride * np.arange(self.num_frames)
        return np.clip(frames, 0, count - 1).tolist()


@dataclass(frozen=True)
class LoopedSampling:
    """Clips of the released zero-shot code, with its defects, for comparison with its numbers.

    Brattoli et al., "Rethinking Zero-shot Video Classification" (CVPR 2020), whose loaders read a frame
    that several clips want only once, and then cut what they read into clips: in a video of fewer than
    ``clips x frames`` frames the clips run through it in a loop. Frames are consecutive; so it is for
    UCF101, HMDB51 and Kinetics.
    """

    num_frames: int

    @property
    def duration(self) -> float:
        """Raise: clips of consecutive frames have no fixed length in seconds."""
        raise ConfigError(
            "DATA.TEMPORAL_SAMPLING looped reads consecutive frames at any rate; audio beside clips needs "
            "another rule, such as duration."
        )

    def random_clip(self, video: VideoInfo, rng: np.random.Generator) -> list[int]:
        """Return a clip at a random start; the last possible one is never drawn."""
        room = video.num_frames - self.num_frames
        start = int(rng.integers(0, room)) if room > 1 else 0
        return [min(start + k, video.num_frames - 1) for k in range(self.num_frames)]

    def views(self, video: VideoInfo, num_views: int) -> list[list[int]]:
        """Return ``num_views`` clips cut one after the other from the frames that any of them wants."""
        count = video.num_frames
        starts = range(0, count, max(count // num_views, 1))[:num_views]
        wanted = sorted({start + k for start in starts for k in range(self.num_frames)})
        return self._cut([min(frame, count - 1) for frame in wanted], num_views)

    def centre_clip(self, video: VideoInfo) -> list[int]:
        """Return the first frames, which stand for a video in validation."""
        return self.views(video, 1)[0]

    def _cut(self, frames: list[int], num_views: int) -> list[list[int]]:
        size = self.num_frames
        return [
            [frames[(view * size + k) % len(frames)] for k in range(size)]
            for view in range(num_views)
        ]


@dataclass(frozen=True)
class LoopedActivityNetSampling(LoopedSampling):
    """The same as for ActivityNet: no frame is read once for several clips, but the end is missing.

    Starts lie in the first frames of a video; what lies past its end is left out before the clips are
    cut, and the last ones are filled up from the beginning.
    """

    longest = 300  # frames among which clips begin

    def views(self, video: VideoInfo, num_views: int) -> list[list[int]]:
        """Return ``num_views`` clips."""
        count = video.num_frames
        period = max(min(count, self.longest) // num_views, 1)
        wanted = [view * period + k for view in range(num_views) for k in range(self.num_frames)]
        return self._cut([frame for frame in wanted if frame < count], num_views)


TemporalSampling = (
    StrideSampling | DurationSampling | LinspaceSampling | StridedSampling | LoopedSampling
)

TEMPORAL_SAMPLING = {
    "stride": lambda data: StrideSampling(
        data.NUM_FRAMES, data.SAMPLING_RATE, data.TARGET_FPS, data.USE_OFFSET_SAMPLING
    ),
    "duration": lambda data: DurationSampling(data.NUM_FRAMES, data.CLIP_FPS),
    "linspace": lambda data: LinspaceSampling(data.NUM_FRAMES, data.SAMPLING_RATE, data.TARGET_FPS),
    "looped": lambda data: LoopedSampling(data.NUM_FRAMES),
    "looped_activitynet": lambda data: LoopedActivityNetSampling(data.NUM_FRAMES),
}


def slow_pathway_indices(num_frames: int, alpha: int) -> list[int]:
    """Return which of ``num_frames`` fast frames the slow pathway sees: ``T // alpha`` of them."""
    return np.linspace(0, num_frames - 1, num_frames // alpha).astype(np.int64).tolist()


def build_temporal_sampling(data) -> TemporalSampling:
    """Return the rule that the ``DATA`` node of a config names (``DATA.TEMPORAL_SAMPLING``)."""
    return TEMPORAL_SAMPLING[data.TEMPORAL_SAMPLING](data)
