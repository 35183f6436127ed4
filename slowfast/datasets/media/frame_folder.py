"""A folder of JPEG or PNG frames behind the interface of a video file."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from slowfast.datasets.media.info import VideoInfo
from slowfast.utils.errors import MediaError

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png"}


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Return a sort key that orders ``f_2`` before ``f_10``."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts if part]


def read_image(path: str | Path) -> torch.Tensor:
    """Return a picture as uint8 ``(3, H, W)`` RGB.

    Raises:
        MediaError: it is missing or damaged.
    """
    try:
        with Image.open(path) as image:
            array = np.array(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError) as error:
        raise MediaError(f"{path}: not a readable image ({error}).") from error
    return torch.from_numpy(array).permute(2, 0, 1)


def read_images(
    paths: Sequence[str | Path],
    transform: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> torch.Tensor:
    """Return pictures of one size as uint8 ``(T, 3, H, W)``; each file is read once.

    ``transform`` maps each distinct picture ``(3, H, W)`` before they are stacked.

    Raises:
        MediaError: one is missing or damaged, or they differ in size.
    """
    images = {path: read_image(path) for path in dict.fromkeys(paths)}
    shapes = {tuple(image.shape) for image in images.values()}
    if len(shapes) > 1:
        folder = Path(paths[0]).parent
        raise MediaError(f"{folder}: frames differ in size: {sorted(shapes)}.")
    if transform is not None:
        images = {path: transform(image) for path, image in images.items()}
    return torch.stack([images[path] for path in paths])


class FrameFolder:
    """Frames that were extracted to images, in the natural order of their names.

    Args:
        path: the folder.
        fps: rate of extraction, in frames per second.

    Raises:
        MediaError: there is no image in it.
    """

    audio = None

    def __init__(self, path: str | Path, *, fps: float) -> None:
        self.path = Path(path)
        names = [p.name for p in self.path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES]
        if not names:
            raise MediaError(f"{path}: the folder holds no .jpg, .jpeg or .png frame.")
        self._names = sorted(names, key=natural_key)
        height, width = self._read(0).shape[1:]
        self.video = VideoInfo(fps, len(names), 0.0, width, height, "images")

    def _read(self, index: int) -> torch.Tensor:
        return read_image(self.path / self._names[index])

    def read_frames(
        self,
        indices: Sequence[int],
        transform: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """Return the frames ``indices`` (clamped to the folder) as uint8 ``(T, 3, H, W)`` RGB.

        ``transform`` maps each distinct picture ``(3, H, W)`` before they are stacked.
        """
        last = self.video.num_frames - 1
        names = [self._names[min(max(int(i), 0), last)] for i in indices]
        return read_images([self.path / name for name in names], transform)

    def read_waveform(self, start: float, duration: float, rate: int) -> torch.Tensor:
        """Raise, since images carry no sound."""
        raise MediaError(f"{self.path}: a folder of images has no sound.")

    def close(self) -> None:
        """Do nothing; images are opened one at a time."""

    def __enter__(self) -> FrameFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
