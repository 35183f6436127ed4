"""Action recognition: one label per video, fine-tuned and tested over several views, or probed linearly."""

from __future__ import annotations

import numpy as np
from torch import nn
from torch.utils.data import Dataset

from slowfast.evaluation import classification
from slowfast.models.frozen_probe import FrozenProbe
from slowfast.tasks.base import Batch, StepOutput
from slowfast.tasks.build import TASK_REGISTRY
from slowfast.tasks.video import VideoTask, ViewsEvaluator
from slowfast.utils.errors import ConfigError
from slowfast.utils.logging import get_logger

logger = get_logger(__name__)


class RecognitionEvaluator(ViewsEvaluator):
    """Top-1, top-5 and mean per-class accuracy in percent; unreadable videos count as wrong."""

    combine = staticmethod(classification.combine_views)

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


@TASK_REGISTRY.register(name="recognition")
class Recognition(VideoTask):
    """Single-label classification of clips and videos."""

    primary_metric = "top1_acc"
    report_sections = ("classification",)
    measured_by = RecognitionEvaluator
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


@TASK_REGISTRY.register(name="linear_probe")
class LinearProbe(Recognition):
    """The linear probe as AVID trains it: augmented clips through a frozen network, each step anew.

    Classifiers on several frozen layers learn at once (``PROBE.FEATURES``), their losses summed.
    """

    def build_model(self, output_dir=None) -> nn.Module:
        """Return the network with random weights.

        Raises:
            ConfigError: it is not a frozen one.
        """
        model = super().build_model(output_dir)
        if not isinstance(model, FrozenProbe):
            raise ConfigError(
                f"TASK linear_probe: set MODEL.MODEL_NAME FrozenProbe, found "
                f"{self.cfg.MODEL.MODEL_NAME}."
            )
        self.names = [feature.text for feature in model.features]
        return model

    def training_step(self, model: nn.Module, batch: Batch) -> StepOutput:
        """Return the loss of each classifier on the one view in ``video`` ``(B, 1, 3, T, S, S)``."""
        logits = model(self.training_clips(model, batch)).float()
        losses, metrics = {}, {}
        for place, name in enumerate(self.names):
            own = logits[:, place]
            losses[f"loss {name}"] = self.loss(own, batch["label"])
            wrong = own.detach().argmax(dim=1) != batch["label"]
            metrics[f"top1_err {name}"] = 100.0 * wrong.float().mean()
        return StepOutput(losses, metrics, len(logits))

    def evaluator(self, dataset: Dataset) -> LinearProbeEvaluator:
        """Return an evaluator of all classifiers."""
        return LinearProbeEvaluator(dataset, self.names, self.cfg.DATA.ENSEMBLE_METHOD)


class LinearProbeEvaluator(RecognitionEvaluator):
    """Accuracies of several classifiers; those without a name are of the first one.

    Args:
        dataset, method: see :class:`RecognitionEvaluator`.
        names: of the classifiers; scores are ``(N, V, L, C)``.
    """

    def __init__(self, dataset: Dataset, names: list[str], method: str) -> None:
        super().__init__(dataset, method)
        self.names = names
        self.protocol = {"classifier": names[0]}

    def measure(self, found: dict[str, np.ndarray]) -> dict[str, float]:
        """Return the accuracies; ``scores`` become those of the first classifier."""
        every = found["scores"]
        found["scores"] = every[:, 0]
        measured = super().measure(found)
        if len(self.names) > 1:
            labels, valid = found["label"], found["valid"]
            for place, name in enumerate(self.names):
                top1 = classification.topk_accuracy(every[:, place], labels, 1, valid)
                measured[f"top1_acc@{name}"] = top1
        return measured
