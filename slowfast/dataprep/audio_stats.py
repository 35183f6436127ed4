"""Measuring mean and deviation of each frequency over random windows of a user's own audio."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from tqdm import tqdm

from slowfast.datasets.audio import SpectrogramStats, build_audio_features
from slowfast.datasets.audio.waveform import draw_gain
from slowfast.datasets.build import manifest_path, read_items
from slowfast.datasets.items import ItemTable
from slowfast.datasets.media import (
    Media,
    MediaOptions,
    build_media_options,
    open_media,
)
from slowfast.utils.errors import AnnotationError, MediaError


class RunningMoments:
    """Mean and deviation of rows that come in blocks, in float64.

    Blocks are joined by the formula of Chan, Golub and LeVeque, which loses no digits to a large
    mean.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean: np.ndarray | float = 0.0
        self._squares: np.ndarray | float = 0.0

    def add(self, rows: np.ndarray) -> None:
        """Take in a block ``(N, F)``."""
        rows = np.asarray(rows, dtype=np.float64)
        mean = rows.mean(axis=0)
        total = self.count + len(rows)
        gap = mean - self.mean
        self._squares += ((rows - mean) ** 2).sum(axis=0) + gap**2 * self.count * len(rows) / total
        self.mean = self.mean + gap * len(rows) / total
        self.count = total

    @property
    def std(self) -> np.ndarray:
        """Deviation ``(F,)`` of all rows so far, divided by their number."""
        return np.sqrt(self._squares / self.count)


@dataclass
class StatsReport:
    """What was measured and what was left out.

    Attributes:
        clips: windows measured.
        without_audio, too_short: paths of files left out for that reason.
        unreadable: ``(path, reason)`` of files that could not be read.
        stats: the result.
    """

    clips: int = 0
    without_audio: list[str] = field(default_factory=list)
    too_short: list[str] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    stats: SpectrogramStats | None = None

    @property
    def left_out(self) -> str:
        """A few words on the files left out."""
        return (
            f"{len(self.without_audio)} without audio, {len(self.too_short)} with too little, "
            f"{len(self.unreadable)} unreadable"
        )


def measure_audio_stats(cfg, clips: int = 2000, seed: int = 0) -> StatsReport:
    """Measure random windows of the audio of a config's training files, gain included.

    Args:
        cfg: names the list (or ``DATA.MANIFEST_DIR``) and, in ``AUDIO``, the spectrogram.
        clips: number of windows, at least 1.
        seed: of the order of files, the windows and the gains.

    Raises:
        AnnotationError: the list is missing or wrong, or no file has enough audio.
        ConfigError: a setting of the spectrogram that makes no sense.
    """
    data, audio = cfg.DATA, cfg.AUDIO
    features = build_audio_features(audio, normalise=False)
    if data.MANIFEST_DIR:
        videos = ItemTable.load(manifest_path(cfg, data.MANIFEST_DIR, "train"))
    else:
        videos = read_items(cfg, "train").check_files()
    survey, moments = StatsReport(), RunningMoments()
    for waveform in draw_windows(cfg, videos, survey, clips, seed):
        levels = features(waveform[None])[0]
        moments.add(levels.movedim(features.time_dim - 1, 0).flatten(1).numpy())
    if not survey.clips:
        example = f" For example: {survey.unreadable[0][1]}" if survey.unreadable else ""
        raise AnnotationError(
            f"{videos.source}: none of {len(videos)} files has {audio.DURATION:g} s of audio "
            f"({survey.left_out}).{example} Check the list, or lower AUDIO.DURATION."
        )
    survey.stats = SpectrogramStats(
        sample_rate=features.sample_rate,
        fft_size=features.fft_size,
        frames_per_second=features.frames_per_second,
        source=(
            f"{videos.source}: {survey.clips} windows of {audio.DURATION:g} s, gain jitter "
            f"{audio.GAIN_JITTER:g}, {features.extra_repr()}, seed {seed}"
        ),
        licence="that of the measured files",
        mean=tuple(moments.mean.tolist()),
        std=tuple(moments.std.tolist()),
        features=features.name,
    )
    return survey


def draw_windows(
    cfg, videos: ItemTable, survey: StatsReport, clips: int, seed: int
) -> Iterator[torch.Tensor]:
    """Yield waveforms ``(S,)`` of random windows, with a random gain each.

    Every file is visited once, in random order, before any is visited again; files without
    enough audio are noted in ``survey`` and left out from then on. A window is drawn from
    ``(seed, round, row of its file)`` and from nothing else.
    """
    rows, options = np.arange(len(videos)), build_media_options(cfg)
    with tqdm(total=clips, desc="audio", unit="clip", disable=None) as bar:
        turn = 0
        while len(rows) and survey.clips < clips:
            useful = []
            for row in np.random.default_rng([seed, turn]).permutation(rows):
                rng = np.random.default_rng([seed, turn, int(row)])
                path = videos.paths[int(row)]
                waveform = _window(path, survey, cfg.AUDIO, options, rng)
                if waveform is None:
                    continue
                useful.append(row)
                survey.clips += 1
                yield waveform * draw_gain(cfg.AUDIO.GAIN_JITTER, rng)
                bar.update()
                if survey.clips == clips:
                    return
            rows, turn = np.sort(useful), turn + 1


def _window(
    path: str, survey: StatsReport, audio, options: MediaOptions, rng: np.random.Generator
) -> torch.Tensor | None:
    """Return the audio of a random window of a file, or note why there is none."""
    try:
        with open_media(path, options) as media:
            if media.audio is None:
                survey.without_audio.append(path)
                return None
            latest = sound_seconds(media) - audio.DURATION
            if latest < 0:
                survey.too_short.append(path)
                return None
            start = media.audio.start + rng.uniform(0.0, latest)
            return media.read_waveform(start, audio.DURATION, audio.SAMPLE_RATE)
    except (MediaError, OSError) as error:
        survey.unreadable.append((path, str(error)))
        return None


def sound_seconds(media: Media) -> float:
    """Return the length of the audio; where no header tells it, that of the frames."""
    duration = media.audio.duration
    if not np.isnan(duration):
        return duration
    return media.video.duration if media.video is not None else 0.0
