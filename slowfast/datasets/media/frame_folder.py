"""JPEG or PNG frames behind the interface of a video file: a folder, or a list of names."""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from slowfast.datasets.media.base import FrameTransform, Media
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
    transform: FrameTransform | None = None,
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


class FrameList(Media):
    """Frames that were extracted to images, named one by one.

    Args:
        path: folder of the images, for messages.
        names: of the images, in order.
        root: folder that the names are below.
        options: limits.
        fps: rate of extraction, frames per second.
    """

    def __init__(
        self,
        path: str | Path,
        names: Sequence[str],
        root: str | Path,
        options: MediaOptions,
        fps: float,
    ) -> None:
        self.path, self._root, self._names = Path(path), Path(root), names
        self._max_pixels = options.max_pixels
        self.video = VideoInfo(fps, len(names), 0.0, 0, 0, "images")

    def place_of(self, frame: int) -> tuple[str, int]:
        """Return the image, and 0: it is its only frame."""
        return str(self._root / self._names[frame]), 0

    def read_frames(
        self, indices: Sequence[int], transform: FrameTransform | None = None
    ) -> torch.Tensor:
        """Return frames; see :class:`Media`."""
        last = self.video.num_frames - 1
        paths = [self._root / self._names[min(max(int(k), 0), last)] for k in indices]
        return read_images(paths, transform, self._max_pixels)


class FrameFolder(FrameList):
    """All images of a folder, in the natural order of their names.

    Args:
        path: the folder; names that begin with a dot are passed over.
        options: rate of extraction and limits.

    Raises:
        MediaError: there is no image in it, or the first cannot be read.
    """

    def __init__(self, path: str | Path, options: MediaOptions = DEFAULT_OPTIONS) -> None:
        names = [p.name for p in Path(path).iterdir() if _is_frame(p)]
        if not names:
            raise MediaError(f"{path}: the folder holds no .jpg, .jpeg or .png frame.")
        names.sort(key=natural_key)
        super().__init__(path, names, path, options, options.folder_fps)
        height, width = read_image(self.path / names[0], options.max_pixels).shape[1:]
        self.video = replace(self.video, width=width, height=height)
