"""Frames at a constant rate with PyAV.

Frame k of a video (from 0) is the last one that has appeared by ``(k + 1/2) / rate`` seconds after
the file's start, which is how FFmpeg's ``fps`` filter rounds.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av

from slowfast.dataprep.ava_prepare.extent import open_input, start_of
from slowfast.datasets.media.display import in_display_order, upright_frame
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
