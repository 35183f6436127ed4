"""One video re-encoded to H.264 and AAC, with the timing of pictures and sound kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from slowfast.datasets.media import VideoFile, VideoInfo, open_media
from slowfast.datasets.media.video_file import in_display_order
from slowfast.utils.errors import MediaError

COPIED_AUDIO = {"aac", "mp3", "ac3"}
COPIED_FROM = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"}
# A full decode may miss this share of the promised frames (edit lists, broken last packets).
MISSING_FRACTION = 0.02
MISSING_FRAMES = 2
DURATION_SLACK_SECONDS = 0.1
HOLE_SECONDS = 0.05


@dataclass(frozen=True)
class Encoding:
    """How files are encoded: short side in pixels, key-frame distance, x264 quality and speed."""

    short_side: int = 128
    gop: int = 12
    crf: int = 18
    preset: str = "veryfast"


def transcode_file(source: str | Path, target: str | Path, encoding: Encoding) -> None:
    """Encode one file and compare the result with its source.

    Raises:
        MediaError: the source is damaged or the result differs in frames or duration.
    """
    source, target = Path(source), Path(target)
    with open_media(source) as media:
        if media.video is None:
            raise MediaError(f"{source}: the file has no video stream.")
        expected = media.video
    target.parent.mkdir(parents=True, exist_ok=True)
    partial_name = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        frames = _encode(source, partial_name, expected, encoding)
        _compare(source, partial_name, expected, frames)
        os.replace(partial_name, target)
    finally:
        partial_name.unlink(missing_ok=True)


def _encode(source: Path, target: Path, video: VideoInfo, encoding: Encoding) -> int:
    """Write ``target`` and return the number of frames."""
    options = {"movflags": "+faststart"}
    with (
        av.open(str(source), metadata_errors="ignore") as reader,
        av.open(str(target), "w", format="mp4", options=options) as writer,
    ):
        video_in = reader.streams.best("video")
        audio_in = reader.streams.best("audio")
        pictures = _Pictures(writer, video_in, video, encoding)
        sound = None if audio_in is None else _Sound(writer, audio_in, reader.format.name)
        frames = _frames(reader, video_in, audio_in, sound)
        for frame in in_display_order(frames, reader.format.name):
            pictures.add(frame)
            if sound is not None:
                sound.write_waiting()
        pictures.finish()
        if sound is not None and pictures.count:
            sound.finish()
        return pictures.count


def _frames(reader, video_in, audio_in, sound: _Sound | None) -> Iterator[av.VideoFrame]:
    """Yield the decoded pictures and put the packets of sound on the way to ``sound``."""
    for packet in reader.demux([s for s in (video_in, audio_in) if s is not None]):
        if packet.stream is video_in:
            yield from packet.decode()
        else:
            sound.waiting.append(packet)


class _Pictures:
    """The video half of an encoding."""

    def __init__(self, writer, stream_in, video: VideoInfo, encoding: Encoding) -> None:
        self._writer, self._period = writer, 1 / (video.fps * float(stream_in.time_base))
        self._time_base = stream_in.time_base
        self._short_side = encoding.short_side
        self.count, self._last_pts = 0, None
        # Added now, so that it comes before the sound; its size is known with the first picture.
        rate = Fraction(video.fps).limit_denominator(1001)
        options = {
            "preset": encoding.preset,
            "crf": str(encoding.crf),
            "g": str(encoding.gop),
            "threads": "1",
        }
        self._stream = writer.add_stream("libx264", rate=rate, options=options)
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = self._time_base

    def add(self, frame: av.VideoFrame) -> None:
        pts, last = frame.pts, self._last_pts
        if pts is None:
            pts = 0 if last is None else round(last + self._period)
        if last is not None and pts <= last:  # never lose a picture for its time
            pts = last + 1
        turns = round(frame.rotation / 90) % 4
        frame = _shrink(frame, self._short_side)
        if turns:
            picture = np.rot90(frame.to_ndarray(format="rgb24"), turns)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame = frame.reformat(format="yuv420p")
        if not self.count:
            self._stream.width, self._stream.height = frame.width, frame.height
        frame.pts, frame.time_base, frame.pict_type = pts, self._time_base, 0
        self._writer.mux(self._stream.encode(frame))
        self._last_pts, self.count = pts, self.count + 1

    def finish(self) -> None:
        if self.count:
            self._writer.mux(self._stream.encode(None))


def _shrink(frame: av.VideoFrame, short_side: int) -> av.VideoFrame:
    """Return the frame in yuv420p with even sides and the short one at most ``short_side``."""
    scale = min(1.0, short_side / min(frame.width, frame.height))
    width, height = (max(2, round(side * scale / 2) * 2) for side in (frame.width, frame.height))
    return frame.reformat(width, height, format="yuv420p", interpolation="AREA")


class _Sound:
    """The audio half: packets are copied where MP4 takes them as they are, else encoded to AAC.

    Packets wait until a picture has come, since the header of the result needs its size.
    """

    def __init__(self, writer, stream_in, container: str) -> None:
        self._writer, self._next, self.waiting = writer, None, []
        context = stream_in.codec_context
        self._copies = context.name in COPIED_AUDIO and container in COPIED_FROM
        if self._copies:
            self._stream = writer.add_stream_from_template(stream_in)
        else:
            layout = "mono" if context.channels == 1 else "stereo"
            self._stream = writer.add_stream("aac", rate=_aac_rate(context.rate), layout=layout)

    def write_waiting(self) -> None:
        for packet in self.waiting:
            if not self._copies:
                for frame in packet.decode():
                    self._encode(frame)
            elif packet.dts is not None:
                packet.stream = self._stream
                self._writer.mux(packet)
        self.waiting.clear()

    def _encode(self, frame: av.AudioFrame) -> None:
        """Encode with a running sample count for a clock; coarse time stamps (AVI) overlap."""
        at = round((frame.time or 0.0) * frame.sample_rate)
        if self._next is None or at > self._next + HOLE_SECONDS * frame.sample_rate:
            self._next = at
        frame.pts, frame.time_base = self._next, Fraction(1, frame.sample_rate)
        self._next += frame.samples
        self._writer.mux(self._stream.encode(frame))

    def finish(self) -> None:
        self.write_waiting()
        if not self._copies:
            self._writer.mux(self._stream.encode(None))


def _aac_rate(rate: int) -> int:
    """Return the nearest rate that AAC allows."""
    allowed = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
    return min(allowed, key=lambda known: abs(known - rate))


def _compare(source: Path, target: Path, expected: VideoInfo, frames: int) -> None:
    """Raise unless the result holds all frames of the source, as long as they lasted there."""
    missing = expected.num_frames - frames
    if missing > max(MISSING_FRAMES, MISSING_FRACTION * expected.num_frames):
        raise MediaError(
            f"{source}: holds {frames} of the {expected.num_frames} frames that its header "
            "promises; the file is cut off or damaged."
        )
    with VideoFile(target) as result:
        found = result.video
    slack = DURATION_SLACK_SECONDS + 2 / expected.fps + max(missing, 0) / expected.fps
    if found.num_frames != frames or abs(found.duration - expected.duration) > slack:
        raise MediaError(
            f"{source}: the result has {found.num_frames} frames in {found.duration:.2f} s, the "
            f"source {frames} in {expected.duration:.2f} s. Please report this file."
        )
