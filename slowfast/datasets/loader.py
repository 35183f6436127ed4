"""Data loaders from a config."""

from __future__ import annotations

import signal
from itertools import chain
from typing import Any

from torch.utils.data import DataLoader, Dataset, default_collate

from slowfast.datasets.build import build_dataset, dataset_name
from slowfast.datasets.samplers import EvaluationBatches, TrainBatches
from slowfast.datasets.video_clips import UnreadableSample
from slowfast.utils import distributed as du
from slowfast.utils.errors import ConfigError

LIST_KEYS = ("failures",)


def collate(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """Stack the samples of a batch; lists of failures are joined.

    A batch with a sample that no file could fill is only ``{"unreadable": failures}``.
    """
    unreadable = [s for s in samples if isinstance(s, UnreadableSample)]
    if unreadable:
        return {"unreadable": unreadable[0].failures}
    batch = {}
    for key in samples[0]:
        values = [sample[key] for sample in samples]
        batch[key] = list(chain(*values)) if key in LIST_KEYS else default_collate(values)
    return batch


def construct_loader(cfg, split: str, dataset: Dataset | None = None) -> DataLoader:
    """Return the loader of a split, with this process's share of every batch.

    Training batches hold ``TRAIN.BATCH_SIZE`` clips over all processes of a machine. Test batches
    hold ``TEST.BATCH_SIZE`` clips too, in whole videos.
    """
    if dataset is None:
        dataset = build_dataset(dataset_name(cfg, split), cfg, split)
    if split == "train":
        batches = TrainBatches(
            len(dataset),
            train_batch_per_process(cfg),
            cfg.DATA.TRAIN_CLIPS_PER_VIDEO,
            cfg.RNG_SEED,
            du.get_rank(),
            du.get_world_size(),
        )
    else:
        clips = cfg.TEST.BATCH_SIZE // du.get_local_world_size()
        videos = max(1, clips // dataset.views_per_video)
        batches = EvaluationBatches(len(dataset), videos, du.get_rank(), du.get_world_size())
    workers = cfg.DATA_LOADER.NUM_WORKERS
    return DataLoader(
        dataset,
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=getattr(dataset, "collate", collate),  # samples with boxes join otherwise
        pin_memory=cfg.DATA_LOADER.PIN_MEMORY and cfg.NUM_GPUS > 0,
        worker_init_fn=_leave_signals_to_parent,
        prefetch_factor=cfg.DATA_LOADER.PREFETCH_FACTOR if workers else None,
        persistent_workers=split == "train" and workers > 0,
    )


def _leave_signals_to_parent(_: int) -> None:
    """Let the main process alone answer signals, which often go to a whole process group.

    Workers end when the loader tells them, or when their parent is gone.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)


def train_batch_per_process(cfg) -> int:
    """Return the clips that a process loads at a time: its part of one accumulated batch.

    Raises:
        ConfigError: ``TRAIN.BATCH_SIZE`` does not divide evenly.
    """
    parts = du.get_local_world_size() * cfg.TRAIN.ACCUMULATION_STEPS
    if cfg.TRAIN.BATCH_SIZE % parts:
        raise ConfigError(
            f"TRAIN.BATCH_SIZE {cfg.TRAIN.BATCH_SIZE} is no multiple of {parts} = processes on "
            "this machine x TRAIN.ACCUMULATION_STEPS."
        )
    return cfg.TRAIN.BATCH_SIZE // parts


def shuffle_dataset(loader: DataLoader, cur_epoch: int) -> None:
    """Let the next pass over ``loader`` be that of ``cur_epoch``."""
    if isinstance(loader.batch_sampler, TrainBatches):
        loader.batch_sampler.set_position(cur_epoch)
