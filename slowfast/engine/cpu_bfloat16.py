"""A way around wrong gradients of bfloat16 3-D convolutions on CPUs.

Seen with torch 2.15 on an AMD EPYC with AVX-512 bfloat16: the weight gradient of a convolution
with a temporal kernel of 3, stride 1 and padding 1 over exactly two frames is read from memory
that was never written (infinite or plain wrong), in either memory format. The same convolution
with its input padded beforehand is right, so that is what is computed instead.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

AFFECTED_FRAMES = 2


class PrePaddedConv3d(nn.Conv3d):
    """``nn.Conv3d`` that pads two-frame inputs in time before it convolves them."""

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
