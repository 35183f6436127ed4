"""Several labels for each video, as on Charades, measured by mean average precision."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn

from slowfast.evaluation import multilabel
from slowfast.tasks.base import Batch, StepOutput
from slowfast.tasks.build import TASK_REGISTRY
from slowfast.tasks.video import VideoTask, ViewsEvaluator
from slowfast.utils.errors import ConfigError
from slowfast.utils.logging import get_logger

logger = get_logger(__name__)


class MultiLabelEvaluator(ViewsEvaluator):
    """Mean average precision over the classes with positives, in percent.

    Unreadable videos get the lowest score for every class.
    """

    combine = staticmethod(multilabel.combine_views)
    result: multilabel.MultiLabelResult

    def measure(self, found: dict[str, np.ndarray]) -> dict[str, float]:
        """Return mean, weighted mean and what random scores reach."""
        valid = found["valid"]
        # Logits go below zero (TEST.ENSEMBLE_ON), so that zero is not the lowest.
        found["scores"][~valid] = found["scores"][valid].min(initial=0.0) - 1.0
        self.result = multilabel.evaluate(found["scores"], found["labels"])
        if not self.result.positives.any():
            logger.warning(
                "The mean average precision is undefined: no class has a positive video in %s.",
                self.dataset.items.source,
            )
        # Random scores reach the share of the videos that show an action.
        share = self.result.positives / len(valid)
        return {
            "map": 100 * self.result.mean,
            "chance_map": 100 * float(share[share > 0].mean()) if share.any() else math.nan,
            "weighted_map": 100 * self.result.weighted,
            "num_classes_measured": int((self.result.positives > 0).sum()),
        }

    def beside(self) -> dict[str, np.ndarray]:
        """Return the average precision of each class, and numbers for classes without names."""
        count = len(self.result.per_class)
        names = self.dataset.items.class_names or [str(k) for k in range(count)]
        return {"class_names": np.array(names), "class_ap": self.result.per_class}


@TASK_REGISTRY.register(name="multilabel")
class MultiLabel(VideoTask):
    """Multi-label classification of clips and videos."""

    primary_metric = "map"
    report_sections = ("multilabel",)
    measured_by, labels = MultiLabelEvaluator, "labels"
    losses = (("bce_logit", "bce"), "with several labels per video a network learns by")

    def __init__(self, cfg) -> None:
        super().__init__(cfg)
        if not cfg.DATA.MULTI_LABEL:
            raise ConfigError(
                "TASK multilabel gives a video several labels: DATA.MULTI_LABEL True."
            )
        if cfg.MODEL.HEAD_ACT != "sigmoid":
            raise ConfigError(
                f"MODEL.HEAD_ACT is {cfg.MODEL.HEAD_ACT!r}; several labels for a video need sigmoid."
            )
        if cfg.DATA.REVERSE_INPUT_CHANNEL and not self.bgr_input():
            logger.info(
                "DATA.REVERSE_INPUT_CHANNEL True hands red first to the network, as PySlowFast does: "
                "there it undoes the order of OpenCV."
            )

    def bgr_input(self) -> bool:
        """Tell whether the network is handed blue first.

        In PySlowFast's and SEVERE's Charades files ``DATA.REVERSE_INPUT_CHANNEL`` turns OpenCV's order
        into red first, which frames have here to begin with. Only a checkpoint that is followed
        asks for blue first.
        """
        return super().bgr_input() and self.cfg.DATA.FOLLOW_CHECKPOINT

    def training_step(self, model: nn.Module, batch: Batch) -> StepOutput:
        """Return the loss of ``video`` ``(B, 1, 3, T, S, S)`` with ``label`` ``(B, C)``."""
        video = self.training_clips(model, batch)
        logits = model(video)
        with torch.autocast(logits.device.type, enabled=False):
            scores = logits.float()
            activated = self.cfg.MODEL.LOSS_FUNC == "bce"
            loss = self.loss(scores.sigmoid() if activated else scores, batch["label"])
        return StepOutput({"loss": loss}, {}, len(logits))
