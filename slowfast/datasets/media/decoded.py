"""Whole decoded files in memory: small sets of short videos are then decoded once."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice

import torch

from slowfast.datasets.media.base import FrameTransform, Media
from slowfast.datasets.media.options import MediaOptions
from slowfast.datasets.media.video_file import VideoFile
from slowfast.datasets.media.waveform import PREROLL_SECONDS, mix_window
from slowfast.utils.errors import MediaError
from slowfast.utils.patience import is_passing

_FILES: OrderedDict[str, DecodedFile] = OrderedDict()  # the one used last at its end
_IN_PARTS: set[str] = set()  # files that are too large, or damaged


def open_decoded(path: str, options: MediaOptions) -> Media:
    """Open a file whole, or take it from those that this process keeps, up to ``options.keep_bytes``.

    A file that needs more than an eighth of them, or that cannot be decoded to its end, is read in parts
    as it is without this.

    Raises:
        MediaError: as :class:`VideoFile`.
    """
    if path in _FILES:
        _FILES.move_to_end(path)
        return _FILES[path]
    media = VideoFile(path, options)
    if path in _IN_PARTS:
        return media
    if not decoded_bytes(media) <= options.keep_bytes / 8:
        _IN_PARTS.add(path)
        return media
    try:
        decoded = DecodedFile(media)
    except MediaError as error:
        if is_passing(error):
            raise
        _IN_PARTS.add(path)
        return VideoFile(path, options)
    finally:
        media.close()
    _FILES[path] = decoded
    while sum(file.bytes for file in _FILES.values()) > options.keep_bytes:
        _FILES.popitem(last=False)
    return decoded


def decoded_bytes(media: VideoFile) -> float:
    """Return the memory that a file takes whole, by what its header says."""
    frames, sound = media.video, media.audio
    total = 3.0 * frames.width * frames.height * frames.num_frames if frames else 0.0
    # A length that no header tells is not a number, which no limit admits.
    return total + (4.0 * sound.rate * sound.channels * sound.duration if sound else 0.0)


class DecodedFile(Media):
    """A file of which everything is decoded.

    Frames are those of the file to the last bit. Audio is that of a straight decode, where codecs that begin
    amidst a file differ by rounding.

    Args:
        media: an opened file.

    Raises:
        MediaError: it cannot be decoded to its end.
    """

    def __init__(self, media: VideoFile) -> None:
        self.bytes = decoded_bytes(media)
        self.path, self._frames, self._sound = media.path, None, []
        if media.video is not None:
            self._frames = media.read_frames(range(media.video.num_frames))
        if media.audio is not None:
            self._sound = media.audio_frames()
        self._times = [time for _, time in self._sound]
        self.video, self.audio = media.video, media.audio

    def read_frames(
        self, indices: Sequence[int], transform: FrameTransform | None = None
    ) -> torch.Tensor:
        """Return frames by number as :meth:`VideoFile.read_frames` does."""
        if self._frames is None:
            raise MediaError(f"{self.path}: the file has no video stream.")
        last = len(self._frames) - 1
        images = self._frames[[min(max(int(k), 0), last) for k in indices]]
        return images if transform is None else torch.stack([transform(image) for image in images])

    def read_waveform(self, start: float, duration: float, rate: int) -> torch.Tensor:
        """Return the audio of a window as :meth:`VideoFile.read_waveform` does."""
        if self.audio is None:
            raise MediaError(f"{self.path}: the file has no audio stream that can be decoded.")
        first = bisect_right(self._times, start - PREROLL_SECONDS) - 1
        return mix_window(islice(self._sound, max(first, 0), None), start, duration, rate)
