"""Size and cost of a model."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from slowfast.utils.logging import get_logger

logger = get_logger(__name__)


@dataclass(frozen=True)
class ModelInfo:
    """Parameters, and multiply-adds of one forward pass.

    Attributes:
        parameters, learned: numbers of parameters, and of those that get gradients.
        gmacs: billions of multiply-adds for one clip (one multiply-add is two operations).
    """

    parameters: int
    learned: int
    gmacs: float

    def __str__(self) -> str:
        return (
            f"{self.parameters / 1e6:.2f} M parameters, {self.learned / 1e6:.2f} M learned, "
            f"{self.gmacs:.2f} GMAC per clip"
        )


def model_info(model: nn.Module, num_frames: int, crop_size: int) -> ModelInfo:
    """Measure a model on one clip ``(1, 3, num_frames, crop_size, crop_size)``.

    The pass runs on the meta device and takes no time. A model that cannot run there (several
    pathways, boxes) gets NaN.
    """
    return ModelInfo(
        sum(p.numel() for p in model.parameters()),
        sum(p.numel() for p in model.parameters() if p.requires_grad),
        _gmacs(model, num_frames, crop_size),
    )


def _gmacs(model: nn.Module, num_frames: int, crop_size: int) -> float:
    clip = torch.empty(1, 3, num_frames, crop_size, crop_size, device="meta")
    try:
        ghost = copy.deepcopy(model).to("meta").eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            ghost([clip])
    except (RuntimeError, NotImplementedError, TypeError, IndexError) as error:
        logger.info("The cost of the model could not be measured: %s", error)
        return math.nan
    return counter.get_total_flops() / 2e9
