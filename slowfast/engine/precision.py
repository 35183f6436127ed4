"""Automatic mixed precision by config."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from torch import nn

from slowfast.engine.cpu_bfloat16 import patch_cpu_bf16_conv3d

DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def amp_dtype(name: str, device: torch.device) -> torch.dtype:
    """Return the type of ``TRAIN.AMP_DTYPE``; ``auto`` is bfloat16 where the device has it."""
    if name != "auto":
        return DTYPES[name]
    has_bfloat16 = device.type == "cpu" or torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if has_bfloat16 else torch.float16


class Precision:
    """Autocast and gradient scaling of a run.

    Args:
        enabled: ``TRAIN.MIXED_PRECISION``.
        name: ``TRAIN.AMP_DTYPE``.
        device: of the model.
    """

    def __init__(self, enabled: bool, name: str, device: torch.device) -> None:
        self.enabled, self.device = enabled, device
        self.dtype = amp_dtype(name, device)
        scaled = enabled and self.dtype == torch.float16
        self.scaler = torch.amp.GradScaler(device.type, enabled=scaled)

    def prepare(self, model: nn.Module) -> None:
        """Make a model safe to train in this precision on this device."""
        if self.enabled and self.device.type == "cpu" and self.dtype == torch.bfloat16:
            patch_cpu_bf16_conv3d(model)

    def autocast(self) -> AbstractContextManager:
        """Return the context in which a forward pass runs."""
        return torch.autocast(self.device.type, dtype=self.dtype, enabled=self.enabled)
