"""The R(2+1)D video encoder of AVID and AVID-CMA.

Morgado, Vasconcelos and Misra, "Audio-Visual Instance Discrimination with Cross-Modal Agreement".
It differs from torchvision's network: full 3-D 7x7 stem with max-pool, as many middle as output
channels, one normalisation after the residual sum, and global max-pooling.
State-dict names are those of the released checkpoints.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

from torch import Tensor, nn

from slowfast.models.backbones import BACKBONES

STAGE_BLOCKS = {10: (1, 1, 1, 1), 18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
WIDTHS = (64, 128, 256, 512)


class ResidualUnit(nn.Module):
    """Two factorised convolutions with the last normalisation after the residual sum.

    Args:
        in_channels, out_channels: widths.
        stride: of time and space in the first convolution pair.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        c = out_channels
        self.spt_conv1 = _spatial(in_channels, c, stride)
        self.spt_bn1 = nn.BatchNorm3d(c)
        self.tmp_conv1 = _temporal(c, stride)
        self.tmp_bn1 = nn.BatchNorm3d(c)
        self.spt_conv2 = _spatial(c, c, 1)
        self.spt_bn2 = nn.BatchNorm3d(c)
        self.tmp_conv2 = _temporal(c, 1)
        self.out_bn = nn.BatchNorm3d(c)
        self.relu = nn.ReLU(inplace=True)
        self.res = in_channels != c or stride != 1
        if self.res:
            self.res_conv = nn.Conv3d(in_channels, c, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, C_in, T, H, W)`` to ``(B, C_out, T/s, H/s, W/s)``."""
        shortcut = self.res_conv(x) if self.res else x
        y = self.relu(self.spt_bn1(self.spt_conv1(x)))
        y = self.relu(self.tmp_bn1(self.tmp_conv1(y)))
        y = self.relu(self.spt_bn2(self.spt_conv2(y)))
        return self.relu(self.out_bn(self.tmp_conv2(y) + shortcut))


def _spatial(in_channels: int, out_channels: int, stride: int) -> nn.Conv3d:
    stride = (1, stride, stride)
    return nn.Conv3d(in_channels, out_channels, (1, 3, 3), stride, (0, 1, 1), bias=False)


def _temporal(channels: int, stride: int) -> nn.Conv3d:
    return nn.Conv3d(channels, channels, (3, 1, 1), (stride, 1, 1), (1, 0, 0), bias=False)


def _stage(in_channels: int, out_channels: int, blocks: int, stride: int) -> nn.Module:
    units = [ResidualUnit(in_channels, out_channels, stride)]
    units += [ResidualUnit(out_channels, out_channels, 1) for _ in range(blocks - 1)]
    # Depth 10 keeps its only unit bare, as the released checkpoints name it.
    return units[0] if blocks == 1 else nn.Sequential(*units)


class AvidR2Plus1D(nn.Sequential):
    """AVID's ``R2Plus1D``: maps ``(B, 3, T, H, W)`` to ``(B, 512, T/8, H/32, W/32)``, rounded up.

    Args:
        depth: 10, 18 or 34.
        stem_pool: max-pool in the stem; the small variant for ablations has none.
        width: channels of the stem; the published networks have 64.

    Raises:
        ValueError: another depth.
    """

    pooling = "max"

    def __init__(self, depth: int = 18, stem_pool: bool = True, width: int = 64) -> None:
        if depth not in STAGE_BLOCKS:
            raise ValueError(f"depth {depth}: choose one of {sorted(STAGE_BLOCKS)}")
        widths = [channels * width // 64 for channels in WIDTHS]
        stem = [
            nn.Conv3d(3, width, (3, 7, 7), (1, 2, 2), (1, 3, 3), bias=False),
            nn.BatchNorm3d(width),
            nn.ReLU(inplace=True),
        ]
        if stem_pool:
            stem.append(nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)))
        stages = {"conv1": nn.Sequential(*stem)}
        for k, blocks in enumerate(STAGE_BLOCKS[depth]):
            stage = _stage([width, *widths][k], widths[k], blocks, 1 if k == 0 else 2)
            stages[f"conv{k + 2}x"] = stage
        super().__init__(OrderedDict(stages))
        self.feature_dim = widths[-1]
        self.strides = (8, 32, 32) if stem_pool else (8, 16, 16)


VARIANTS = {
    "avid_r2plus1d_10": {"depth": 10},  # 7.0 M parameters
    "avid_r2plus1d_18": {"depth": 18},  # 15.4 M parameters, in every released AVID checkpoint
    "avid_r2plus1d_34": {"depth": 34},  # 28.9 M parameters
    # Without the stem's max-pool: the small network of the ablations.
    "avid_r2plus1d_small": {"depth": 10, "stem_pool": False},
    # A quarter of the width, for CPUs and the demo world.
    "avid_r2plus1d_tiny": {"depth": 10, "width": 16},
}
for _name, _options in VARIANTS.items():
    BACKBONES.register(partial(AvidR2Plus1D, **_options), name=_name)
