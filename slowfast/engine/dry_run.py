"""``--dry-run``: build everything, take one real step, say what it would cost."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import torch
from torch import nn

from slowfast.checkpoint.background import CheckpointSaver
from slowfast.config.reads import check_reads
from slowfast.engine.evaluate import evaluate, evaluation_loaders
from slowfast.engine.event_writers import build_event_writers
from slowfast.engine.hooks.bad_media import BadMediaLog
from slowfast.engine.hooks.logging import StatsWriter
from slowfast.engine.model_info import model_info
from slowfast.engine.signals import StopSignals
from slowfast.engine.train import build_hooks, check_test, checkpoint_store, given_checkpoint
from slowfast.engine.trainer import Trainer
from slowfast.tasks.base import Batch, Task
from slowfast.tasks.build import build_task
from slowfast.utils.logging import get_logger, in_words

logger = get_logger(__name__)


def dry_run(cfg) -> dict[str, float]:
    """Take two steps on a training batch and evaluate one; log shapes, memory and time."""
    task = build_task(cfg)
    trainer = Trainer(cfg, task, Path(cfg.OUTPUT_DIR))
    task.initialise(trainer.model)
    trainer.enter_phase()
    _build_the_rest(cfg, trainer)
    logger.info("model:\n%s", trainer.model)
    info = model_info(trainer.model, *task.example(trainer.model))
    logger.info("parameters: %s", info)
    task.prepare_dry_run(trainer.model)
    trainer.model.train()
    begin = time.perf_counter()
    batches = next(trainer.steps())
    data_seconds = time.perf_counter() - begin
    for key, value in batches[0].items():
        if isinstance(value, torch.Tensor):
            logger.info("batch %s: %s %s", key, tuple(value.shape), value.dtype)
    cold, seconds = (_time_of_step(trainer, batches) for _ in range(2))
    logger.info("step: %s", in_words(trainer.read_numbers()))
    if cfg.TRAIN.EVAL_PERIOD:
        _evaluate_one_batch(cfg, task, trainer.model)
    memory = _peak_memory_gib(trainer.device)
    total = trainer.total_epochs * trainer.steps_per_epoch * seconds / 3600
    logger.info(
        "first batch after %.1f s, first step %.2f s, second %.2f s, peak memory %.2f GiB; %d epochs "
        "x %d steps would take about %.2f h of computation",
        data_seconds,
        cold,
        seconds,
        memory,
        trainer.total_epochs,
        trainer.steps_per_epoch,
        total,
    )
    return {"seconds": seconds, "memory_gib": memory, "hours": total}


def _time_of_step(trainer: Trainer, batches: list[Batch]) -> float:
    """Take a step; what is loaded and chosen in the first one is not part of the others."""
    begin = time.perf_counter()
    trainer.run_step(batches)
    if trainer.device.type == "cuda":
        torch.cuda.synchronize(trainer.device)
    return time.perf_counter() - begin


def _build_the_rest(cfg, trainer: Trainer) -> None:
    """Build what a run has around its steps, which finds what is missing, and writes nothing."""
    folder = trainer.output_dir
    writer = StatsWriter(folder, build_event_writers(cfg))
    log = BadMediaLog(folder / "bad_media.csv")
    saver = CheckpointSaver(checkpoint_store(cfg))
    build_hooks(trainer, saver, writer, log, StopSignals())
    check_test(cfg, trainer.task)
    given_checkpoint(cfg)
    check_reads(cfg, also_known=("TRAIN.CHECKPOINT_", "TRAIN.AUTO_RESUME"))


def _evaluate_one_batch(cfg, task: Task, model: nn.Module) -> None:
    for loader in evaluation_loaders(task, training=True).values():
        first = next(iter(loader))
        result = evaluate(cfg, task, model, _OneBatch(loader.dataset, first), title="dry run")
        logger.info("validation of %d videos: %s", len(first["index"]), in_words(result.metrics))


class _OneBatch:
    """A loader of one batch."""

    def __init__(self, dataset, batch) -> None:
        self.dataset, self._batch = dataset, batch

    def __iter__(self):
        yield self._batch

    def __len__(self) -> int:
        return 1


def _peak_memory_gib(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
