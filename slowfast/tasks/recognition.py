"""Action recognition: one label per video, fine-tuned and tested over several views."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn
from torch.utils.data import Dataset

from slowfast.evaluation import classification
from slowfast.tasks.base import Batch, ItemEvaluator, StepOutput
from slowfast.tasks.build import TASK_REGISTRY
from slowfast.tasks.video import VideoTask
from slowfast.utils.logging import get_logger

logger = get_logger(__name__)


@TASK_REGISTRY.register(name="recognition")
class Recognition(VideoTask):
    """Single-label classification of clips and videos."""

    primary_metric = "top1_acc"
    report_sections = ("classification",)
    losses = (("cross_entropy",), "with one label per video recognition learns by")

    def dataset(self, split: str, views: str | None = None) -> Dataset:
        """Return a list whose labels are checked against ``MODEL.NUM_CLASSES``."""
        dataset = super().dataset(split, views)
        wanted, known = self.cfg.MODEL.NUM_CLASSES, len(dataset.items.class_names)
        dataset.check_labels(wanted)
        if known and wanted > known and split == "train":
            logger.warning(
                "MODEL.NUM_CLASSES is %d, but %s has %d classes: the others are never learned.",
                wanted,
                dataset.items.source,
                known,
            )
        return dataset

    def training_step(self, model: nn.Module, batch: Batch) -> StepOutput:
        """Return the classification loss of the one view in ``video`` ``(B, 1, 3, T, S, S)``."""
        video = self.training_clips(model, batch)
        logits = model(video)
        loss = self.loss(logits.float(), batch["label"])
        error = 100.0 * (logits.detach().argmax(dim=1) != batch["label"]).float().mean()
        return StepOutput({"loss": loss}, {"top1_err": error}, len(logits))

    def evaluation_step(self, model: nn.Module, batch: Batch) -> dict[str, Any]:
        """Score all views of each video."""
        return {
            "index": batch["index"].cpu().numpy(),
            "scores": self.score_views(model, batch["video"]),
            "label": batch["label"].cpu().numpy(),
            "valid": batch["valid"].cpu().numpy(),
        }

    def evaluator(self, dataset: Dataset) -> RecognitionEvaluator:
        """Return an evaluator that joins views by ``DATA.ENSEMBLE_METHOD``."""
        return RecognitionEvaluator(dataset, self.cfg.DATA.ENSEMBLE_METHOD)


class RecognitionEvaluator(ItemEvaluator):
    """Top-1, top-5 and mean per-class accuracy in percent; unreadable videos count as wrong.

    Args:
        dataset: its ``items`` give class names and files.
        method: ``sum`` or ``max`` over views.
    """

    def __init__(self, dataset: Dataset, method: str = "sum") -> None:
        super().__init__(dataset)
        self.method = method

    def update(self, predictions: dict[str, Any]) -> None:
        """Take ``index``, ``label``, ``valid`` ``(N,)`` and ``scores`` ``(N, V, C)``."""
        scores = classification.combine_views(predictions["scores"], self.method)
        super().update({**predictions, "scores": scores})

    def measure(self, found: dict[str, np.ndarray]) -> dict[str, float]:
        """Return the accuracies."""
        scores, labels, valid = found["scores"], found["label"], found["valid"]
        predicted = classification.predicted_classes(scores, valid)
        return {
            "top1_acc": classification.topk_accuracy(scores, labels, 1, valid),
            "top5_acc": classification.topk_accuracy(scores, labels, 5, valid),
            "mean_class_acc": classification.mean_class_accuracy(
                labels, predicted, scores.shape[1]
            ),
            "chance_top1": 100.0 / scores.shape[1],
        }
