"""Where the windows of frames and of audio of one training clip lie: arithmetic, no decoding.

Times are seconds on the clock that both streams of a file share. Four policies
(``AUDIO.OFFSET``):

* ``in_sync``: both windows have the same centre.
* ``jitter``: the longer window, as a rule that of the audio, is drawn from where both would fit if
  they began together. The shorter one lies anywhere inside the longer one widened by
  ``max_offset`` on both sides, and inside its own stream.
* ``original``: as AVID-CMA draws them (``datasets/video_db.py`` of its release). Like ``jitter``,
  but the shorter window may begin anywhere before the end of its stream, and run past it.
* ``with_clip``: as GDT: the audio begins with the first frame of a clip that is drawn by itself, or as
  late as its stream allows.

The centre clips of evaluation are in sync wherever the audio reaches that far.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from slowfast.datasets.media.info import AudioInfo, VideoInfo

Span = tuple[float, float]


@dataclass(frozen=True)
class AVClipSampler:
    """Draws the starts of both windows of a clip.

    Args:
        video_seconds, audio_seconds: lengths of the windows.
        offset: ``in_sync``, ``jitter``, ``original`` or ``with_clip``.
        max_offset: by how much the shorter window may leave the longer one, in seconds.
    """

    video_seconds: float
    audio_seconds: float
    offset: str = "original"
    max_offset: float = 0.5

    @property
    def with_clip(self) -> bool:
        """Whether the clip is drawn first, and the audio follows from it."""
        return self.offset == "with_clip"

    def beside(self, start: float, video: VideoInfo, audio: AudioInfo | None) -> float:
        """Return the start of the audio of a clip that starts at ``start``.

        It is that of the clip, or shares its centre where the policy is not ``with_clip``, or the
        nearest to that in the stream.
        """
        start += 0.0 if self.with_clip else self._lead
        if audio is None:
            return start
        begin, end = _span(audio, video)
        return max(min(start, end - self.audio_seconds), begin)

    def why_too_short(self, video: VideoInfo, audio: AudioInfo | None) -> str:
        """Say why no pair of windows fits into a file, or return an empty string."""
        if audio is None:
            return "the file has no audio stream"
        frames, audio = _span(video), _span(audio, video)
        low, high = self._room(frames, audio)
        if low < high or (low == high and self.offset != "original"):
            return ""
        shared = max(min(frames[1], audio[1]) - max(frames[0], audio[0]), 0.0)
        return (
            f"audio and frames share {shared:.2f} s, too little for {self.audio_seconds:g} s of "
            f"audio and {self.video_seconds:g} s of frames"
        )

    def draw(self, video: VideoInfo, audio: AudioInfo, rng: np.random.Generator) -> Span:
        """Return the random starts ``(video, audio)`` of a clip; :meth:`problem` finds none."""
        frames, audio = _span(video), _span(audio, video)
        low, high = self._room(frames, audio)
        start = rng.uniform(low, max(low, high))
        if self.offset == "in_sync":
            return start - self._lead, start
        # The longer window begins at ``start``; the shorter one lies around it.
        if self.audio_seconds > self.video_seconds:
            return self._around(start, self.audio_seconds, self.video_seconds, frames, rng), start
        return start, self._around(start, self.video_seconds, self.audio_seconds, audio, rng)

    def centre(self, video: VideoInfo, audio: AudioInfo | None) -> Span:
        """Return the starts ``(video, audio)`` of two windows in the middle of the frames.

        Where the audio ends too soon or begins too late for that, its window is moved until it
        holds as much audio as there is.
        """
        middle = video.start + video.duration / 2
        video_start = max(middle - self.video_seconds / 2, video.start)
        audio_start = middle - self.audio_seconds / 2
        if audio is not None:
            begin, end = _span(audio, video)
            audio_start = max(min(audio_start, end - self.audio_seconds), begin)
        return video_start, audio_start

    def sample_video_only(self, video: VideoInfo, rng: np.random.Generator) -> Span:
        """Return random starts ``(video, audio)`` of windows of one centre in any file.

        The frames stay inside the file if they fit; the audio may lack wholly or in part.
        """
        room = max(video.duration - self.video_seconds, 0.0)
        start = video.start + rng.uniform(0.0, room)
        return start, start + self._lead

    @property
    def _lead(self) -> float:
        """Start of the audio minus start of the frames when their centres agree."""
        return (self.video_seconds - self.audio_seconds) / 2

    def _room(self, video: Span, audio: Span) -> Span:
        """Return the range of the drawn start: of the longer window, or of the audio in sync."""
        if self.offset == "in_sync":
            low = max(audio[0], video[0] + self._lead)
            return low, min(
                audio[1] - self.audio_seconds, video[1] - self.video_seconds + self._lead
            )
        low = max(audio[0], video[0])
        return low, min(audio[1] - self.audio_seconds, video[1] - self.video_seconds)

    def _around(
        self, start: float, long: float, short: float, limits: Span, rng: np.random.Generator
    ) -> float:
        low = max(start - self.max_offset, limits[0])
        end = limits[1] if self.offset == "original" else limits[1] - short
        return rng.uniform(low, max(low, min(start + long + self.max_offset - short, end)))


def _span(stream: VideoInfo | AudioInfo, otherwise: VideoInfo | None = None) -> Span:
    """Return begin and end of a stream; audio of unknown length lasts as long as the frames."""
    if math.isnan(stream.duration):
        return stream.start, otherwise.start + otherwise.duration
    return stream.start, stream.start + stream.duration
