"""When the frames of a file begin and end, without decoding them."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av

from slowfast.datasets.media.video_file import MATROSKA_TIME
from slowfast.utils.errors import MediaError


class Extent(NamedTuple):
    """When the first frame appears and the last one goes, in seconds since the file's start."""

    begin: float
    end: float

    @property
    def seconds(self) -> float:
        """How long there are frames."""
        return self.end - self.begin


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
