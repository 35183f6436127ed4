"""The one place that decides how a path is read."""

from __future__ import annotations

from pathlib import Path

from slowfast.datasets.media.base import Media
from slowfast.datasets.media.decoded import open_decoded
from slowfast.datasets.media.frame_folder import FrameFolder
from slowfast.datasets.media.options import DEFAULT_OPTIONS, MediaOptions
from slowfast.datasets.media.video_file import VideoFile
from slowfast.utils.remote import is_remote


def open_media(path: str | Path, options: MediaOptions = DEFAULT_OPTIONS) -> Media:
    """Open a video file or a folder of numbered images; use it in a ``with`` statement.

    Files may lie elsewhere, or in archives: see :mod:`slowfast.utils.remote`.

    Raises:
        MediaError: the path does not exist, or FFmpeg cannot read it, or it holds no frames.
    """
    if not is_remote(path) and Path(path).is_dir():
        return FrameFolder(path, options)
    if options.keep_bytes:
        return open_decoded(str(path), options)
    return VideoFile(path, options)
