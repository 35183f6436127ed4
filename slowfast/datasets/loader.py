"""Data loaders from a config."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from multiprocessing import queues
from typing import Any

from torch.utils.data import DataLoader, Dataset

from slowfast.datasets.build import build_dataset, dataset_name
from slowfast.datasets.pyslowfast import PySlowFastLoader
from slowfast.datasets.reading import (
    Note,
    begin_reading,
    idle_seconds,
    keep,
    make_notes,
    stuck_file,
)
from slowfast.datasets.sample import collate
from slowfast.datasets.samplers import EvaluationBatches, GroupedBatches, TrainBatches
from slowfast.utils import distributed as du
from slowfast.utils.errors import ConfigError, MediaError, TrainingError
from slowfast.utils.processes import calling_every, die_with_parent

POLL_SECONDS = 1.0
# A reader gives a file up by itself at the limit; past this it must hang in a C call.
STUCK_FACTOR = 1.5
IDLE_SECONDS = 60.0


class WatchedLoader(DataLoader):
    """A loader that looks about once a second while the main thread waits for a batch.

    Args:
        dataset, num_workers, collate_fn, options: see :class:`DataLoader`.
        read_timeout: seconds that a worker may read one file, 0 for any time.

    Attributes:
        while_waiting: called about once a second; may raise what ends the run.

    Raises:
        MediaError: while iterating, a worker hangs in a file well past ``read_timeout``.
        TrainingError: while iterating, a batch was lost between a worker and here.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        num_workers: int,
        collate_fn: Callable,
        read_timeout: float,
        **options: Any,
    ) -> None:
        notes = make_notes(num_workers)
        super().__init__(
            dataset,
            num_workers=num_workers,
            collate_fn=partial(_collate, collate_fn),
            worker_init_fn=partial(_start_worker, notes) if num_workers else None,
            **options,
        )
        self.notes, self.read_timeout = notes, read_timeout
        self.while_waiting: Callable[[], None] = lambda: None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        batches = super().__iter__()
        while True:
            self._waits_since = time.monotonic()
            with calling_every(POLL_SECONDS, self._look_about):
                batch = next(batches, None)
            if batch is None:
                return
            yield from batch if isinstance(batch, list) else [batch]

    def close(self) -> None:
        """End the workers that wait for another epoch.

        The garbage collector would close the queues before it asks the workers to end, and then wait
        for each of them in vain.
        """
        if self._iterator is not None:
            self._iterator._shutdown_workers()
            self._iterator = None

    def _look_about(self) -> None:
        self.while_waiting()
        limit = STUCK_FACTOR * self.read_timeout
        path = stuck_file(self.notes, limit) if limit else None
        if path:
            raise MediaError(
                f"{path}: a data-loader worker has been reading it for more than "
                f"DATA.READ_TIMEOUT = {self.read_timeout:g} s. Take it out of the list or encode "
                "it anew; where the disk is slow, raise DATA.READ_TIMEOUT."
            )
        idle = idle_seconds(self.notes)
        if min(idle, time.monotonic() - self._waits_since) > IDLE_SECONDS:
            raise TrainingError(
                f"No batch has come for {IDLE_SECONDS:g} s although no data-loader worker has anything "
                "to read: one was lost, for want of memory or of open files. Lower "
                "DATA_LOADER.NUM_WORKERS or DATA_LOADER.PREFETCH_FACTOR."
            )


def build_loader(
    cfg, dataset: Dataset, batches: Iterable[Sequence[int]] | None = None
) -> WatchedLoader:
    """Return the loader of a dataset, with this process's share of every batch.

    Training batches hold ``TRAIN.BATCH_SIZE`` clips over all processes of a machine. Test batches
    hold ``TEST.BATCH_SIZE`` clips too, in whole videos. Other ``batches`` may be given.
    """
    batches = _batches(cfg, dataset) if batches is None else batches
    workers, grouped = cfg.DATA_LOADER.NUM_WORKERS, isinstance(batches, GroupedBatches)
    return WatchedLoader(
        dataset,
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=partial(_collate_group, batches.batch_size) if grouped else collate,
        pin_memory=cfg.DATA_LOADER.PIN_MEMORY and cfg.NUM_GPUS > 0,
        read_timeout=cfg.DATA.READ_TIMEOUT,
        # A group is large, and one of each worker is enough to read ahead.
        prefetch_factor=(1 if grouped else cfg.DATA_LOADER.PREFETCH_FACTOR) if workers else None,
        persistent_workers=dataset.training and workers > 0,
    )


def _batches(cfg, dataset: Dataset) -> TrainBatches | EvaluationBatches:
    if dataset.training:
        data, several = cfg.DATA, cfg.DATA.CLIPS_PER_OPEN
        kind = TrainBatches if several == 1 else partial(GroupedBatches, several)
        return kind(
            len(dataset),
            train_batch_per_process(cfg),
            clips_per_video=data.TRAIN_CLIPS_PER_VIDEO,
            seed=cfg.RNG_SEED,
            rank=du.get_rank(),
            world_size=du.get_world_size(),
            max_samples=cfg.TRAIN.EPOCH_MAX_SAMPLES,
        )
    clips = cfg.TEST.BATCH_SIZE // du.get_local_world_size()
    videos = max(1, clips // dataset.views_per_item)
    return EvaluationBatches(len(dataset), videos, du.get_rank(), du.get_world_size())


def _start_worker(notes: Sequence[Note], worker: int) -> None:
    """Let the main process alone answer signals, which often go to a whole process group.

    Workers end when the loader tells them, and are killed when their parent is gone.
    """
    die_with_parent()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    keep(notes[worker])
    queues.Queue._on_queue_feeder_error = staticmethod(_leave_without_batch)


def _leave_without_batch(error: Exception, batch: Any) -> None:
    """End a worker whose batch cannot be sent, for which the main process would wait for ever."""
    os._exit(1)


def _collate(join: Callable, samples: list[dict[str, Any]]) -> dict[str, Any]:
    begin_reading("")
    return join(samples)


def _collate_group(batch_size: int, samples: list[Any]) -> list[dict[str, Any]]:
    """Return the batches of a group."""
    return [collate(samples[k : k + batch_size]) for k in range(0, len(samples), batch_size)]


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


def construct_loader(cfg, split: str, is_precise_bn: bool = False) -> PySlowFastLoader:
    """Return the loader of ``train``, ``val`` or ``test`` for a program written for PySlowFast.

    ``is_precise_bn`` changes nothing: it turns a schedule off there that is not supported here.
    """
    dataset = build_dataset(dataset_name(cfg, split), cfg, split)
    return PySlowFastLoader.from_cfg(cfg, build_loader(cfg, dataset))


def shuffle_dataset(loader: DataLoader, cur_epoch: int) -> None:
    """Let the next pass over ``loader`` be that of ``cur_epoch``."""
    if isinstance(loader.batch_sampler, TrainBatches):
        loader.batch_sampler.set_position(cur_epoch)
