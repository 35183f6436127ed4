"""Facts about the streams of a file, in seconds and frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class VideoInfo:
    """The video stream that is read, as a straight decode shows it.

    Attributes:
        fps: frames per second (average rate).
        num_frames: number of frames, at least 1.
        start: time of the first frame in seconds, on the clock shared with the audio.
        width, height: coded size in pixels, before any display rotation.
        codec: short name of the codec.
        times: (N,) seconds from the first frame where they are uneven, else None.
    """

    fps: float
    num_frames: int
    start: float
    width: int
    height: int
    codec: str
    times: np.ndarray | None = field(default=None, compare=False, repr=False)

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.num_frames / self.fps

    def time_of(self, frame: int) -> float:
        """Return the time in seconds at which ``frame`` (counted from 0) is shown."""
        if self.times is None:
            return self.start + frame / self.fps
        return self.start + float(self.times[frame])

    def frames_at(self, seconds: np.ndarray) -> np.ndarray:
        """Return which frames are on the screen, seconds after the first one appeared."""
        # The small term undoes the rounding of start + k / fps just below a whole frame.
        if self.times is None:
            frames = np.floor(seconds * self.fps + 1e-9).astype(np.int64)
        else:
            frames = np.searchsorted(self.times, seconds + 1e-9, side="right") - 1
        return np.clip(frames, 0, self.num_frames - 1)

    def nearest(self, seconds: Sequence[float]) -> list[int]:
        """Return the frames that appear nearest to some times, counted from the first one."""
        if self.times is None:
            frames = [round(at * self.fps) for at in seconds]
        else:
            halves = (self.times[1:] + self.times[:-1]) / 2
            frames = np.searchsorted(halves, seconds).tolist()
        return [min(max(frame, 0), self.num_frames - 1) for frame in frames]


@dataclass(frozen=True)
class AudioInfo:
    """What a header says of the audio stream that is read.

    Attributes:
        rate: samples per second as stored.
        channels: number of channels as stored.
        start, duration: in seconds, on the clock shared with the video; the duration is NaN
            where no header tells it.
        codec: short name of the codec.
    """

    rate: int
    channels: int
    start: float
    duration: float
    codec: str
