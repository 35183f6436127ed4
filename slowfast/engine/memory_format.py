"""Channels-last weights for networks of 2-D and 3-D convolutions."""

from __future__ import annotations

import torch
from torch import nn

FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}


def to_channels_last(model: nn.Module) -> None:
    """Lay out the weights of all convolutions with the channels last, in place."""
    for parameter in model.parameters():
        if parameter.ndim in FORMATS:
            parameter.data = parameter.data.contiguous(memory_format=FORMATS[parameter.ndim])
