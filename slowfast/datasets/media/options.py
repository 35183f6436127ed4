"""How media files are read, and what no file may claim; the ``DATA`` node of a config in short."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from slowfast.utils.block_cache import BlockCache
from slowfast.utils.errors import ConfigError
from slowfast.utils.paths import cache_folder


@dataclass(frozen=True)
class MediaOptions:
    """Settings of :func:`slowfast.datasets.media.open_media`.

    Args:
        threads: codec threads; 0 lets FFmpeg choose. One is best with one worker per core.
        folder_fps: rate at which the images of a folder were extracted, frames per second.
        keep_corrupt: use frames that FFmpeg marks as damaged instead of refusing them.
        torchcodec: read frames through torchcodec where it shows the same as PyAV.
        timeout: seconds that one call may take; 0 sets no limit.
        cache: keeps blocks of files that lie elsewhere.
        keep_bytes: of whole decoded files, which the process keeps; 0 reads parts of files.
        max_frames, max_pixels, max_seconds: limits on the frames of a video, the pixels of a
            frame and the length; a file beyond them is refused before memory is spent on it.
    """

    threads: int = 1
    folder_fps: float = 30.0
    keep_corrupt: bool = False
    torchcodec: bool = False
    timeout: float = 300.0
    cache: BlockCache | None = None
    keep_bytes: int = 0
    max_frames: int = 10_000_000
    max_pixels: int = 16_777_216
    max_seconds: float = 172_800.0


DEFAULT_OPTIONS = MediaOptions()


def build_media_options(cfg) -> MediaOptions:
    """Return the options of a config.

    Raises:
        ConfigError: ``DATA.DECODING_BACKEND`` names a package that does not load.
    """
    data, loader = cfg.DATA, cfg.DATA_LOADER
    if data.DECODING_BACKEND == "torchcodec":
        need_torchcodec()
    return MediaOptions(
        threads=0 if loader.ENABLE_MULTI_THREAD_DECODE else loader.DECODE_THREADS,
        folder_fps=data.FRAME_FOLDER_FPS,
        keep_corrupt=data.CORRUPT_FRAMES == "keep",
        torchcodec=data.DECODING_BACKEND == "torchcodec",
        timeout=data.READ_TIMEOUT,
        cache=BlockCache(cache_folder() / "blocks", int(data.CACHE_GIB * 2**30)),
        max_frames=data.MAX_FRAMES,
        max_pixels=data.MAX_FRAME_PIXELS,
        max_seconds=data.MAX_SECONDS,
    )


def need_torchcodec() -> None:
    """Import torchcodec.

    Raises:
        ConfigError: it is not installed, or does not load beside this torch and this FFmpeg.
    """
    try:
        import torchcodec.decoders  # noqa: F401
    except (ImportError, OSError, RuntimeError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ConfigError(
            f"DATA.DECODING_BACKEND torchcodec: the package does not load ({lines[0]}). Run "
            f"'pip install torchcodec' in the version made for torch {torch.__version__}, with "
            "FFmpeg's shared libraries on the machine, or set DATA.DECODING_BACKEND pyav."
        ) from error
