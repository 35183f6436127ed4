"""Datasets of clips with their sound.

Samples are those of :mod:`slowfast.datasets.video_clips` plus

* ``waveform``: float32 mono ``(S,)``, S = ``round(audio_seconds * rate)``, in [-1, 1] before the
  gain of training; in testing the sound around the centre clip.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from slowfast.datasets.audio_features import draw_gain
from slowfast.datasets.media.info import VideoInfo
from slowfast.datasets.temporal import DurationSampling
from slowfast.datasets.video_clips import Sample, TrainClips, ViewClips, require_video
from slowfast.datasets.windows import AudioVisualWindows
from slowfast.utils.errors import ConfigError, MediaError


@dataclass(frozen=True)
class SoundSettings:
    """Which sound belongs to a clip.

    Args:
        windows: draws both windows.
        rate: samples per second.
        gain_jitter: g, training sound is multiplied by a factor of U(1 - g, 1 + g).
        silence_for_missing: read silence where there is no sound. Otherwise a training file with
            too little of it, or a test file with none, counts as unreadable.
    """

    windows: AudioVisualWindows
    rate: int = 24_000
    gain_jitter: float = 0.0
    silence_for_missing: bool = False

    @property
    def num_samples(self) -> int:
        """Length S of a waveform."""
        return round(self.windows.audio_seconds * self.rate)

    def draw(self, media, video: VideoInfo, rng: np.random.Generator) -> tuple[float, float]:
        """Return random starts of the windows of pictures and sound.

        Raises:
            MediaError: they do not fit and missing sound is not silence.
        """
        problem = self.windows.problem(video, media.audio)
        if not problem:
            return self.windows.draw(video, media.audio, rng)
        if self.silence_for_missing:
            return self.windows.anywhere(video, rng)
        raise MediaError(f"{media.path}: {problem} (AUDIO.MISSING).")

    def read(self, media, start: float) -> Tensor:
        """Return the waveform ``(S,)`` from ``start``, silent where there is no sound.

        Raises:
            MediaError: the file has no sound at all and missing sound is not silence.
        """
        if media.audio is None and self.silence_for_missing:
            return torch.zeros(self.num_samples)
        return media.read_waveform(start, self.windows.audio_seconds, self.rate)


def clip_frames(
    sampling: DurationSampling, video: VideoInfo, start: float
) -> tuple[list[int], float]:
    """Return the frames of the clip that begins at ``start``, and by how much it begins earlier.

    Frames are whole: the first is shown up to one frame before ``start``, and the sound has to
    move with it.
    """
    frames = sampling.pad(sampling.frames_between(video, start - video.start, sampling.duration))
    return frames, start - video.time_of(frames[0])


class AudioVisualTrainClips(TrainClips):
    """One random clip with sound per request.

    Args:
        sound: which sound belongs to it.
        arguments: those of :class:`TrainClips`; the sampling has a fixed duration.
    """

    def __init__(self, *arguments: Any, sound: SoundSettings, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.sound = sound

    def read_sample(self, index: int, rng: np.random.Generator) -> Sample:
        """Return the sample of file ``index`` that ``rng`` draws."""
        with self.settings.open(self.videos.paths[index]) as media:
            video = require_video(media)
            video_start, audio_start = self.sound.draw(media, video, rng)
            frames, earlier = clip_frames(self.settings.sampling, video, video_start)
            clip = media.read_frames(frames)
            waveform = self.sound.read(media, audio_start - earlier)
        sample = self.finish(clip, index, rng)
        return {**sample, "waveform": waveform * draw_gain(self.sound.gain_jitter, rng)}


class AudioVisualViews(ViewClips):
    """The centre clip of a file with the sound around it.

    Args:
        sound: which sound belongs to it.
        arguments: those of :class:`ViewClips`.
    """

    def __init__(self, *arguments: Any, sound: SoundSettings, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.sound = sound
        if self.num_views > 1 or self.geometry.num_crops > 1:
            raise ConfigError(
                "AUDIO.ENABLE knows one view of a test video, found TEST.NUM_ENSEMBLE_VIEWS "
                f"{self.num_views} and TEST.NUM_SPATIAL_CROPS {self.geometry.num_crops}: set "
                "both to 1."
            )

    def empty_sample(self) -> Sample:
        """Return what stands for a file that cannot be read."""
        return {**super().empty_sample(), "waveform": torch.zeros(self.sound.num_samples)}

    def read_sample(self, path: str) -> Sample:
        """Return pictures ``(1, 3, T, S, S)`` and sound of a file."""
        with self.settings.open(path) as media:
            video = require_video(media)
            video_start, audio_start = self.sound.windows.centre(video, media.audio)
            frames, earlier = clip_frames(self.settings.sampling, video, video_start)
            clip = media.read_frames(frames, transform=self.geometry.resize)
            waveform = self.sound.read(media, audio_start - earlier)
        pictures = torch.stack([crop.transpose(0, 1) for crop in self.geometry(clip)])
        return {"video": pictures, "waveform": waveform}
