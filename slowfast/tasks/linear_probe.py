"""The linear probe as AVID trains it: augmented clips through a frozen network, each step anew."""

from __future__ import annotations

import numpy as np
from torch import nn
from torch.utils.data import Dataset

from slowfast.evaluation import classification
from slowfast.models.frozen_probe import FrozenProbe
from slowfast.tasks.base import Batch, StepOutput
from slowfast.tasks.build import TASK_REGISTRY
from slowfast.tasks.recognition import Recognition, RecognitionEvaluator
from slowfast.utils.errors import ConfigError


@TASK_REGISTRY.register(name="linear_probe")
class LinearProbe(Recognition):
    """Classifiers on several frozen layers at once (``PROBE.FEATURES``), their losses summed."""

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
