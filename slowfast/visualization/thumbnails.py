"""A few frames of a file."""

from __future__ import annotations

import numpy as np

from slowfast.datasets.media import open_media
from slowfast.utils.errors import MediaError


def read_frames_of(path: str, frames: int) -> np.ndarray:
    """Return frames spread evenly over a file, uint8 ``(frames, H, W, 3)``.

    Raises:
        MediaError: the file is not there, cannot be read, or holds no frames.
    """
    with open_media(path) as media:
        if media.video is None:
            raise MediaError(f"{path}: no frames")
        places = np.linspace(0, media.video.num_frames - 1, frames).astype(int)
        return media.read_frames(places.tolist()).permute(0, 2, 3, 1).numpy()
