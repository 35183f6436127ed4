"""Parts of a file behind its own interface: frames read ahead, another rate, a span."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from slowfast.datasets.media.base import Media
from slowfast.utils.errors import MediaError


class _Part(Media):
    """A view on an opened file; closing it closes the file."""

    def __init__(self, media) -> None:
        self._media = media
        self.path, self.audio, self.video = media.path, media.audio, media.video

    def read_waveform(self, start: float, duration: float, rate: int) -> torch.Tensor:
        """Return audio by the clock of the file."""
        return self._media.read_waveform(start, duration, rate)

    def close(self) -> None:
        """Release the file."""
        self._media.close()


class ReadAhead(_Part):
    """A file of which some frames have been decoded, in one pass.

    Args:
        media: an opened file with video.
        frames: numbers of those that will be asked for.
    """

    def __init__(self, media, frames: Sequence[int]) -> None:
        super().__init__(media)
        wanted = sorted(set(frames))
        self._rows = {frame: row for row, frame in enumerate(wanted)}
        self._images = media.read_frames(wanted)

    def read_frames(self, indices: Sequence[int], transform=None) -> torch.Tensor:
        """Return frames as the file does."""
        images = self._images[[self._rows[int(k)] for k in indices]]
        return images if transform is None else torch.stack([transform(image) for image in images])


class AtRate(_Part):
    """A file whose frames are counted at another rate, as annotations count them.

    Args:
        media: an opened file with video.
        rate: frames per second.
        start: seconds of the file that frame 0 lies after its beginning; may be negative.

    Raises:
        MediaError: the file has no video stream.
    """

    def __init__(self, media, rate: float, start: float = 0.0) -> None:
        super().__init__(media)
        if media.video is None:
            raise MediaError(f"{media.path}: the file has no video stream.")
        count = round((media.video.duration - start) * rate)
        self._rate, self._start = rate, start
        self.video = replace(media.video, fps=rate, num_frames=max(count, 1), times=None)

    def _nearest(self, frames: Sequence[int]) -> list[int]:
        return self._media.video.nearest([k / self._rate + self._start for k in frames])

    def place_of(self, frame: int) -> tuple[str, int]:
        """Return where a frame can be seen: a file, and a frame of it."""
        return str(self.path), self._nearest([frame])[0]

    def read_frames(self, indices: Sequence[int], transform=None) -> torch.Tensor:
        """Return the frames of the file nearest to those of the other rate."""
        return self._media.read_frames(self._nearest(indices), transform)


class Span(_Part):
    """The seconds from ``start`` to ``end`` of a file, counted from its first frame.

    Where there are no frames they are counted from the beginning of the audio.

    Raises:
        MediaError: no frame appears in them.
    """

    def __init__(self, media, start: float, end: float) -> None:
        super().__init__(media)
        if media.video is None:
            length = max(min(end, media.audio.duration) - start, 0.0)
            begin = media.audio.start + start
            self.audio = replace(media.audio, start=begin, duration=length)
            return
        video = media.video
        times = [video.time_of(k) - video.start for k in range(video.num_frames)]
        inside = [k for k, at in enumerate(times) if start - 1e-9 <= at < end]
        if not inside:
            raise MediaError(
                f"{media.path}: no frame between {start:g} and {end:g} s; it lasts "
                f"{video.duration:.2f} s."
            )
        self._first, count = inside[0], len(inside)
        even = video.times is None
        self.video = replace(
            video,
            num_frames=count,
            start=video.time_of(self._first),
            times=None if even else video.times[inside] - video.times[self._first],
        )
        if media.audio is not None:
            begin = max(media.audio.start, self.video.start)
            stop = min(media.audio.start + media.audio.duration, video.start + end)
            self.audio = replace(media.audio, start=begin, duration=max(stop - begin, 0.0))

    def place_of(self, frame: int) -> tuple[str, int]:
        """Return where a frame can be seen: a file, and a frame of it."""
        return str(self.path), self._first + frame

    def read_frames(self, indices: Sequence[int], transform=None) -> torch.Tensor:
        """Return frames of the span (clamped to it) as uint8 ``(T, 3, H, W)`` RGB."""
        last = self.video.num_frames - 1
        wanted = [self._first + min(max(int(k), 0), last) for k in indices]
        return self._media.read_frames(wanted, transform)
