"""A folder of JPEG or PNG frames behind the interface of a video file."""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from slowfast.datasets.media.info import VideoInfo
from slowfast.datasets.media.options import DEFAULT_OPTIONS, MediaOptions
from slowfast.utils.errors import MediaError

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png"}
DEFAULT_PIXELS = DEFAULT_OPTIONS.max_pixels
BROKEN_IMAGE = (
    *(OSError, ValueError, SyntaxError, LookupError, ArithmeticError, TypeError, RuntimeError),
    *(EOFError, MemoryError, AttributeError, struct.error, Image.DecompressionBombError),
)


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Return a sort key that orders ``f_2`` before ``f_10``."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts if part]


def read_image(path: str | Path, max_pixels: int = DEFAULT_PIXELS) -> torch.Tensor:
    """Return an image as uint8 ``(3, H, W)`` RGB.

    Raises:
        MediaError: it is missing, damaged, or claims more than ``max_pixels``.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # max_pixels judges
            with Image.open(path) as image:
                if image.width * image.height > max_pixels:
                    raise MediaError(
                        f"{path}: an image of {image.width} x {image.height} pixels; "
                        f"DATA.MAX_FRAME_PIXELS admits {max_pixels}."
                    )
                array = np.array(image.convert("RGB"))
    except BROKEN_IMAGE as error:
        raise MediaError(f"{path}: not a readable image ({error}).") from error
    return torch.from_numpy(array).permute(2, 0, 1)


def read_images(
    paths: Sequence[str | Path],
    transform: Callable[[torch.Tensor], torch.Tensor] | None = None,
    max_pixels: int = DEFAULT_PIXELS,
) -> torch.Tensor:
    """Return images of one size as uint8 ``(T, 3, H, W)``; each file is read once.

    ``transform`` maps each distinct image ``(3, H, W)`` before they are stacked.

    Raises:
        MediaError: one is missing or damaged, or they differ in size.
    """
    images = {path: read_image(path, max_pixels) for path in dict.fromkeys(paths)}
    shapes = {tuple(image.shape) for image in images.values()}
    if len(shapes) > 1:
        folder = Path(paths[0]).parent
        raise MediaError(f"{folder}: frames differ in size: {sorted(shapes)}.")
    if transform is not None:
        images = {path: transform(image) for path, image in images.items()}
    return torch.stack([images[path] for path in paths])


def _is_frame(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


class FrameFolder:
    """Frames that were extracted to images, in the natural order of their names.

    Args:
        path: the folder; names that begin with a dot are passed over.
        options: rate of extraction and limits.

    Raises:
        MediaError: there is no image in it.
    """

    audio = None
    slow = ""

    def __init__(self, path: str | Path, options: MediaOptions = DEFAULT_OPTIONS) -> None:
        self.path, self._max_pixels = Path(path), options.max_pixels
        names = [p.name for p in self.path.iterdir() if _is_frame(p)]
        if not names:
            raise MediaError(f"{path}: the folder holds no .jpg, .jpeg or .png frame.")
        self._names = sorted(names, key=natural_key)
        height, width = self._read(0).shape[1:]
        self.video = VideoInfo(options.folder_fps, len(names), 0.0, width, height, "images")

    def _read(self, index: int) -> torch.Tensor:
        return read_image(self.path / self._names[index], self._max_pixels)

    def read_frames(
        self,
        indices: Sequence[int],
        transform: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """Return the frames ``indices`` (clamped to the folder) as uint8 ``(T, 3, H, W)`` RGB.

        ``transform`` maps each distinct image ``(3, H, W)`` before they are stacked.
        """
        last = self.video.num_frames - 1
        names = [self._names[min(max(int(i), 0), last)] for i in indices]
        return read_images([self.path / name for name in names], transform, self._max_pixels)

    def read_waveform(self, start: float, duration: float, rate: int) -> torch.Tensor:
        """Raise, since images carry no audio."""
        raise MediaError(f"{self.path}: a folder of images has no audio.")

    def close(self) -> None:
        """Do nothing; images are opened one at a time."""

    def __enter__(self) -> FrameFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
