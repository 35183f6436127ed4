"""Size and cost of a model."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils._pytree import tree_map
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


def model_info(model: nn.Module, network: nn.Module, inputs: tuple) -> ModelInfo:
    """Measure a model on one clip.

    Args:
        model: its parameters are counted.
        network: the part that computes, and is measured; neither is changed.
        inputs: arguments of the network for a batch of one, see :meth:`Task.example`.

    The pass runs on the meta device and takes no time. A model that cannot run there (several
    pathways, boxes) gets NaN.
    """
    return ModelInfo(
        sum(p.numel() for p in model.parameters()),
        sum(p.numel() for p in model.parameters() if p.requires_grad),
        _gmacs(network, inputs),
    )


def _gmacs(network: nn.Module, inputs: tuple) -> float:
    try:
        ghost = copy.deepcopy(network).to("meta").eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            ghost(*tree_map(lambda tensor: tensor.to("meta"), inputs))
    except (RuntimeError, NotImplementedError, TypeError, IndexError) as error:
        logger.info("The cost of the model could not be measured: %s", error)
        return math.nan
    return counter.get_total_flops() / 2e9
