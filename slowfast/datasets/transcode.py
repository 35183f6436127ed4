"""Re-encode videos to small files with close key frames, from which clips are cut fast.

Names, frame counts, frame rates, durations and the timing of the sound are kept.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np

from slowfast.datasets.media import VideoFile, VideoInfo, open_media
from slowfast.datasets.parallel import map_files
from slowfast.datasets.video_folder import VIDEO_SUFFIXES
from slowfast.utils.errors import MediaError

COPIED_AUDIO = {"aac", "mp3", "ac3"}
MISSING_FRACTION = 0.02
MISSING_FRAMES = 2
DURATION_SLACK_SECONDS = 0.1


@dataclass(frozen=True)
class Encoding:
    """How files are encoded: short side in pixels, key-frame distance, x264 quality and speed."""

    short_side: int = 128
    gop: int = 12
    crf: int = 18
    preset: str = "veryfast"


@dataclass
class TranscodeReport:
    """What became of every file.

    Attributes:
        done: sources that were encoded now.
        skipped: sources whose result was already there.
        failures: ``(source, reason)`` of the others.
        source_bytes, target_bytes: of the files encoded now.
    """

    done: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    source_bytes: int = 0
    target_bytes: int = 0

    @property
    def ok(self) -> bool:
        """Whether every file has a result."""
        return not self.failures

    def __str__(self) -> str:
        lines = [
            f"{len(self.done)} files encoded ({self.source_bytes / 1e6:.1f} MB to "
            f"{self.target_bytes / 1e6:.1f} MB), {len(self.skipped)} were there already, "
            f"{len(self.failures)} failed."
        ]
        return "\n".join(lines + [f"  {reason}" for _, reason in self.failures])


def transcode(
    src_root: str | Path,
    dst_root: str | Path,
    short_side: int = 128,
    gop: int = 12,
    crf: int = 18,
    workers: int = 2,
) -> TranscodeReport:
    """Encode every video below ``src_root`` to H.264 and AAC in MP4 below ``dst_root``.

    Relative names are kept, with the suffix ``.mp4``. Finished files are skipped, so that an
    interrupted call goes on; a file appears under its name only when it is complete and was
    compared with its source. A bad file never stops the others.

    Args:
        short_side: pixels; smaller videos keep their size.
        gop: largest distance of key frames, in frames.
        crf: x264's quality, lower is better.
        workers: processes; 0 works in this one.

    Raises:
        MediaError: ``src_root`` is no folder or holds no video.
    """
    src_root, dst_root = Path(src_root), Path(dst_root)
    report = TranscodeReport()
    todo = _plan(src_root, dst_root, report)
    encode = partial(_encode_or_tell, encoding=Encoding(short_side, gop, crf))
    reasons = map_files(encode, todo, workers=workers, title="transcode", crashed=_crashed)
    for (source, target), reason in zip(todo, reasons, strict=True):
        if reason:
            report.failures.append((str(source), reason))
            continue
        report.done.append(str(source))
        report.source_bytes += source.stat().st_size
        report.target_bytes += target.stat().st_size
    return report


def _plan(src_root: Path, dst_root: Path, report: TranscodeReport) -> list[tuple[Path, Path]]:
    """Return sources with targets, noting finished and clashing ones in the report."""
    if not src_root.is_dir():
        raise MediaError(f"{src_root}: no such folder. Give the folder that holds the videos.")
    if dst_root.resolve() == src_root.resolve():
        raise MediaError(f"{dst_root}: is the source folder too. Give another folder to write to.")
    todo: dict[Path, Path] = {}
    found = 0
    for source in sorted(src_root.rglob("*")):
        inside = source.resolve().is_relative_to(dst_root.resolve())
        if source.suffix.lower() not in VIDEO_SUFFIXES or inside or not source.is_file():
            continue
        found += 1
        target = (dst_root / source.relative_to(src_root)).with_suffix(".mp4")
        if target in todo:
            reason = f"{source}: {todo[target]} has the same name but for the suffix."
            report.failures.append((str(source), reason))
        elif target.exists():
            report.skipped.append(str(source))
        else:
            todo[target] = source
    if not found:
        raise MediaError(f"{src_root}: no video below it ({', '.join(sorted(VIDEO_SUFFIXES))}).")
    return [(source, target) for target, source in todo.items()]


def _crashed(item: tuple[Path, Path]) -> str:
    return f"{item[0]}: decoding it crashes the decoder."


def _encode_or_tell(item: tuple[Path, Path], encoding: Encoding) -> str:
    """Encode one file; return why it failed, or nothing."""
    try:
        transcode_file(*item, encoding)
    except (MediaError, OSError, av.FFmpegError, ValueError) as error:
        text = str(error)
        return text if text.startswith(str(item[0])) else f"{item[0]}: {text}"
    return ""


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
        sound = None if audio_in is None else _Sound(writer, audio_in)
        streams = [video_in] if audio_in is None else [video_in, audio_in]
        waiting = []  # sound that comes before the first picture, whose size the header needs
        for packet in reader.demux(streams):
            if packet.stream is video_in:
                pictures.add(packet)
                continue
            waiting.append(packet)
            while pictures.count and waiting:
                sound.add(waiting.pop(0))
        pictures.finish()
        for packet in waiting if pictures.count else ():
            sound.add(packet)
        if sound is not None and pictures.count:
            sound.finish()
        return pictures.count


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

    def add(self, packet: av.Packet) -> None:
        for frame in packet.decode():
            self._put(frame)

    def _put(self, frame: av.VideoFrame) -> None:
        pts = frame.pts
        if pts is None:
            pts = 0 if self._last_pts is None else round(self._last_pts + self._period)
        if self._last_pts is not None and pts <= self._last_pts:
            return
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
    """The audio half: packets are copied where MP4 takes the codec, and encoded to AAC else."""

    def __init__(self, writer, stream_in) -> None:
        self._writer = writer
        self._copies = stream_in.codec_context.name in COPIED_AUDIO
        if self._copies:
            self._stream = writer.add_stream_from_template(stream_in)
        else:
            context = stream_in.codec_context
            layout = "mono" if context.channels == 1 else "stereo"
            self._stream = writer.add_stream("aac", rate=_aac_rate(context.rate), layout=layout)

    def add(self, packet: av.Packet) -> None:
        if self._copies:
            if packet.dts is not None:
                packet.stream = self._stream
                self._writer.mux(packet)
            return
        for frame in packet.decode():
            self._writer.mux(self._stream.encode(frame))

    def finish(self) -> None:
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
