"""Captions of videos, read where they are needed, and the clips that belong to them.

As for HowTo100M (Miech et al., ICCV 2019): one csv file for each video with the columns ``start``,
``end`` and ``text``. A list of a million videos stays a list of paths: the captions of a video are
read when the video is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from slowfast.datasets.media.info import VideoInfo
from slowfast.datasets.sampling.temporal import DurationSampling
from slowfast.datasets.views import FixedViews, Media, RandomViews, View, view_of
from slowfast.utils.errors import AnnotationError, ConfigError, MediaError
from slowfast.utils.input_files import at_line, parse_number, read_table

COLUMNS = ("start", "end", "text")
SUFFIX = ".csv"


class Caption(NamedTuple):
    """Words, and the seconds of the video in which they are spoken."""

    start: float
    end: float
    text: str


@lru_cache(maxsize=4)
def read_captions(path: Path) -> list[Caption]:
    """Return the captions of a file, also those without words.

    Raises:
        AnnotationError: the file is missing, or a line is not a caption.
    """
    found = []
    for number, row in read_table(path, COLUMNS):
        with at_line(path, number):
            start, end = (parse_number(row[name], f"the {name}") for name in COLUMNS[:2])
            if not 0 <= start <= end:
                raise ValueError(f"the caption lasts from {start:g} to {end:g} s.")
        found.append(Caption(start, end, row["text"].strip()))
    return found


def caption_window(start: float, end: float, shortest: float = 4.0) -> tuple[int, int]:
    """Return the whole seconds around a caption from which its clip is drawn.

    Args:
        start, end: of the caption.
        shortest: seconds to which shorter captions are widened.
    """
    missing = shortest - (end - start)
    if missing > 0:
        start = max(0.0, start - missing / 2)
        end = start + shortest
    return int(start), int(end)


def clip_starts(window: tuple[int, int], seconds: float) -> tuple[int, int]:
    """Return the first and the last whole second at which a clip of a window may begin."""
    begin, end = window
    return begin, max(begin, int(end - seconds))


@dataclass(frozen=True)
class Captions:
    """The captions of a list of videos."""

    folder: str
    shortest: float = 4.0

    def path_of(self, video: object) -> Path:
        """Return the file of a video."""
        return Path(self.folder) / (Path(str(video)).stem + SUFFIX)

    def usable(self, video: object, seconds: float) -> list[Caption]:
        """Return the captions of a video that have words and begin before it ends.

        Raises:
            MediaError: there are none, the file is missing or damaged, or the video is too short.
        """
        path = self.path_of(video)
        if seconds < self.shortest:
            raise MediaError(
                f"{video}: lasts {seconds:.2f} s, less than the window of a caption (TEXT.WINDOW "
                f"{self.shortest:g})."
            )
        try:
            captions = read_captions(path)
        except AnnotationError as error:
            raise MediaError(str(error)) from error
        usable = [caption for caption in captions if caption.text and caption.start < seconds]
        if not usable:
            raise MediaError(
                f"{path}: none of its {len(captions)} captions has words within the {seconds:.2f} s "
                "of the video."
            )
        return usable

    def problem(self, video: object, seconds: float) -> str:
        """Return why a video has no usable caption; empty where it has."""
        try:
            self.usable(video, seconds)
        except MediaError as error:
            return str(error)
        return ""

    def window(self, caption: Caption) -> tuple[int, int]:
        """Return the window of a caption."""
        return caption_window(caption.start, caption.end, self.shortest)


def _clip(sampling: DurationSampling, video: VideoInfo, start: float, text: str) -> View:
    """Return the clip that begins at some second, or the last one of the video, with its words."""
    start = min(start, max(video.duration - sampling.duration, 0.0))
    frames = sampling.pad(sampling.frames_between(video, start, sampling.duration))
    return replace(view_of(video, frames), text=text)


@dataclass(frozen=True)
class RandomCaptions(RandomViews):
    """Captions drawn independently, each with a clip from its window."""

    captions: Captions = field(kw_only=True)

    def _draw(self, media: Media, rng: np.random.Generator) -> View:
        own = self.captions.usable(media.path, media.video.duration)
        caption = own[int(rng.integers(len(own)))]
        first, last = clip_starts(self.captions.window(caption), self.sampling.duration)
        start = float(rng.integers(first, last + 1))
        return _clip(self.sampling, media.video, start, caption.text)


@dataclass(frozen=True)
class MiddleCaption(FixedViews):
    """The caption nearest to the middle of a video, with the clip in the middle of its window."""

    captions: Captions = field(kw_only=True)

    def views(self, media: Media, at: float, rng: np.random.Generator | None = None) -> list[View]:
        """Return the one view of a video; ``at`` and ``rng`` do not matter."""
        seconds = media.video.duration
        usable = self.captions.usable(media.path, seconds)
        caption = min(usable, key=lambda c: abs(c.start + c.end - seconds))
        starts = clip_starts(self.captions.window(caption), self.sampling.duration)
        return [_clip(self.sampling, media.video, sum(starts) / 2, caption.text)]


def build_captions(text) -> Captions:
    """Return the captions of the ``TEXT`` node of a config.

    Raises:
        ConfigError: no folder is named.
    """
    if not text.CAPTION_DIR:
        raise ConfigError(
            "TEXT.CAPTION_DIR is empty: name the folder of the captions, a csv for each video."
        )
    return Captions(text.CAPTION_DIR, text.WINDOW)


def build_caption_views(cfg, sampling, views: str, plan) -> RandomCaptions | MiddleCaption:
    """Return the rule for views of videos with captions (``TEXT``).

    Raises:
        ConfigError: clips have no length in seconds, or no folder is named.
    """
    if not isinstance(sampling, DurationSampling):
        raise ConfigError(
            "Clips of captions have a length in seconds: set DATA.TEMPORAL_SAMPLING duration, found "
            f"{cfg.DATA.TEMPORAL_SAMPLING}."
        )
    captions = build_captions(cfg.TEXT)
    if views == "random":
        return RandomCaptions(sampling, plan, captions=captions)
    return MiddleCaption(sampling, captions=captions)
