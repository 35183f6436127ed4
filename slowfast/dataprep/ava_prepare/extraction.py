"""When the frames of a file begin and end, and frames at a constant rate, with PyAV.

Frame k of a video (from 0) is the last one that has appeared by ``(k + 1/2) / rate`` seconds after
the file's start, which is how FFmpeg's ``fps`` filter rounds.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av

from slowfast.datasets.media.display import in_display_order, upright_frame
from slowfast.datasets.media.video_file import MATROSKA_TIME
from slowfast.utils.errors import MediaError

HALF = Fraction(1, 2)


def frame_name(video: str, number: int) -> str:
    """Return the file name of a frame, counted from 1 as AVA's frame lists do."""
    return f"{video}_{number:06d}.jpg"


def extract(source: Path, folder: Path, name: str, rate: int, quality: int) -> str:
    """Write the frames of a video into a folder.

    Args:
        source: the video.
        folder: exists and is empty.
        name: of the video in the names of the frames.
        rate: frames per second.
        quality: of the JPEGs, up to 100.

    Returns:
        What was left out, empty if nothing was.

    Raises:
        MediaError: the source cannot be read.
    """
    number, damaged = 0, []
    try:
        with open_input(source) as reader:
            for frame, times in shown(reader, rate, damaged):
                data = _jpeg(frame, quality) if times else b""
                for _ in range(times):
                    number += 1
                    (folder / frame_name(name, number)).write_bytes(data)
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", "") or error
        raise MediaError(f"{source}: frames cannot be extracted ({reason}).") from error
    return f"{len(damaged)} damaged packets were left out" if damaged else ""


def shown(reader, rate: int, damaged: list[int]) -> Iterator[tuple[av.VideoFrame, int]]:
    """Yield each decoded frame and how many frames of the result it is.

    ``damaged`` gets the positions of packets that cannot be decoded.
    """
    stream, start = reader.streams.best("video"), start_of(reader)
    stream.codec_context.thread_count = 1
    previous, written, end = None, 0, 0
    for frame in in_display_order(_decoded(reader, stream, damaged), reader.format.name):
        begin = _place(frame.pts * stream.time_base - start, rate)
        if previous is not None:
            yield previous, max(begin - written, 0)
            written = max(begin, written)
        previous = frame
        duration = frame.duration or 1 / ((stream.average_rate or rate) * stream.time_base)
        end = _place((frame.pts + duration) * stream.time_base - start, rate)
    if previous is not None:
        yield previous, max(end - written, 0)


def _place(seconds: Fraction, rate: int) -> int:
    """Return the first frame of the result by which something at ``seconds`` has appeared."""
    return math.floor(seconds * rate + HALF)


def _decoded(reader, stream, damaged: list[int]) -> Iterator[av.VideoFrame]:
    for packet in reader.demux(stream):
        try:
            frames = packet.decode()
        except av.InvalidDataError:
            damaged.append(packet.pos or 0)
            continue
        yield from (frame for frame in frames if frame.pts is not None)


def _jpeg(frame: av.VideoFrame, quality: int) -> bytes:
    file = io.BytesIO()
    upright_frame(frame).to_image().save(file, "JPEG", quality=quality)
    return file.getvalue()


class Extent(NamedTuple):
    """When the first frame appears and the last one goes, in seconds since the file's start."""

    begin: float
    end: float


def open_input(path: str | Path) -> av.container.InputContainer:
    """Open a file that has frames.

    Raises:
        MediaError: it is missing, is no media file, or has no video stream.
    """
    try:
        container = av.open(os.path.abspath(path), metadata_errors="ignore")
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", "") or error
        raise MediaError(f"{path}: not readable as media ({reason}).") from error
    if container.streams.best("video") is None:
        container.close()
        raise MediaError(f"{path}: the file has no video stream.")
    return container


def start_of(container: av.container.InputContainer) -> Fraction:
    """Return the time that counts as the file's start: that of its first stream, in seconds."""
    return Fraction(container.start_time or 0, av.time_base)


def video_extent(path: str | Path) -> Extent:
    """Return when the frames of a file begin and end.

    The header says it in MP4; Matroska files may carry a tag; else all packets are walked.

    Raises:
        MediaError: the file cannot be read or holds no frame.
    """
    with open_input(path) as container:
        stream, start = container.streams.best("video"), start_of(container)
        tag = MATROSKA_TIME.fullmatch(stream.metadata.get("DURATION", ""))
        if stream.start_time is not None and stream.duration:
            begin = stream.start_time * stream.time_base
            end = begin + stream.duration * stream.time_base
        elif stream.start_time is not None and tag is not None:
            begin = stream.start_time * stream.time_base
            end = int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
        else:
            begin, end = _walk(path, container, stream)
        return Extent(float(begin - start), float(end - start))


def _walk(path: str | Path, container, stream) -> tuple[Fraction, Fraction]:
    try:
        spans = [
            (packet.pts, packet.pts + (packet.duration or 0))
            for packet in container.demux(stream)
            if packet.pts is not None and packet.size
        ]
    except av.FFmpegError as error:
        raise MediaError(f"{path}: damaged stream ({error.strerror or error}).") from error
    if not spans:
        raise MediaError(f"{path}: the video stream holds no frame.")
    begins, ends = zip(*spans, strict=True)
    return min(begins) * stream.time_base, max(ends) * stream.time_base
