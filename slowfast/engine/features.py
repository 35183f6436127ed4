"""Features of a list of files, computed once and kept: the artefact that every probe works on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from slowfast.checkpoint.inputs import follow_checkpoint, warn_of_other_inputs
from slowfast.datasets.build import SPLITS, dataset_name, load_items
from slowfast.datasets.clips import ClipDataset
from slowfast.datasets.feature_clips import build_feature_clips, sliding_windows
from slowfast.datasets.lists.kinetics import read_kinetics_csv
from slowfast.datasets.loader import build_loader
from slowfast.datasets.media import build_media_options
from slowfast.datasets.sample import collate
from slowfast.engine.hooks.bad_media import BadMediaLog
from slowfast.engine.launch import device_of
from slowfast.engine.precision import Precision, to_channels_last
from slowfast.engine.signals import StopSignals
from slowfast.engine.state import batch_to_device
from slowfast.evaluation.feature_files import READ, FeatureFiles, create_feature_files
from slowfast.models.feature_maps import parse_features
from slowfast.tasks.frozen import FrozenFeatures, build_frozen, fill_frozen
from slowfast.utils import distributed as du
from slowfast.utils.errors import ConfigError
from slowfast.utils.files import sha256
from slowfast.utils.logging import get_logger, setup_logging

logger = get_logger(__name__)

# What changes the numbers of a feature, apart from list and weights.
DECIDING = (
    *("DATA.", "AUDIO.", "MODEL.ARCH", "MODEL.MODEL_NAME", "MODEL.CHANNELS_LAST", "TEST.NUM_"),
    *("TEST.BATCH_SIZE", "TRAIN.MIXED_PRECISION", "TRAIN.AMP_DTYPE"),
)
# And of these what does not: where files lie, how they are listed, and what only training reads.
OTHERS = (
    *("DATA.PATH_", "DATA.MANIFEST_DIR", "DATA.CLASS_NAMES_PATH", "DATA.READ_TIMEOUT", "DATA.FOLD"),
    *("DATA.TRAIN_C", "DATA.TRAIN_FRACTION", "DATA.MAX_", "DATA.ENSEMBLE_METHOD"),
)


class PendingBatches:
    """The batches of a list that are not read yet; which items make a batch never changes.

    Args:
        state: of the items, see :class:`FeatureFiles`.
        batch_size: items.
        rank, world_size: this process takes every ``world_size``-th pending batch.
    """

    def __init__(self, state: np.ndarray, batch_size: int, rank: int, world_size: int) -> None:
        begins = range(0, len(state), batch_size)
        parts = [range(k, min(k + batch_size, len(state))) for k in begins]
        # Unreadable ones are tried again, so that their reasons are known at the end.
        pending = [part for part in parts if (state[part.start : part.stop] != READ).any()]
        self.parts = pending[rank::world_size]

    def __len__(self) -> int:
        return len(self.parts)

    def __iter__(self) -> Iterator[list[int]]:
        return iter([list(part) for part in self.parts])


def random_weights(seed: int) -> str:
    """Return what stands for the path of a checkpoint where there is none."""
    return f"random weights (RNG_SEED {seed})"


def deciding_keys(cfg) -> dict[str, Any]:
    """Return the keys of a config that decide the numbers of a feature."""
    return {
        name: value
        for name, value in cfg.leaves().items()
        if name.startswith(DECIDING) and not name.startswith(OTHERS)
    }


def extract_features(
    cfg,
    model: FrozenFeatures,
    dataset: ClipDataset,
    folder: str | Path,
    source: str,
    bad_media: BadMediaLog | None = None,
    signals: StopSignals | None = None,
) -> FeatureFiles:
    """Compute what is missing in a folder of features, and return them.

    All processes call it together and share the batches; the files do not depend on how many there
    are. Batches hold ``TEST.BATCH_SIZE`` clips, in whole items.

    Args:
        cfg: says how clips are read and computed.
        model: computes the features, on its device.
        dataset: the clips of the list.
        folder: of the features.
        source: of the weights: the path of a checkpoint, or :func:`random_weights`.
        bad_media: takes the unreadable files; by default ``bad_media.csv`` in the folder.

    Raises:
        ConfigError: the folder holds features of something else, or no item can be read.
    """
    folder = Path(folder)
    drawn = {"drawn with seed": cfg.RNG_SEED if dataset.views.random else None}
    weights = sha256(source) if Path(source).is_file() else source
    of = {"weights": weights, **drawn, **deciding_keys(cfg)}

    def create() -> None:
        create_feature_files(
            folder, dataset.items, _shapes(model, dataset), dataset.views_per_item, of,
            cfg.PROBE.STORE_DTYPE,
        )  # fmt: skip

    du.on_root(create)
    files = FeatureFiles(folder, "r+")
    if files.complete:
        logger.info("%s: features of %d items are there.", folder, len(files.items))
        return FeatureFiles(folder)
    failures = _compute(cfg, model, dataset, files, signals)
    (bad_media or BadMediaLog(folder / "bad_media.csv")).add(failures)
    du.on_root(lambda: _finish(files))
    return FeatureFiles(folder)


def _finish(files: FeatureFiles) -> None:
    unreadable = int((~files.valid).sum())
    if unreadable == len(files.items):
        raise ConfigError(f"{files.items.source}: none of its {unreadable} items can be read.")
    files.finish()
    logger.info(
        "%s: features of %d items, %d of them unreadable.",
        files.folder, len(files.items), unreadable,
    )  # fmt: skip


def _shapes(model: FrozenFeatures, dataset: ClipDataset) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return the file and shape of every feature for one view, from a clip of nothing."""
    sample: dict[str, Any] = {}
    for reader in dataset.readers:
        sample |= reader.empty(0, dataset.views.count)
    found = model(batch_to_device(collate([sample]), _device(model)))
    return {f.text: (f.file, tuple(found[f.text].shape[2:])) for f in model.features}


def _device(model: FrozenFeatures) -> torch.device:
    return next(model.parameters()).device


def _compute(
    cfg, model: FrozenFeatures, dataset: ClipDataset, files: FeatureFiles, signals
) -> list[tuple[str, str]]:
    """Fill the pending batches and return the failures of all processes."""
    size = max(1, cfg.TEST.BATCH_SIZE // dataset.views_per_item)
    batches = PendingBatches(np.array(files.state), size, du.get_rank(), du.get_world_size())
    device, failures = _device(model), []
    precision = Precision(cfg.TRAIN.MIXED_PRECISION, cfg.TRAIN.AMP_DTYPE, device)
    loader = build_loader(cfg, dataset, batches)
    if signals is not None:
        loader.while_waiting = signals.raise_if_overdue
    shown = None if du.is_root_proc() else True
    for batch in tqdm(loader, desc=f"features {dataset.split}", disable=shown, leave=False):
        if signals is not None and not du.is_initialized():
            signals.raise_if_received()
        failures += batch["failures"]
        with precision.autocast():
            found = model(batch_to_device(batch, device))
        numbers = {name: x.cpu().numpy() for name, x in found.items()}
        rows, ok = batch["index"].numpy(), batch["valid"].numpy()
        files.write(rows, numbers, batch["time"].numpy(), ok)
    return [one for part in du.all_gather_unaligned(failures) for one in part]


class Request(NamedTuple):
    """What ``tools/extract_features.py`` was asked for.

    Attributes:
        data: ``train``, ``val`` or ``test`` of the config, or a list of files.
        out: folder of the features.
        features: their names.
        views: moments of each item.
        window, step: of windows that slide over long files, in seconds; 0 for whole files.
    """

    data: str
    out: str
    features: tuple[str, ...]
    views: int = 1
    window: float = 0.0
    step: float = 0.0


def extract_list(cfg, request: Request) -> None:
    """Compute the features of a list with the networks of a config, or what is missing of them."""
    setup_logging()
    follow_checkpoint(cfg)
    warn_of_other_inputs(cfg)
    cfg.TEST.NUM_ENSEMBLE_VIEWS = request.views
    features = parse_features(request.features, "--features")
    model = build_frozen(cfg, features)
    report = fill_frozen(model, cfg)
    source = report.path if report else random_weights(cfg.RNG_SEED)
    if request.data in SPLITS:
        split, items = request.data, load_items(cfg, request.data, dataset_name(cfg, request.data))
    else:
        split, data = "test", cfg.DATA
        items = read_kinetics_csv(request.data, data.PATH_LABEL_SEPARATOR, data.PATH_PREFIX)
        items = items.check_files()
    if request.window:
        step = request.step or request.window
        items = sliding_windows(items, request.window, step, build_media_options(cfg))
    crops = cfg.TEST.NUM_SPATIAL_CROPS if model.modalities == ("video",) else 1
    dataset = build_feature_clips(cfg, items, split, model.modalities, request.views, crops)
    model = model.to(device_of(cfg))
    if cfg.MODEL.CHANNELS_LAST:
        to_channels_last(model)
    logger.info("Features of %s.", source)
    with StopSignals() as signals:
        extract_features(cfg, model, dataset, request.out, source, signals=signals)
