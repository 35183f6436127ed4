"""Numerical precision of tensors."""

from __future__ import annotations

import torch
from torch import Tensor


def at_least_float32(tensor: Tensor) -> Tensor:
    """Return half precision and integers as float32, and float64 as it is."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))
