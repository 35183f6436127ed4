"""From a config to a dataset: a list of items, which moments are read, and what is read there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch.utils.data import Dataset

from slowfast.datasets.audio.spec_augment import POLICIES
from slowfast.datasets.audio_filter import drop_files_without_audio, require_audio
from slowfast.datasets.captions import build_caption_views
from slowfast.datasets.clips import ClipDataset
from slowfast.datasets.items import ItemTable
from slowfast.datasets.media import build_media_options
from slowfast.datasets.pyslowfast import PySlowFastDataset
from slowfast.datasets.readers import (
    ActionReader,
    AudioReader,
    EvalBoxes,
    EvalFrames,
    LabelReader,
    MovingCrops,
    Reader,
    TextReader,
    TrainBoxes,
    TrainFrames,
)
from slowfast.datasets.sampling.temporal import StridedSampling, build_temporal_sampling
from slowfast.datasets.sampling.windows import AVClipSampler
from slowfast.datasets.transforms.boxes import BoxTestGeometry, BoxTrainGeometry
from slowfast.datasets.transforms.color import ColorJitter
from slowfast.datasets.transforms.pipelines import TestGeometry, TrainGeometry
from slowfast.datasets.views import FixedViews, KeyframeView, RandomViews, ViewPlan
from slowfast.utils.errors import ConfigError, did_you_mean
from slowfast.utils.needed import Needed
from slowfast.utils.registry import Registry

DATASET_REGISTRY = Registry("dataset", "slowfast.datasets.lists")

SPLITS = ("train", "val", "test")
VIEWS_OF = {"train": "random", "val": "centre", "test": "all"}
ONE_VIEW = ViewPlan()

NEEDS: dict[str, Callable[[object, str], Iterable[Needed]]] = {}

ListReader = Callable[[object, str], ItemTable]


def dataset_list(
    name: str, needs: Callable[[object, str], Iterable[Needed]] | None = None
) -> Callable[[ListReader], ListReader]:
    """Register ``read(cfg, split) -> ItemTable`` as the dataset ``name``, as a decorator.

    Args:
        name: of the dataset.
        needs: ``needs(cfg, split)`` yields the files and folders without which a split cannot be
            read, so that a run says at once which are missing.
    """

    def register(read: ListReader) -> ListReader:
        DATASET_REGISTRY.register(read, name=name)
        if needs is not None:
            NEEDS[name.lower()] = needs
        return read

    return register


def read_items(cfg, split: str, name: str | None = None) -> ItemTable:
    """Return the list of a split as it is written, whether or not its files exist.

    Without a name ``TEST.DATASET`` names the dataset of the test split, ``TRAIN.DATASET`` that of
    the others; endings are those of ``DATA.FILE_SUFFIX`` where that is set; manifests are not looked at.

    Raises:
        ConfigError: unknown dataset.
        AnnotationError: the list is missing or wrong.
    """
    name = name or dataset_name(cfg, split)
    read = _registered(name, split)
    if isinstance(read, type):
        raise ConfigError(
            f"The dataset {name} is a class that reads its files by itself, as in PySlowFast; there "
            "is no list of them to look at."
        )
    items = read(cfg, split)
    items = items.with_suffix(cfg.DATA.FILE_SUFFIX) if cfg.DATA.FILE_SUFFIX else items
    return items.with_existing_names()


def needed_files(cfg, split: str) -> Iterable[Needed]:
    """Return the files and folders that a split is read from, whether or not they exist."""
    name = dataset_name(cfg, split)
    if name not in DATASET_REGISTRY:  # which is said where it is built
        return ()
    needs = NEEDS.get(name.lower())
    return () if needs is None else needs(cfg, split)


def _registered(name: str, split: str) -> ListReader | type:
    """Return what is registered as a dataset, or raise a ConfigError that names the key."""
    if name not in DATASET_REGISTRY:
        key = "TEST.DATASET" if split == "test" else "TRAIN.DATASET"
        raise ConfigError(
            f"{key}: unknown dataset {name!r}. {did_you_mean(name, DATASET_REGISTRY)}"
        )
    return DATASET_REGISTRY.get(name)


def dataset_name(cfg, split: str) -> str:
    """Return the dataset of a split: ``TEST.DATASET`` for ``test``, else ``TRAIN.DATASET``."""
    return cfg.TEST.DATASET if split == "test" else cfg.TRAIN.DATASET


def manifest_path(cfg, folder: str | Path, split: str) -> Path:
    """Return the manifest of a dataset, fold and split in a folder."""
    name = f"{dataset_name(cfg, split).lower()}-fold{cfg.DATA.FOLD}-{split}.npz"
    return Path(folder) / name


def load_items(cfg, split: str, name: str | None = None) -> ItemTable:
    """Return the items of a split that a run reads, their files looked up on disk.

    The list comes from ``DATA.MANIFEST_DIR`` where that is set, and only a manifest is trusted to
    name existing files. ``DATA.TRAIN_FRACTION`` of a training list is learned from.
    """
    data = cfg.DATA
    if data.MANIFEST_DIR:
        items = ItemTable.load(manifest_path(cfg, data.MANIFEST_DIR, split))
    else:
        items = read_items(cfg, split, name).check_files()
    if split == "train":
        if data.TRAIN_FRACTION < 1:
            items = items.fraction(data.TRAIN_FRACTION, cfg.RNG_SEED)
        items = _with_audio(cfg, items)
    return items


def build_dataset(
    name: str,
    cfg,
    split: str,
    views: str | None = None,
    items: ItemTable | None = None,
    plan: ViewPlan = ONE_VIEW,
    tokenise: Callable[[str], np.ndarray] | None = None,
) -> Dataset:
    """Return the dataset of a split.

    Args:
        name: of the dataset, see :func:`dataset_name`.
        split: ``train``, ``val`` or ``test``: which list is read.
        views: how it is read: ``random`` views, the ``centre`` clip, ``all`` views
            (``TEST.NUM_*``) or a ``pair`` of clips; by default as is usual for the split.
        items: the list, where it is known already.
        plan: the random views of each item in training.
        tokenise: where given, views are clips of captions (``TEXT``) and this reads their words.

    Raises:
        ConfigError: unknown name, or keys that do not go with captions.
        AnnotationError: its lists are missing or wrong.
    """
    if isinstance(kind := _registered(name, split), type):
        return _foreign_dataset(
            cfg, kind, name, split, views or VIEWS_OF[split], plan.count * plan.cuts
        )
    items = load_items(cfg, split, name) if items is None else items
    views = views or VIEWS_OF[split]
    readers: list[Reader] = [
        *_frame_readers(cfg, items, views, plan.cuts),
        *_audio_readers(cfg, views),
        *([] if tokenise is None else [TextReader(tokenise)]),
    ]
    crops = cfg.TEST.NUM_SPATIAL_CROPS if views == "all" and items.boxes is None else 1
    return ClipDataset(
        items,
        _view_rule(cfg, items, views, plan, tokenise is not None),
        readers,
        replace(build_media_options(cfg), keep_bytes=int(cfg.DATA.KEEP_DECODED_GIB * 2**30)),
        seed=cfg.RNG_SEED,
        on_error="replace" if views == "random" else "mark",
        max_retries=cfg.DATA.MAX_RETRIES,
        crops=crops,
        split=split,
    )


def _foreign_dataset(
    cfg, kind: type, name: str, split: str, views: str, count: int
) -> PySlowFastDataset:
    if count != 1 or views != VIEWS_OF[split]:
        raise ConfigError(
            f"The dataset class {name} gives one clip per item of {split}; what this run needs, "
            f"{count} {views}, takes a list of files (slowfast.datasets.build.dataset_list)."
        )
    return PySlowFastDataset.from_cfg(cfg, kind, name, split)


def _view_rule(
    cfg, items: ItemTable, views: str, plan: ViewPlan, captions: bool = False
) -> RandomViews | FixedViews | KeyframeView:
    data = cfg.DATA
    if items.boxes is not None:
        return KeyframeView(data.NUM_FRAMES, data.SAMPLING_RATE)
    if items.frame_rate:  # annotations count frames, and clips are counted as they are
        sampling = StridedSampling(data.NUM_FRAMES, data.SAMPLING_RATE)
    else:
        sampling = build_temporal_sampling(data)
    if views == "all" and (captions or cfg.AUDIO.ENABLE):
        _check_one_view(cfg.TEST, "captions" if captions else "AUDIO.ENABLE")
    if captions:
        return build_caption_views(cfg, sampling, views, plan)
    windows = build_windows(cfg) if cfg.AUDIO.ENABLE else None
    if views == "random":
        silence = windows is not None and cfg.AUDIO.MISSING == "zero"
        return RandomViews(sampling, plan, windows, silence)
    spread = {"all": cfg.TEST.NUM_ENSEMBLE_VIEWS, "pair": 2}
    return FixedViews(sampling, spread.get(views, 0), windows)


def _check_one_view(test, what: str) -> None:
    if test.NUM_ENSEMBLE_VIEWS * test.NUM_SPATIAL_CROPS != 1:
        raise ConfigError(
            f"With {what} a test video has a single view, found TEST.NUM_ENSEMBLE_VIEWS "
            f"{test.NUM_ENSEMBLE_VIEWS} and TEST.NUM_SPATIAL_CROPS {test.NUM_SPATIAL_CROPS}: set "
            "both to 1."
        )


def _frame_readers(cfg, items: ItemTable, views: str, cuts: int = 1) -> list[Reader]:
    """Return what reads frames and labels."""
    data, training = cfg.DATA, views == "random"
    color = ColorJitter.from_cfg(data)
    if items.boxes is not None:
        if training:
            return [TrainBoxes(items.boxes, _box_geometry(cfg), color)]
        flip = cfg.AVA.TEST_FORCE_FLIP
        geometry = BoxTestGeometry(data.TEST_CROP_SIZE, flip, data.RESIZE_ANTIALIAS)
        return [EvalBoxes(items.boxes, geometry)]
    if training and data.STILL_IMAGES:
        if cuts > 1:
            raise ConfigError("DATA.STILL_IMAGES: a clip of a still image has a single cut.")
        frames: Reader = MovingCrops(data.TRAIN_CROP_SIZE, data.NUM_FRAMES, color)
    elif training:
        frames = TrainFrames(TrainGeometry.from_cfg(data), color, cuts)
    else:
        crops = cfg.TEST.NUM_SPATIAL_CROPS if views == "all" else 1
        frames = EvalFrames(TestGeometry.from_cfg(data, crops), data.NUM_FRAMES)
    if items.intervals is not None:
        return [frames, ActionReader(items.intervals, cfg.MODEL.NUM_CLASSES, of_clip=training)]
    return [frames, LabelReader(items)]


def _box_geometry(cfg) -> BoxTrainGeometry:
    data = cfg.DATA
    return BoxTrainGeometry(
        data.TRAIN_CROP_SIZE,
        tuple(data.TRAIN_JITTER_SCALES),
        cfg.AVA.MIN_VISIBLE_AREA,
        data.RANDOM_FLIP,
        data.RESIZE_ANTIALIAS,
    )


def _audio_readers(cfg, views: str) -> list[Reader]:
    audio = cfg.AUDIO
    if not audio.ENABLE:
        return []
    return [build_audio_reader(audio, training=views == "random")]


def build_audio_reader(audio, training: bool = True) -> AudioReader:
    """Return what reads audio, from the ``AUDIO`` node; gain and masks belong to training."""
    return AudioReader(
        audio.DURATION,
        audio.SAMPLE_RATE,
        audio.GAIN_JITTER if training else 0.0,
        silence=audio.MISSING == "zero",
        masks=POLICIES[audio.SPEC_AUGMENT] if training else None,
    )


def build_windows(cfg) -> AVClipSampler:
    """Return the rule that places the windows of frames and audio (``AUDIO.OFFSET``)."""
    audio, seconds = cfg.AUDIO, build_temporal_sampling(cfg.DATA).duration
    return AVClipSampler(seconds, audio.DURATION, audio.OFFSET, audio.MAX_OFFSET)


def _with_audio(cfg, items: ItemTable) -> ItemTable:
    """Return the training items that have the audio of a clip, as ``AUDIO.MISSING`` says."""
    if not cfg.AUDIO.ENABLE or cfg.AUDIO.MISSING == "zero":
        return items
    windows = build_windows(cfg)
    if items.checked_windows == repr(windows):
        return items
    if cfg.AUDIO.MISSING == "error":
        return require_audio(items, windows)
    # Without a run's folder nothing is kept.
    folder = Path(cfg.OUTPUT_DIR)
    return drop_files_without_audio(items, windows, folder / "files" if folder.is_dir() else None)
