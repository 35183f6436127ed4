"""The clips of the released zero-shot code, with its defects, for comparison with its numbers.

Brattoli et al., "Rethinking Zero-shot Video Classification" (CVPR 2020), whose loaders read a frame
that several clips want only once, and then cut what they read into clips: in a video of fewer than
``clips x frames`` frames the clips run through it in a loop.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slowfast.datasets.media.info import VideoInfo
from slowfast.utils.errors import ConfigError


@dataclass(frozen=True)
class LoopedSampling:
    """Clips of consecutive frames as for UCF101, HMDB51 and Kinetics.

    Args:
        num_frames: T of a clip.
    """

    num_frames: int

    @property
    def duration(self) -> float:
        """Raise: clips of consecutive frames have no fixed length in seconds."""
        raise ConfigError(
            "DATA.TEMPORAL_SAMPLING looped reads consecutive frames at any rate; audio beside clips needs "
            "another rule, such as duration."
        )

    def random_clip(self, video: VideoInfo, rng: np.random.Generator) -> list[int]:
        """Return a clip at a random start; the last possible one is never drawn."""
        room = video.num_frames - self.num_frames
        start = int(rng.integers(0, room)) if room > 1 else 0
        return [min(start + k, video.num_frames - 1) for k in range(self.num_frames)]

    def views(self, video: VideoInfo, num_views: int) -> list[list[int]]:
        """Return ``num_views`` clips cut one after the other from the frames that any of them wants."""
        count = video.num_frames
        starts = range(0, count, max(count // num_views, 1))[:num_views]
        wanted = sorted({start + k for start in starts for k in range(self.num_frames)})
        return self._cut([min(frame, count - 1) for frame in wanted], num_views)

    def centre_clip(self, video: VideoInfo) -> list[int]:
        """Return the first frames, which stand for a video in validation."""
        return self.views(video, 1)[0]

    def _cut(self, frames: list[int], num_views: int) -> list[list[int]]:
        size = self.num_frames
        return [
            [frames[(view * size + k) % len(frames)] for k in range(size)]
            for view in range(num_views)
        ]


@dataclass(frozen=True)
class LoopedActivityNetSampling(LoopedSampling):
    """The same as for ActivityNet: no frame is read once for several clips, but the end is missing.

    Starts lie in the first frames of a video; what lies past its end is left out before the clips are
    cut, and the last ones are filled up from the beginning.
    """

    longest = 300  # frames among which clips begin

    def views(self, video: VideoInfo, num_views: int) -> list[list[int]]:
        """Return ``num_views`` clips."""
        count = video.num_frames
        period = max(min(count, self.longest) // num_views, 1)
        wanted = [view * period + k for view in range(num_views) for k in range(self.num_frames)]
        return self._cut([frame for frame in wanted if frame < count], num_views)
