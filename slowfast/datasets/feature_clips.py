"""Clips whose features are kept: fixed or drawn views of every item of a list, read without a loss.

Long files become many items, one for each window that slides over them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from slowfast.datasets.build import build_windows
from slowfast.datasets.clips import ClipDataset
from slowfast.datasets.items import ItemTable
from slowfast.datasets.media import DEFAULT_OPTIONS, MediaOptions, build_media_options
from slowfast.datasets.readers import AudioReader, EvalFrames, LabelReader, Reader, TimeReader
from slowfast.datasets.sampling.temporal import StridedSampling, build_temporal_sampling
from slowfast.datasets.transforms.pipelines import TestGeometry
from slowfast.datasets.views import AudioViews, FixedViews, RandomViews
from slowfast.utils.errors import ConfigError, MediaError

# How AVID-CMA varies the training audio of its SVM: longer and lower by this factor.
STRETCH = (3 / 4, 4 / 3)


def build_feature_clips(
    cfg,
    items: ItemTable,
    split: str,
    modalities: Sequence[str],
    views: int,
    crops: int = 1,
    random: bool = False,
) -> ClipDataset:
    """Return the views of a list from which features are computed.

    An unreadable file is marked, never replaced. Audio alone is read from files with and without
    frames.

    Args:
        cfg: says how clips and audio are read.
        items: the list.
        split: its name.
        modalities: ``video``, ``audio`` or both.
        views: moments of each item; a single one lies in the middle.
        crops: of each view, along its longer side.
        random: draw the moments, and of audio alone also speed and gain, instead of spreading them.

    Raises:
        ConfigError: crops of audio, or a list of boxes.
    """
    if items.boxes is not None:
        raise ConfigError(f"{items.source}: features of boxes are not supported; list whole files.")
    audio = cfg.AUDIO
    if "audio" in modalities and crops > 1:
        raise ConfigError(f"TEST.NUM_SPATIAL_CROPS {crops}: audio has no crops; set it to 1.")
    readers: list[Reader] = [LabelReader(items)]
    if "audio" in modalities:
        alone = "video" not in modalities
        readers.append(
            AudioReader(
                audio.DURATION,
                audio.SAMPLE_RATE,
                audio.GAIN_JITTER if random else 0.0,
                silence=audio.MISSING == "zero" and not alone,
                loop=audio.LOOP_SECONDS if alone else 0.0,
                stretch=STRETCH if random and alone else (1.0, 1.0),
            )
        )
        if alone:
            rule = AudioViews(audio.DURATION, views, random, audio.LOOP_SECONDS)
            return _marked(cfg, items, rule, [*readers, TimeReader()], split)
    readers.append(EvalFrames(TestGeometry.from_cfg(cfg.DATA, crops), cfg.DATA.NUM_FRAMES))
    windows = build_windows(cfg) if "audio" in modalities else None
    sampling = build_temporal_sampling(cfg.DATA)
    if items.frame_rate:
        sampling = StridedSampling(cfg.DATA.NUM_FRAMES, cfg.DATA.SAMPLING_RATE)
    if random:
        rule = RandomViews(sampling, views, windows, silence=audio.MISSING == "zero")
    else:
        rule = FixedViews(sampling, views if views > 1 else 0, windows)
    return _marked(cfg, items, rule, readers, split, crops)


def _marked(cfg, items, rule, readers, split: str, crops: int = 1) -> ClipDataset:
    options, seed = build_media_options(cfg), cfg.RNG_SEED
    return ClipDataset(items, rule, readers, options, seed=seed, crops=crops, split=split)


def sliding_windows(
    items: ItemTable, seconds: float, step: float, options: MediaOptions = DEFAULT_OPTIONS
) -> ItemTable:
    """Return a list with an item for each window that fits into an item, in their order.

    A shorter item is one window; one that cannot be opened stays as it is, and is found unreadable
    when it is read. Windows that would pass the end are left out.

    Args:
        items: whole files, or spans of them.
        seconds: length of a window.
        step: from the start of one window to the next.
        options: how files are opened.
    """
    rows, starts = [], []
    for row in range(len(items)):
        try:
            with items.open(row, options) as media:
                length = (media.video or media.audio).duration
        except (MediaError, OSError):
            length = np.nan
        offset = np.nan_to_num(items.start[row])
        count = 1 if np.isnan(length) else max(int((length - seconds) / step + 1e-6) + 1, 1)
        begin = offset + step * np.arange(count)
        starts.append(np.where(np.isnan(length), items.start[row], begin))
        rows += [row] * count
    found = items.subset(np.array(rows))
    old_end = found.end
    found.start = np.concatenate(starts)
    found.end = np.where(np.isnan(found.start), old_end, np.fmin(found.start + seconds, old_end))
    return found
