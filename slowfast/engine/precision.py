"""Automatic mixed precision by config, and the memory layout that goes with it."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from slowfast.utils.errors import ConfigError

CONV3D_TOLERANCE = 0.05  # of the norm; rounding to bfloat16 costs less than 0.01
DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}
CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}
AFFECTED_FRAMES = 2


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
        """Make a model safe to train in this precision on this device.

        Raises:
            ConfigError: its convolutions are wrong here.
        """
        if self.enabled and self.dtype == torch.bfloat16:
            check_conv3d(self.device, self.dtype)
        if self.enabled and self.device.type == "cpu" and self.dtype == torch.bfloat16:
            patch_cpu_bf16_conv3d(model)

    def scale(self) -> Tensor | None:
        """Return what losses are now multiplied with, None where they are not."""
        one = torch.ones((), device=self.device)
        return self.scaler.scale(one) if self.scaler.is_enabled() else None

    def autocast(self) -> AbstractContextManager:
        """Return the context in which a forward pass runs."""
        return torch.autocast(self.device.type, dtype=self.dtype, enabled=self.enabled)


def check_conv3d(device: torch.device, dtype: torch.dtype) -> None:
    """Compare a 3-D convolution and its gradients with those in float32 on this device.

    cuDNN 9.10.2 returned wrong values in bfloat16 for large clips, without any error (pytorch #163539).

    Raises:
        ConfigError: they differ by more than rounding.
    """
    size = (8, 64, 8, 112, 112) if device.type == "cuda" else (2, 16, 4, 14, 14)
    drawn = {"generator": torch.Generator(device).manual_seed(0), "device": device}
    clip = torch.randn(size, **drawn)
    weight = torch.randn(size[1], size[1], 3, 3, 3, **drawn) / (27 * size[1]) ** 0.5
    exact, found = (_convolved(clip, weight, kind) for kind in (torch.float32, dtype))
    for what, one, other in zip(("values", *2 * ["gradients"]), exact, found, strict=True):
        error = float((one - other.float()).norm() / one.norm())
        if not error < CONV3D_TOLERANCE:
            raise ConfigError(
                f"TRAIN.MIXED_PRECISION: 3-D convolutions have wrong {what} in {dtype} on this device: "
                f"they differ from float32 by {error:.0%} (cuDNN {torch.backends.cudnn.version()}). "
                "Update PyTorch and cuDNN, or set TRAIN.AMP_DTYPE float16."
            )


def _convolved(clip: Tensor, weight: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Return a convolution of a clip, and the gradients of clip and weight."""
    inputs = [x.to(dtype).requires_grad_() for x in (clip, weight)]
    result = F.conv3d(*inputs, padding=1)
    return result.detach(), *torch.autograd.grad(result.square().mean(), inputs)


def to_channels_last(model: nn.Module) -> None:
    """Lay out the weights of all convolutions with the channels last, in place."""
    for parameter in model.parameters():
        if parameter.ndim in CHANNELS_LAST:
            parameter.data = parameter.data.contiguous(memory_format=CHANNELS_LAST[parameter.ndim])


class PrePaddedConv3d(nn.Conv3d):
    """``nn.Conv3d`` that pads two-frame inputs in time before it convolves them.

    A way around wrong gradients of bfloat16 3-D convolutions on CPUs. Seen with torch 2.15 on an AMD
    EPYC with AVX-512 bfloat16: the weight gradient of a convolution with a temporal kernel of 3,
    stride 1 and padding 1 over exactly two frames is read from memory that was never written
    (infinite or plain wrong), in either memory format. The same convolution with its input padded
    beforehand is right.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, C, T, H, W)`` as ``nn.Conv3d`` does."""
        if x.shape[2] != AFFECTED_FRAMES:
            return super().forward(x)
        time, height, width = self.padding
        padded = F.pad(x, (0, 0, 0, 0, time, time))
        padding = (0, height, width)
        return F.conv3d(
            padded, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )


def patch_cpu_bf16_conv3d(model: nn.Module) -> int:
    """Switch the convolutions that may go wrong to the padded form; return their number.

    Parameters, their names and all right results stay as they are. No CPU is asked whether it has
    the defect: unwritten memory may look right by chance, and a resumed run must compute the same.
    """
    affected = [m for m in model.modules() if type(m) is nn.Conv3d and _is_affected(m)]
    for module in affected:
        module.__class__ = PrePaddedConv3d
    return len(affected)


def _is_affected(conv: nn.Conv3d) -> bool:
    shape = (conv.kernel_size[0], conv.stride[0], conv.padding[0], conv.padding_mode)
    return shape == (3, 1, 1, "zeros")
