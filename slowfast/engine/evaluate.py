"""The evaluation loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from slowfast.engine.hooks.bad_media import BadMediaLog
from slowfast.engine.precision import Precision
from slowfast.engine.signals import StopSignals
from slowfast.engine.state import batch_to_device
from slowfast.tasks.base import Batch, Evaluator, Task
from slowfast.utils import distributed as du


@dataclass
class EvaluationResult:
    """Measures and what they were computed from."""

    metrics: dict[str, float]
    evaluator: Evaluator


Loaders = dict[str, DataLoader]


def evaluation_loaders(task: Task, training: bool) -> Loaders:
    """Return the loader of each evaluation set by its name.

    What the evaluators need beside them is looked for, and missed, now.

    Args:
        task: names the sets.
        training: those that are measured while training, or those that are tested.
    """
    wanted = [one for one in task.evaluations() if (one.split == "val") == training]
    loaders = {one.name: task.evaluation_loader(one) for one in wanted}
    for loader in loaders.values():
        task.evaluator(loader.dataset)
    return loaders


def joined_metrics(metrics: Mapping[str, dict[str, float]]) -> dict[str, float]:
    """Return the measures of all sets: as they are for one, else under ``<set>/<measure>``."""
    if len(metrics) == 1:
        return next(iter(metrics.values()))
    return {f"{name}/{key}": value for name, own in metrics.items() for key, value in own.items()}


def primary_metric(task: Task, names: Iterable[str]) -> str:
    """Return the measure by which runs are compared: that of the first of several sets."""
    first, *others = names
    return f"{first}/{task.primary_metric}" if others else task.primary_metric


@torch.no_grad()
def evaluate(
    cfg,
    task: Task,
    model: nn.Module,
    loader: DataLoader,
    bad_media: BadMediaLog | None = None,
    title: str = "test",
    signals: StopSignals | None = None,
) -> EvaluationResult:
    """Return the measures of a model on all samples of a loader, each counted exactly once.

    Unreadable files are listed in ``bad_media`` and left to the evaluator, which counts them as
    wrong. All processes leave between two batches when ``signals`` ask any of them.
    """
    model.eval()
    device = next(model.parameters()).device
    precision = Precision(cfg.TRAIN.MIXED_PRECISION, cfg.TRAIN.AMP_DTYPE, device)
    evaluator = task.evaluator(loader.dataset)
    failures = []
    for batch in tqdm(
        _batches(loader, signals),
        desc=title,
        total=len(loader),
        disable=None if du.is_root_proc() else True,
        leave=False,
    ):
        failures += batch["failures"]
        with precision.autocast():
            evaluator.update(task.evaluation_step(model, batch_to_device(batch, device)))
    failures = [f for part in du.all_gather_unaligned(failures) for f in part]
    if bad_media is not None:
        bad_media.add(failures)
    return EvaluationResult(evaluator.compute(), evaluator)


def _batches(loader: DataLoader, signals: StopSignals | None) -> Iterator[Batch]:
    """Yield the batches; all processes ask for stop signals equally often."""
    if signals is None:
        yield from loader
        return
    loader.while_waiting = signals.raise_if_overdue
    batches = iter(loader)
    # The shares of the processes may differ by a batch.
    for _ in range(max(du.all_gather_unaligned(len(loader)))):
        signals.raise_if_received()
        batch = next(batches, None)
        if batch is not None:
            yield batch
