"""Facts about the streams of a file, in seconds and frames."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class VideoInfo:
    """What a header says of the video stream that is read.

    Attributes:
        fps: frames per second (average rate).
        num_frames: number of frames, at least 1.
        start: time of the first frame in seconds, on the clock shared with the sound.
        width, height: coded size in pixels, before any display rotation.
        codec: short name of the codec.
    """

    fps: float
    num_frames: int
    start: float
    width: int
    height: int
    codec: str

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.num_frames / self.fps

    def time_of(self, frame: int) -> float:
        """Return the time in seconds at which ``frame`` (counted from 0) is shown."""
        return self.start + frame / self.fps


@dataclass(frozen=True)
class AudioInfo:
    """What a header says of the audio stream that is read.

    Attributes:
        rate: samples per second as stored.
        channels: number of channels as stored.
        start, duration: in seconds, on the clock shared with the pictures; the duration is NaN
            where no header tells it.
        codec: short name of the codec.
    """

    rate: int
    channels: int
    start: float
    duration: float
    codec: str
