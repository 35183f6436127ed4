"""From a config to a dataset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from torch.utils.data import Dataset

from slowfast.datasets.audio_visual_clips import (
    AudioVisualTrainClips,
    AudioVisualViews,
    SoundSettings,
)
from slowfast.datasets.media import build_media_options
from slowfast.datasets.sound_lists import drop_files_without_sound, require_sound
from slowfast.datasets.temporal import build_temporal_sampling
from slowfast.datasets.transforms.pipelines import TestGeometry, TrainGeometry
from slowfast.datasets.video_clips import ClipSettings, TrainClips, ViewClips
from slowfast.datasets.video_list import VideoList
from slowfast.datasets.windows import AudioVisualWindows
from slowfast.utils.errors import ConfigError, did_you_mean
from slowfast.utils.registry import Registry

DATASET_REGISTRY = Registry("dataset")
VIDEO_LIST_READERS = Registry("dataset made of a list of videos")

SPLITS = ("train", "val", "test")

ListReader = Callable[[object, str], VideoList]


def build_dataset(dataset_name: str, cfg, split: str) -> Dataset:
    """Return the dataset registered under ``dataset_name`` (any case) for a split.

    Args:
        split: ``train`` (random clips), ``val`` (centre clip) or ``test`` (all views).

    Raises:
        ConfigError: unknown name.
        AnnotationError: its lists are missing or wrong.
    """
    if dataset_name not in DATASET_REGISTRY:
        raise ConfigError(
            f"{_key(split)}: unknown dataset {dataset_name!r}. "
            f"{did_you_mean(dataset_name, DATASET_REGISTRY)}"
        )
    return DATASET_REGISTRY.get(dataset_name)(cfg, split)


def _key(split: str) -> str:
    return "TEST.DATASET" if split == "test" else "TRAIN.DATASET"


def video_list_dataset(name: str) -> Callable[[ListReader], ListReader]:
    """Register ``read(cfg, split) -> VideoList`` as the dataset ``name``, as a decorator.

    The dataset opens clips of the files; :func:`read_video_list` gives the bare list. Both see
    the endings of ``DATA.FILE_SUFFIX`` where that is set.
    """

    def register(read: ListReader) -> ListReader:
        def read_with_suffix(cfg, split: str) -> VideoList:
            videos = read(cfg, split)
            suffix = cfg.DATA.FILE_SUFFIX
            return videos.with_suffix(suffix) if suffix else videos

        def build(cfg, split: str) -> TrainClips | ViewClips:
            return build_video_dataset(cfg, split, lambda: read_with_suffix(cfg, split))

        DATASET_REGISTRY.register(build, name=name)
        VIDEO_LIST_READERS.register(read_with_suffix, name=name)
        return read

    return register


def read_video_list(cfg, split: str) -> VideoList:
    """Return the list of a split as it is written, whether or not its files exist.

    ``TEST.DATASET`` names the dataset of the test split, ``TRAIN.DATASET`` that of the others;
    manifests are not looked at.

    Raises:
        ConfigError: unknown dataset, or one that is not made of a list of videos.
        AnnotationError: the list is missing or wrong.
    """
    name = dataset_name(cfg, split)
    if name not in VIDEO_LIST_READERS:
        raise ConfigError(
            f"{_key(split)}: {name!r} is no dataset made of a list of videos. "
            f"{did_you_mean(name, VIDEO_LIST_READERS)}"
        )
    return VIDEO_LIST_READERS.get(name)(cfg, split)


def dataset_name(cfg, split: str) -> str:
    """Return the dataset of a split: ``TEST.DATASET`` for ``test``, else ``TRAIN.DATASET``."""
    return cfg.TEST.DATASET if split == "test" else cfg.TRAIN.DATASET


def manifest_path(cfg, folder: str | Path, split: str) -> Path:
    """Return the manifest of a dataset, fold and split in a folder."""
    name = f"{dataset_name(cfg, split).lower()}-fold{cfg.DATA.FOLD}-{split}.npz"
    return Path(folder) / name


def build_video_dataset(
    cfg, split: str, read_list: Callable[[], VideoList]
) -> TrainClips | ViewClips:
    """Return random training clips or fixed views over a list of videos, with sound where asked.

    The list comes from ``DATA.MANIFEST_DIR`` where that is set, otherwise from ``read_list``;
    only a manifest is trusted to name existing files.
    """
    data = cfg.DATA
    if data.MANIFEST_DIR:
        videos = VideoList.load(manifest_path(cfg, data.MANIFEST_DIR, split))
    else:
        videos = read_list().check_files()
    if split == "train":
        videos = _training_files(cfg, videos)
    settings = ClipSettings(
        sampling=build_temporal_sampling(data),
        media=build_media_options(cfg),
        seed=cfg.RNG_SEED,
    )
    sound = {"sound": build_sound_settings(cfg)} if cfg.AUDIO.ENABLE else {}
    if split == "train":
        train_clips = AudioVisualTrainClips if sound else TrainClips
        return train_clips(
            videos,
            settings,
            TrainGeometry.from_cfg(data),
            color_jitter=tuple(data.COLOR_JITTER),
            color_probability=data.COLOR_JITTER_PROB,
            max_retries=data.MAX_RETRIES,
            **sound,
        )
    crops = cfg.TEST.NUM_SPATIAL_CROPS if split == "test" else 1
    views = cfg.TEST.NUM_ENSEMBLE_VIEWS if split == "test" else 0
    view_clips = AudioVisualViews if sound else ViewClips
    return view_clips(videos, settings, TestGeometry.from_cfg(data, crops), views, **sound)


def build_windows(cfg) -> AudioVisualWindows:
    """Return the rule that places the windows of pictures and sound (``AUDIO.OFFSET``)."""
    data, audio = cfg.DATA, cfg.AUDIO
    return AudioVisualWindows(
        data.NUM_FRAMES / data.CLIP_FPS, audio.DURATION, audio.OFFSET, audio.MAX_OFFSET
    )


def build_sound_settings(cfg) -> SoundSettings:
    """Return which sound belongs to a clip, from the ``AUDIO`` node."""
    audio = cfg.AUDIO
    return SoundSettings(
        build_windows(cfg),
        audio.SAMPLE_RATE,
        audio.GAIN_JITTER,
        silence_for_missing=audio.MISSING == "zero",
    )


def _training_files(cfg, videos: VideoList) -> VideoList:
    """Return the files of the training list that this run learns from."""
    if cfg.DATA.TRAIN_FRACTION < 1:
        videos = videos.fraction(cfg.DATA.TRAIN_FRACTION, cfg.RNG_SEED)
    if not cfg.AUDIO.ENABLE or cfg.AUDIO.MISSING == "zero":
        return videos
    windows = build_windows(cfg)
    if videos.checked_windows == repr(windows):
        return videos
    if cfg.AUDIO.MISSING == "error":
        return require_sound(videos, windows)
    # Without a run's folder nothing is kept.
    folder = Path(cfg.OUTPUT_DIR)
    return drop_files_without_sound(videos, windows, folder / "files" if folder.is_dir() else None)
