"""Action recognition: one label per video, fine-tuned and tested over several views."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from torch import nn
from torch.utils.data import Dataset

from slowfast.evaluation import classification
from slowfast.evaluation.predictions import Predictions, save_predictions
from slowfast.tasks.base import Batch, Evaluator, StepOutput
from slowfast.tasks.build import TASK_REGISTRY
from slowfast.tasks.video import VideoTask
from slowfast.utils import distributed as du
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


class RecognitionEvaluator(Evaluator):
    """Top-1, top-5 and mean per-class accuracy in percent.

    Args:
        dataset: its ``videos`` give class names and files.
        method: ``sum`` or ``max`` over views.
    """

    def __init__(self, dataset: Dataset, method: str = "sum") -> None:
        self.dataset, self.method = dataset, method
        self._predictions = Predictions()
        self.arrays: dict[str, np.ndarray] = {}

    def update(self, predictions: dict[str, Any]) -> None:
        """Take ``index``, ``label``, ``valid`` ``(N,)`` and ``scores`` ``(N, V, C)``."""
        scores = classification.combine_views(predictions["scores"], self.method)
        self._predictions.add({**predictions, "scores": scores})

    def compute(self) -> dict[str, float]:
        """Return the measures; unreadable videos count as wrong."""
        self._predictions.gather()
        return du.on_root(self._measure)

    def _measure(self) -> dict[str, float]:
        self.arrays = found = self._predictions.join()
        scores, labels, valid = found["scores"], found["label"], found["valid"]
        predicted = classification.predicted_classes(scores, valid)
        return {
            "top1_acc": classification.topk_accuracy(scores, labels, 1, valid),
            "top5_acc": classification.topk_accuracy(scores, labels, 5, valid),
            "mean_class_acc": classification.mean_class_accuracy(
                labels, predicted, scores.shape[1]
            ),
            "num_videos": len(labels),
            "num_unreadable": int((~valid).sum()),
        }

    def save(self, path: Path) -> None:
        """Write scores, labels, files and class names."""
        videos = self.dataset.items
        files = [videos.paths[int(row)] for row in self.arrays["index"]]
        save_predictions(
            path,
            {**self.arrays, "path": np.array(files), "class_names": np.array(videos.class_names)},
        )
