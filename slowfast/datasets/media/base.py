"""The interface of everything that is read like a file of frames and audio."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import torch

from slowfast.datasets.media.info import AudioInfo, VideoInfo
from slowfast.utils.errors import MediaError

FrameTransform = Callable[[torch.Tensor], torch.Tensor]


class Media(AbstractContextManager):
    """An opened file, or what stands for one; leaving its ``with`` statement closes it.

    Attributes:
        path: for messages.
        video: facts about its frames; None where there are none.
        audio: facts about its audio; None where there is none.
        slow: why reading it takes long, if it does.
    """

    path: str | Path
    video: VideoInfo | None = None
    audio: AudioInfo | None = None
    slow = ""

    @abstractmethod
    def read_frames(
        self, indices: Sequence[int], transform: FrameTransform | None = None
    ) -> torch.Tensor:
        """Return frames by number, clamped to those there are, as uint8 ``(T, 3, H, W)`` RGB.

        ``transform`` maps each distinct frame ``(3, H, W)`` before they are stacked.

        Raises:
            MediaError: there are no frames, or they cannot be read.
        """

    def read_waveform(self, start: float, duration: float, rate: int) -> torch.Tensor:
        """Return ``duration`` seconds of audio as float32 mono samples ``(round(duration * rate),)``.

        Raises:
            MediaError: there is no audio, or it cannot be read.
        """
        raise MediaError(f"{self.path}: images have no audio.")

    def place_of(self, frame: int) -> tuple[str, int]:
        """Return where a frame can be seen: a file, and a frame of it."""
        return str(self.path), frame

    def close(self) -> None:
        """Release what is held."""

    def __exit__(self, *_: object) -> None:
        self.close()
