"""The one place that decides how a path is read."""

from __future__ import annotations

from pathlib import Path

from slowfast.datasets.media.frame_folder import FrameFolder
from slowfast.datasets.media.video_file import VideoFile

FOLDER_FPS = 30.0


def open_media(
    path: str | Path, *, threads: int = 1, folder_fps: float = FOLDER_FPS
) -> VideoFile | FrameFolder:
    """Open a video file or a folder of numbered images; use it in a ``with`` statement.

    Args:
        path: the file or folder.
        threads: codec threads; 0 lets FFmpeg choose. One is best with one worker per core.
        folder_fps: rate at which the images of a folder were extracted.

    Raises:
        MediaError: the path does not exist, or FFmpeg cannot read it, or it holds no pictures.
    """
    if Path(path).is_dir():
        return FrameFolder(path, fps=folder_fps)
    return VideoFile(path, threads=threads)
