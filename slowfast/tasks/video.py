"""What every task on clips of one video network has in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from slowfast.checkpoint.pretrained import initialise
from slowfast.checkpoint.report import ImportReport
from slowfast.datasets.transforms import ClipPreprocessor
from slowfast.models.build import build_model
from slowfast.models.losses import get_loss_func
from slowfast.ssl.base import SSLModel
from slowfast.tasks.base import Batch, ItemEvaluator, Task
from slowfast.utils import distributed as du
from slowfast.utils.errors import ConfigError


class ViewsEvaluator(ItemEvaluator):
    """Joins the scores of the views of each item, and measures the items.

    Args:
        dataset: its ``items`` give class names and files.
        method: ``sum`` or ``max`` over views.

    Attributes:
        combine: joins scores ``(N, V, C)`` by a method to ``(N, C)``.
    """

    combine: Callable[[np.ndarray, str], np.ndarray]

    def __init__(self, dataset: Dataset, method: str = "sum") -> None:
        super().__init__(dataset)
        self.method = method

    def update(self, predictions: dict[str, Any]) -> None:
        """Take ``index``, ``valid`` ``(N,)``, labels and ``scores`` ``(N, V, C)``."""
        scores = self.combine(predictions["scores"], self.method)
        super().update({**predictions, "scores": scores})


class VideoTask(Task):
    """Trains and tests one network on clips.

    Attributes:
        losses: values of ``MODEL.LOSS_FUNC`` that suit the task, with the reason.
        measured_by: the evaluator, of tasks that score whole clips.
        labels: what predictions call the labels of a batch.
        preprocess: from uint8 clips to what the network reads.
        loss: from scores and targets to a number.
    """

    losses: tuple[tuple[str, ...], str]
    measured_by: type[ViewsEvaluator]
    labels: ClassVar[str] = "label"

    def __init__(self, cfg) -> None:
        super().__init__(cfg)
        data, name = cfg.DATA, cfg.MODEL.LOSS_FUNC
        if cfg.AUDIO.ENABLE:
            raise ConfigError(
                f"AUDIO.ENABLE is not supported by TASK {type(self).__name__.lower()}: it learns "
                "from frames only."
            )
        known, reason = self.losses
        if name not in known:
            raise ConfigError(f"MODEL.LOSS_FUNC is {name!r}; {reason} {' or '.join(known)}.")
        self.loss = get_loss_func(name)(reduction="mean")
        two_pathways = cfg.MODEL.ARCH in cfg.MODEL.MULTI_PATHWAY_ARCH
        self.preprocess = ClipPreprocessor(
            data.MEAN,
            data.STD,
            self.bgr_input(),
            slow_alpha=cfg.SLOWFAST.ALPHA if two_pathways else 0,
            channels_last=cfg.MODEL.CHANNELS_LAST,
            color_rule=data.COLOR_JITTER_RULE,
        )

    def bgr_input(self) -> bool:
        """Tell whether the network is handed blue first."""
        return self.cfg.DATA.REVERSE_INPUT_CHANNEL

    def build_model(self, output_dir: Path | None = None) -> nn.Module:
        """Return the network with random weights.

        Raises:
            ConfigError: it is a self-supervised method.
        """
        model = build_model(self.cfg)
        if isinstance(model, SSLModel):
            raise ConfigError(
                f"MODEL.MODEL_NAME {self.cfg.MODEL.MODEL_NAME} is a self-supervised method: set TASK "
                "pretrain. To test or train on what it learned, MODEL.MODEL_NAME VSSL with its run "
                "as MODEL.CKPT."
            )
        return model

    def initialise(self, model: nn.Module) -> ImportReport | None:
        """Load the backbone from ``MODEL.CKPT`` where one is given."""
        return initialise(model, self.cfg)

    def initialise_test(self, model: nn.Module) -> ImportReport | None:
        """Load backbone and head from ``MODEL.CKPT`` where one is given."""
        return initialise(model, self.cfg, head=True)

    def preprocess_on(self, model: nn.Module) -> ClipPreprocessor:
        """Return ``preprocess`` on the device of the model."""
        return self.preprocess.to(next(model.parameters()).device)

    def training_clips(self, model: nn.Module, batch: Batch) -> list[Tensor]:
        """Return the pathways of the one view in ``video`` ``(B, 1, 3, T, S, S)``."""
        color = batch["color"][:, 0] if "color" in batch else None
        return self.preprocess_on(model)(batch["video"][:, 0], color)

    def score_views(self, model: nn.Module, views: Tensor) -> np.ndarray:
        """Return scores ``(B, V, C)`` of uint8 clips ``(B, V, 3, T, S, S)``.

        ``TEST.BATCH_SIZE`` clips go through the network at a time.
        """
        preprocess = self.preprocess_on(model)
        chunk_size = max(1, self.cfg.TEST.BATCH_SIZE // du.get_local_world_size())
        parts = [model(preprocess(part)) for part in views.flatten(0, 1).split(chunk_size)]
        return torch.cat(parts).float().unflatten(0, views.shape[:2]).cpu().numpy()

    def evaluation_step(self, model: nn.Module, batch: Batch) -> dict[str, Any]:
        """Score all views of each video."""
        return {
            "index": batch["index"].cpu().numpy(),
            "scores": self.score_views(model, batch["video"]),
            self.labels: batch["label"].cpu().numpy(),
            "valid": batch["valid"].cpu().numpy(),
        }

    def evaluator(self, dataset: Dataset) -> ItemEvaluator:
        """Return an evaluator that joins views by ``DATA.ENSEMBLE_METHOD``."""
        return self.measured_by(dataset, self.cfg.DATA.ENSEMBLE_METHOD)
