"""Decoded frames as tensors, turned and mirrored as every player shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import av
import numpy as np
import torch
from av.video.reformatter import VideoReformatter


def display_matrix(frame: av.VideoFrame) -> np.ndarray | None:
    """Return the 2 x 2 part of a frame's display matrix ((a, b), (c, d)), or None without one.

    A point (x, y) of the stored frame is shown at (a x + c y, b x + d y).
    """
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return None
    values = np.frombuffer(bytes(data), np.int32)
    return values[[0, 1, 3, 4]].reshape(2, 2).astype(np.float64)


def upright(image: np.ndarray, matrix: np.ndarray | None) -> np.ndarray:
    """Return an image ``(H, W, C)`` as the display matrix shows it, to the nearest quarter turn."""
    if matrix is None:
        return image
    (a, b), (c, d) = matrix
    if abs(a) + abs(d) < abs(b) + abs(c):  # width and height are exchanged
        image = image.transpose(1, 0, 2)
        across, down = c, b
    else:
        across, down = a, d
    if across < 0:
        image = image[:, ::-1]
    if down < 0:
        image = image[::-1]
    return image


def in_display_order(frames: Iterable[av.VideoFrame], container: str) -> Iterator[av.VideoFrame]:
    """Yield decoded frames with ascending times.

    AVI stores no display times. With B-frames (most of HMDB51, half of UCF101) FFmpeg's guesses
    are swapped between neighbours, while the frames themselves come in the right order.
    """
    held = None
    for frame in frames:
        if container != "avi" or frame.pts is None:
            yield frame
            continue
        if held is not None:
            if frame.pts < held.pts:
                held.pts, frame.pts = frame.pts, held.pts
            yield held
        held = frame
    if held is not None:
        yield held


def upright_frame(frame: av.VideoFrame) -> av.VideoFrame:
    """Return a frame as it is shown; the same object where it is stored that way."""
    matrix = display_matrix(frame)
    if matrix is None:
        return frame
    image = upright(frame.to_ndarray(format="rgb24"), matrix)
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")


class FrameConverter:
    """Turns decoded frames into uint8 RGB tensors ``(3, H, W)`` of one size.

    Args:
        width, height: stored size of the video; frames of another size are scaled to it.
        threads: of FFmpeg's scaler. Left alone, it starts one per core for each small frame.
    """

    def __init__(self, width: int, height: int, threads: int) -> None:
        self._size, self._threads = (width, height), threads
        self._reformatter = VideoReformatter()

    def __call__(self, frame: av.VideoFrame) -> torch.Tensor:
        """Return one frame."""
        width, height = self._size
        frame_rgb = self._reformatter.reformat(
            frame, width, height, format="rgb24", threads=self._threads
        )
        image = upright(frame_rgb.to_ndarray(), display_matrix(frame))
        if min(image.strides) < 0:  # tensors cannot be mirrored in place
            image = np.ascontiguousarray(image)
        return torch.from_numpy(image).permute(2, 0, 1)
