"""The evaluation loop."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from slowfast.engine.hooks.bad_media import BadMediaLog
from slowfast.engine.precision import Precision
from slowfast.engine.signals import StopSignals
from slowfast.engine.state import batch_to_device
from slowfast.tasks.base import Evaluator, Task
from slowfast.utils import distributed as du
from slowfast.utils.logging import in_words


@dataclass
class EvaluationResult:
    """Measures and what they were computed from."""

    metrics: dict[str, float]
    evaluator: Evaluator

    def summary(self) -> str:
        """Return the measures on one line."""
        return in_words(self.metrics)


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
    wrong. A single process leaves between two batches when ``signals`` ask for it.
    """
    model.eval()
    device = next(model.parameters()).device
    precision = Precision(cfg.TRAIN.MIXED_PRECISION, cfg.TRAIN.AMP_DTYPE, device)
    evaluator = task.evaluator(loader.dataset)
    failures = []
    for batch in tqdm(loader, desc=title, disable=None if du.is_root_proc() else True, leave=False):
        if signals is not None and du.get_world_size() == 1:
            signals.raise_if_received()
        failures += batch["failures"]
        with precision.autocast():
            evaluator.update(task.evaluation_step(model, batch_to_device(batch, device)))
    failures = [f for part in du.all_gather_unaligned(failures) for f in part]
    if bad_media is not None:
        bad_media.add(failures)
    return EvaluationResult(evaluator.compute(), evaluator)
