"""The one writer of H.264 and AAC, and files encoded anew: whole, smaller, or a span of them.

Transcoding, cutting, annotated videos and the demo world all write through :class:`MediaWriter`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from slowfast.datasets.media.container import Container, media_errors
from slowfast.datasets.media.display import in_display_order, upright_frame
from slowfast.datasets.media.options import DEFAULT_OPTIONS
from slowfast.utils.errors import MediaError

COPIED_AUDIO = {"aac", "mp3", "ac3"}
COPIED_FROM = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"}
AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
# Time stamps that differ by more than this from the running sample count mark a hole.
HOLE_SECONDS = 0.05
# A cut begins reading this much earlier: audio may be stored a little apart from its frames.
EARLY_SECONDS = 2


@dataclass(frozen=True)
class Encoding:
    """How files are encoded.

    Args:
        short_side: largest short side in pixels; None keeps the size.
        gop: largest distance of key frames, in frames.
        crf, preset: x264's quality (lower is better) and speed.
        x264: further settings of x264, ``name=value:name=value``.
        bitexact: the same bytes for the same input, whatever the versions and the time.
    """

    short_side: int | None = None
    gop: int = 12
    crf: int = 18
    preset: str = "veryfast"
    x264: str = ""
    bitexact: bool = False


class MediaWriter:
    """Writes an MP4; use it in a ``with`` statement. The file appears when it is whole.

    Args:
        path: the file.
        encoding: how frames are encoded.
        rate: frames per second, written into the header.
        time_base: unit of the times of frames; one frame by default.
    """

    def __init__(
        self,
        path: str | Path,
        encoding: Encoding,
        rate: float | Fraction,
        time_base: Fraction | None = None,
    ) -> None:
        self.path, self._encoding = Path(path), encoding
        self.count, self._last = 0, -1
        self.part = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        rate = Fraction(rate).limit_denominator(1001)
        options = {"movflags": "+faststart"}
        if encoding.bitexact:
            options["fflags"] = "+bitexact"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.output = av.open(os.path.abspath(self.part), "w", format="mp4", options=options)
        self._video = self.output.add_stream("libx264", rate=rate, options=self._x264_options())
        self._video.pix_fmt = "yuv420p"
        self._video.codec_context.time_base = time_base or 1 / rate
        self._audio: list[_AudioTrack] = []
        self._set_flags(self._video)

    def _x264_options(self) -> dict[str, str]:
        encoding = self._encoding
        options = {"preset": encoding.preset, "crf": str(encoding.crf), "g": str(encoding.gop)}
        options["threads"] = "1"
        return options | ({"x264-params": encoding.x264} if encoding.x264 else {})

    def _set_flags(self, stream: av.stream.Stream) -> None:
        if self._encoding.bitexact:
            stream.codec_context.flags |= av.codec.context.Flags.bitexact

    def add_audio(self, rate: int, channels: int, bit_rate: int | None = None) -> AudioEncoder:
        """Return what encodes audio to AAC, mono or stereo."""
        track = AudioEncoder(self, rate, channels, bit_rate)
        self._set_flags(track.stream)
        self._audio.append(track)
        return track

    def copy_audio(self, template: av.AudioStream) -> AudioCopy:
        """Return what writes the packets of a stream as they are."""
        track = AudioCopy(self, template)
        self._audio.append(track)
        return track

    def add(self, frame: av.VideoFrame | np.ndarray, pts: int | None = None) -> None:
        """Write a frame, or uint8 RGB ``(H, W, 3)``; odd rows and columns are cut off.

        ``pts`` is its time in units of the time base, by default after the last one.
        """
        if isinstance(frame, np.ndarray):
            height, width = (side - side % 2 for side in frame.shape[:2])
            image = np.ascontiguousarray(frame[:height, :width])
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        else:
            frame = frame.reformat(frame.width // 2 * 2, frame.height // 2 * 2, format="yuv420p")
        if not self.count:
            self._video.width, self._video.height = frame.width, frame.height
        # Never lose a frame for its time.
        self._last = self._last + 1 if pts is None else max(pts, self._last + 1)
        frame.pts, frame.time_base = self._last, self._video.codec_context.time_base
        frame.pict_type = 0
        self.output.mux(self._video.encode(frame))
        self.count += 1
        for track in self._audio:
            track.write_waiting()

    def __enter__(self) -> MediaWriter:
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        try:
            with closing(self.output):
                if kind is None and self.count:
                    self.output.mux(self._video.encode(None))
                    for track in self._audio:
                        track.finish()
            if kind is None:
                os.replace(self.part, self.path)
        finally:
            self.part.unlink(missing_ok=True)


class _AudioTrack:
    """Audio waits until a frame has come, since the header of the file needs its size."""

    def __init__(self, writer: MediaWriter) -> None:
        self.writer, self.waiting = writer, []

    def write_waiting(self) -> None:
        for piece in self.waiting:
            self.write(piece)
        self.waiting.clear()

    def finish(self) -> None:
        self.write_waiting()


class AudioCopy(_AudioTrack):
    """Packets of a stream, unchanged."""

    def __init__(self, writer: MediaWriter, template: av.AudioStream) -> None:
        super().__init__(writer)
        self.stream = writer.output.add_stream_from_template(template)

    def add(self, packet: av.Packet) -> None:
        """Write a packet once a frame was written."""
        self.waiting.append(packet)

    def write(self, packet: av.Packet) -> None:
        """Write a packet now."""
        if packet.dts is not None:
            packet.stream = self.stream
            self.writer.output.mux(packet)


class AudioEncoder(_AudioTrack):
    """AAC with a running sample count for a clock; coarse time stamps (AVI) overlap."""

    def __init__(self, writer: MediaWriter, rate: int, channels: int, bit_rate: int | None) -> None:
        super().__init__(writer)
        self.rate = rate
        allowed = min(AAC_RATES, key=lambda known: abs(known - rate))
        layout = "mono" if channels == 1 else "stereo"
        self.stream = writer.output.add_stream("aac", rate=allowed, layout=layout)
        if bit_rate:
            self.stream.bit_rate = bit_rate
        # Mixed into integers, FFmpeg normalises; floats of several channels would be added up.
        self._mix = av.AudioResampler("s32p", layout, rate) if channels > 2 else None
        self._next = 0

    def add(self, frame: av.AudioFrame, at: int) -> None:
        """Write a frame whose first sample is number ``at`` of the stream."""
        self.waiting.append((frame, at))

    def write(self, piece: tuple[av.AudioFrame, int]) -> None:
        """Encode a frame and its place now."""
        frame, at = piece
        if at > self._next + HOLE_SECONDS * self.rate:
            self._next = at
        frame.pts = None
        for part in [frame] if self._mix is None else self._mix.resample(frame):
            part.pts, part.time_base = self._next, Fraction(1, self.rate)
            self._next += part.samples
            self.writer.output.mux(self.stream.encode(part))

    def finish(self) -> None:
        """Encode what is left."""
        super().finish()
        self.writer.output.mux(self.stream.encode(None))


@dataclass
class Reencoded:
    """What was written.

    Attributes:
        frames: how many.
        damaged: packets that could not be decoded and were left out.
    """

    frames: int = 0
    damaged: int = 0


@dataclass(frozen=True)
class Span:
    """A part of a file: frames that appear in [start, start + length), seconds after its start."""

    start: float
    length: float


def reencode(
    source: str | Path, target: str | Path, encoding: Encoding, span: Span | None = None
) -> Reencoded:
    """Encode a file, or a span of it whose start becomes time 0.

    The timing of frames and audio is kept. Of a whole file every frame must be good; of a span
    damaged packets are left out and counted, as FFmpeg's program does.

    Raises:
        MediaError: the source cannot be decoded or holds no frame there.
    """
    source, target = Path(source), Path(target)
    with closing(Container(source, DEFAULT_OPTIONS)) as reader:
        if reader.video is None:
            raise MediaError(f"{source}: the file has no video stream.")
        with media_errors(source, "cannot be re-encoded"):
            return _Pass(reader, target, encoding, span).run()


@dataclass
class _Pass:
    """One pass over a file."""

    reader: Container
    target: Path
    encoding: Encoding
    span: Span | None
    result: Reencoded = field(default_factory=Reencoded)

    def run(self) -> Reencoded:
        video = self.reader.video
        self._tick = video.time_base
        self._begin, self._end = Fraction(0), None
        if self.span is not None:
            self._begin = self.reader.start + Fraction(self.span.start).limit_denominator(10**6)
            self._end = self._begin + Fraction(self.span.length).limit_denominator(10**6)
        rate = video.average_rate or video.guessed_rate or 30
        with MediaWriter(self.target, self.encoding, rate, self._tick) as writer:
            self._track = self._open_audio(writer)
            size, last = None, None
            for frame in self._frames():
                size = size or (frame.width, frame.height)
                at = frame.pts if frame.pts is not None else _after(last, rate, self._tick)
                last = at
                time = at * self._tick
                if self._end is not None and time >= self._end:
                    if self._track is None or self._track_complete:
                        break
                elif self.span is None or time >= self._begin:
                    shown = upright_frame(_scaled(frame, size, self.encoding.short_side))
                    writer.add(shown, round((time - self._begin) / self._tick))
            if not writer.count:
                raise MediaError(f"{self.reader.path}: there is no frame in the time asked for.")
        self.result.frames = writer.count
        return self.result

    def _open_audio(self, writer: MediaWriter) -> AudioCopy | AudioEncoder | None:
        audio = self.reader.audio
        if audio is None:
            return None
        context = audio.codec_context
        self._track_complete = False
        if self.span is None and context.name in COPIED_AUDIO and self.reader.format in COPIED_FROM:
            return writer.copy_audio(audio)
        self._samples = None if self.span is None else round(self.span.length * context.rate)
        return writer.add_audio(context.rate, context.channels)

    def _frames(self) -> Iterator[av.VideoFrame]:
        streams = [s for s in (self.reader.video, self.reader.audio) if s is not None]
        if self.span is not None:
            early = max(self._begin - EARLY_SECONDS, self.reader.start)
            packets = self.reader.packets_from(early, *streams)
        else:
            packets = self.reader.packets(*streams)
        return in_display_order(self._decoded(packets), self.reader.format)

    def _decoded(self, packets: Iterator[av.Packet]) -> Iterator[av.VideoFrame]:
        video = self.reader.video.index
        for packet in packets:
            if packet.stream.index == video:
                yield from self._good(packet)
            elif isinstance(self._track, AudioCopy):
                self._track.add(packet)
            else:
                for frame in self._good(packet):
                    self._add_audio(frame)

    def _good(self, packet: av.Packet) -> list:
        """Return what a packet holds; a whole file may not hold a damaged one."""
        try:
            frames = packet.decode()
        except av.InvalidDataError:
            if self.span is None:
                raise
            self.result.damaged += 1
            return []
        damaged = packet.is_corrupt or any(frame.is_corrupt for frame in frames)
        if self.span is None and damaged:
            raise MediaError(f"{self.reader.path}: a frame is damaged.")
        return frames

    def _add_audio(self, frame: av.AudioFrame) -> None:
        rate = self._track.rate
        at = round(((frame.time or 0) - float(self._begin)) * rate)
        if self._samples is None:
            self._track.add(frame, at)
            return
        low, high = max(-at, 0), min(frame.samples, self._samples - at)
        self._track_complete = self._track_complete or at + frame.samples >= self._samples
        if high > low:
            self._track.add(_part(frame, low, high), at + low)


def _after(last: int | None, rate: Fraction, tick: Fraction) -> int:
    return 0 if last is None else round(last + 1 / (rate * tick))


def _scaled(frame: av.VideoFrame, size: tuple[int, int], short_side: int | None) -> av.VideoFrame:
    """Return a frame in yuv420p with even sides, of the size of the first one or smaller."""
    scale = min(1.0, short_side / min(size)) if short_side else 1.0
    if scale == 1.0 and (frame.width, frame.height) == size:
        return frame
    width, height = (max(2, round(side * scale / 2) * 2) for side in size)
    return frame.reformat(width, height, format="yuv420p", interpolation="AREA")


def _part(frame: av.AudioFrame, low: int, high: int) -> av.AudioFrame:
    """Return some samples of a frame; frames of many channels are left whole (see waveform)."""
    if (low, high) == (0, frame.samples) or frame.layout.nb_channels > 6:
        return frame
    array, each = frame.to_ndarray(), 1
    if not frame.format.is_planar:
        each = frame.layout.nb_channels
    array = np.ascontiguousarray(array[:, low * each : high * each])
    part = av.AudioFrame.from_ndarray(array, format=frame.format.name, layout=frame.layout.name)
    part.sample_rate = frame.sample_rate
    return part
