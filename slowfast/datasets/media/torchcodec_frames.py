"""Frames of a video file through torchcodec, where they are those that PyAV shows.

When a frame is shown stays the word of the reader's table, which torchcodec is given: it neither
scans a file nor guesses from its header. A frame counts only where it comes with the time of the
table. What torchcodec reads differently (files that are turned or mirrored, formats without true
times, seeks that miss) is left to PyAV.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import torch

from slowfast.datasets.media.container import Container
from slowfast.datasets.media.frame_table import MP4_FORMAT, FrameTable

# Formats in which whatever torchcodec misreads shows by its time.
FORMATS = {MP4_FORMAT, "matroska,webm"}
# Frames of full size held at a time; one by one, torchcodec is slower.
AT_ONCE = 16


class TorchcodecFrames:
    """Reads frames of an open file by the reader's table.

    Args:
        container: the file; its video stream is read.

    Attributes:
        able: whether torchcodec has shown the frames of this file as PyAV does so far.
    """

    def __init__(self, container: Container) -> None:
        self._container, self._decoder, self._table = container, None, None
        self.able = container.is_plain_file and container.format in FORMATS

    def read(
        self, table: FrameTable, frames: list[int], transform: Callable
    ) -> list[torch.Tensor] | None:
        """Return one transformed frame ``(3, H, W)`` per ascending number.

        None where PyAV has to read the file, from then on for all its frames.
        """
        if not self.able or not table.seekable:
            return None
        try:
            images = self._read(table, np.array(frames), transform)
        except (RuntimeError, ValueError, IndexError):  # torchcodec's; PyAV tells what is wrong
            images = None
        self.able = images is not None
        return images

    def _read(
        self, table: FrameTable, frames: np.ndarray, transform: Callable
    ) -> list[torch.Tensor] | None:
        if self._decoder is None or table is not self._table:
            self._decoder, self._table = self._open(table), table
        if self._decoder.metadata.rotation is not None:  # it does not mirror
            return None
        video = self._container.video
        shape = (3, video.codec_context.height, video.codec_context.width)
        images = []
        for some in np.split(frames, range(AT_ONCE, len(frames), AT_ONCE)):
            self._container.check_clock()
            found = self._decoder.get_frames_at(some.tolist())
            times = found.pts_seconds.numpy() / float(video.time_base)
            late = np.abs(times - table.times[some])
            if late.max() > table.slack or found.data.shape[1:] != shape:
                return None
            images += [transform(image) for image in found.data]
        return images

    def _open(self, table: FrameTable):
        from torchcodec.decoders import VideoDecoder

        return VideoDecoder(
            self._container.path,
            stream_index=self._container.video.index,
            num_ffmpeg_threads=self._container.options.threads,
            device="cpu",
            custom_frame_mappings=_in_json(table),
        )


def _in_json(table: FrameTable) -> str:
    """Return a table as torchcodec takes it, each key frame at the nearest frame."""
    times = np.rint(table.times).astype(np.int64)
    steps = np.diff(times, append=times[-1] + max(1, round(table.period or 1)))
    halves = (table.times[1:] + table.times[:-1]) / 2
    is_key = np.zeros(len(times), bool)
    is_key[np.searchsorted(halves, table.key_times)] = True
    rows = zip(times.tolist(), steps.tolist(), is_key.tolist(), strict=True)
    return json.dumps(
        {"frames": [{"pts": t, "duration": d, "key_frame": int(k)} for t, d, k in rows]}
    )
