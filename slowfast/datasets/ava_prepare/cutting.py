"""Cutting a piece out of a video with PyAV: to the frame in pictures, to the sample in sound."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from slowfast.datasets.ava_prepare.encoding import AUDIO_CODEC, VIDEO_CODEC, VIDEO_OPTIONS
from slowfast.datasets.ava_prepare.extent import open_input, start_of
from slowfast.datasets.media.video_file import in_display_order
from slowfast.utils.errors import MediaError

# Reading begins this much earlier, since sound may be stored a little apart from its pictures.
EARLY_SECONDS = 2
HOLE_SECONDS = 0.05
AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


def cut(source: Path, target: Path, start: float, length: float) -> str:
    """Write ``length`` seconds from ``start`` of a file as an MP4.

    Pictures are those that appear in ``[start, start + length)``; time 0 of the result is
    ``start``. Damaged packets are left out, as FFmpeg's program does.

    Returns:
        What was left out, empty if nothing was.

    Raises:
        MediaError: the source cannot be read, or has no picture in that time.
    """
    try:
        with (
            open_input(source) as reader,
            av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as writer,
        ):
            return _Cut(reader, writer, start, length).run()
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", "") or error
        raise MediaError(f"{source}: cannot be cut ({reason}).") from error


class _Cut:
    """One pass over a file."""

    def __init__(self, reader, writer, start: float, length: float) -> None:
        self._reader = reader
        self._streams = [reader.streams.best(kind) for kind in ("video", "audio")]
        video, audio = self._streams
        video.codec_context.thread_count = 1
        self._begin = start_of(reader) + Fraction(start).limit_denominator(1_000_000)
        self._end = self._begin + Fraction(length).limit_denominator(1_000_000)
        self._pictures = _Pictures(writer, video, self._begin)
        self._sound = None
        if audio is not None:
            samples = round(length * audio.codec_context.sample_rate)
            self._sound = _Sound(writer, audio, self._begin, samples)
        self._damaged = 0

    def run(self) -> str:
        video = self._streams[0]
        early = max(self._begin - EARLY_SECONDS, 0)
        with suppress(av.FFmpegError):  # without an index it is read from the beginning
            self._reader.seek(int(early / video.time_base), stream=video)
        in_time = True
        for frame in in_display_order(self._decoded(), self._reader.format.name):
            time = frame.pts * video.time_base
            in_time = in_time and time < self._end
            if in_time and time >= self._begin:
                self._pictures.add(frame)
                if self._sound is not None:
                    self._sound.write()
            if not in_time and (self._sound is None or self._sound.is_complete):
                break
        if not self._pictures.count:
            raise ValueError("there is no picture in the time asked for")
        self._pictures.finish()
        if self._sound is not None:
            self._sound.finish()
        return f"{self._damaged} damaged packets were left out" if self._damaged else ""

    def _decoded(self) -> Iterator[av.VideoFrame]:
        """Yield pictures with a time; sound is put aside on the way."""
        for packet in self._reader.demux([s for s in self._streams if s is not None]):
            try:
                frames = packet.decode()
            except av.InvalidDataError:
                self._damaged += 1
                continue
            if packet.stream is not self._streams[0]:
                self._sound.waiting += frames
            else:
                yield from (frame for frame in frames if frame.pts is not None)


class _Pictures:
    """The encoder of pictures; its size is known with the first one."""

    def __init__(self, writer, source, begin: Fraction) -> None:
        self._writer, self._base = writer, source.time_base
        self._shift, self.count, self._last = round(begin / source.time_base), 0, -1
        rate = source.average_rate or source.guessed_rate or 30
        options = {**VIDEO_OPTIONS, "threads": "1"}
        self._stream = writer.add_stream(
            VIDEO_CODEC, rate=Fraction(rate).limit_denominator(1001), options=options
        )
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = source.time_base

    def add(self, frame: av.VideoFrame) -> None:
        pts = max(frame.pts - self._shift, self._last + 1)  # never lose a picture for its time
        frame = upright(frame)
        frame = frame.reformat(frame.width // 2 * 2, frame.height // 2 * 2, format="yuv420p")
        if not self.count:
            self._stream.width, self._stream.height = frame.width, frame.height
        frame.pts, frame.time_base, frame.pict_type = pts, self._base, 0
        self._writer.mux(self._stream.encode(frame))
        self._last, self.count = pts, self.count + 1

    def finish(self) -> None:
        self._writer.mux(self._stream.encode(None))


def upright(frame: av.VideoFrame) -> av.VideoFrame:
    """Return a frame as it is meant to be seen."""
    turns = round(frame.rotation / 90) % 4
    if not turns:
        return frame
    picture = np.rot90(frame.to_ndarray(format="rgb24"), turns)
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")


class _Sound:
    """The encoder of sound, with a running sample count for a clock.

    Frames wait until a picture has come, since the header of the result needs its size.
    """

    def __init__(self, writer, source, begin: Fraction, samples: int) -> None:
        self._writer, self._begin, self._samples = writer, begin, samples
        context = source.codec_context
        self._rate = context.sample_rate
        rate = min(AAC_RATES, key=lambda known: abs(known - self._rate))
        layout = "mono" if context.channels == 1 else "stereo"
        self._stream = writer.add_stream(AUDIO_CODEC, rate=rate, layout=layout)
        self.waiting: list[av.AudioFrame] = []
        self._next = 0
        self.is_complete = False

    def write(self) -> None:
        """Encode what waits and lies in the time asked for."""
        for frame in self.waiting:
            first = round(((frame.time or 0) - float(self._begin)) * self._rate)
            low, high = max(-first, 0), min(frame.samples, self._samples - first)
            self.is_complete = self.is_complete or first + frame.samples >= self._samples
            if high > low:
                self._encode(_part(frame, low, high), first + low)
        self.waiting.clear()

    def _encode(self, frame: av.AudioFrame, at: int) -> None:
        if at > self._next + HOLE_SECONDS * self._rate:
            self._next = at
        frame.pts, frame.time_base = self._next, Fraction(1, self._rate)
        self._next += frame.samples
        self._writer.mux(self._stream.encode(frame))

    def finish(self) -> None:
        self.write()
        self._writer.mux(self._stream.encode(None))


def _part(frame: av.AudioFrame, low: int, high: int) -> av.AudioFrame:
    if (low, high) == (0, frame.samples):
        return frame
    array, each = frame.to_ndarray(), 1
    if not frame.format.is_planar:
        each = len(frame.layout.channels)
    array = np.ascontiguousarray(array[:, low * each : high * each])
    part = av.AudioFrame.from_ndarray(array, format=frame.format.name, layout=frame.layout.name)
    part.sample_rate = frame.sample_rate
    return part
