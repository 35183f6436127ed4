"""Opening, seeking and decoding of video and audio.

One interface for everything on disk: :func:`open_media` accepts a video file in any container that
FFmpeg reads, or a folder of numbered images, and returns an object with ``video`` and ``audio``
facts, ``read_frames`` and ``read_waveform``.
"""

from slowfast.datasets.media.base import Media
from slowfast.datasets.media.frame_folder import FrameFolder
from slowfast.datasets.media.info import AudioInfo, VideoInfo
from slowfast.datasets.media.open import open_media
from slowfast.datasets.media.options import DEFAULT_OPTIONS, MediaOptions, build_media_options
from slowfast.datasets.media.video_file import VideoFile

__all__ = [
    "DEFAULT_OPTIONS",
    "AudioInfo",
    "FrameFolder",
    "Media",
    "MediaOptions",
    "VideoFile",
    "VideoInfo",
    "build_media_options",
    "open_media",
]
