"""torchvision's video ResNets without pooling and classifier, under torchvision's names.

R(2+1)D: Tran et al., "A Closer Look at Spatiotemporal Convolutions for Action Recognition".
"""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.models.video import r2plus1d_18 as torchvision_r2plus1d_18
from torchvision.models.video import r3d_18 as torchvision_r3d_18
from torchvision.models.video import resnet as tv

from slowfast.models.backbones import BACKBONES


class VideoResNetBackbone(nn.Module):
    """Stem and four stages of a torchvision ``VideoResNet``.

    State-dict names are torchvision's: ``stem.*`` and ``layer1.*`` to ``layer4.*``.
    """

    feature_dim = 512
    pooling = "avg"

    def __init__(self, network: tv.VideoResNet) -> None:
        super().__init__()
        self.strides = (8, 16, 16)
        self.stem = network.stem
        self.layer1 = network.layer1
        self.layer2 = network.layer2
        self.layer3 = network.layer3
        self.layer4 = network.layer4

    def forward(self, clip: Tensor) -> Tensor:
        """Map ``(B, 3, T, H, W)`` to ``(B, 512, T/8, H/16, W/16)``, rounded up."""
        x = self.stem(clip)
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


@BACKBONES.register
def r2plus1d_18() -> VideoResNetBackbone:
    """R(2+1)D-18 of torchvision (31.3 M parameters)."""
    return VideoResNetBackbone(torchvision_r2plus1d_18(weights=None))


@BACKBONES.register
def r3d_18() -> VideoResNetBackbone:
    """R3D-18 of torchvision: undivided 3-D kernels (33.2 M parameters)."""
    return VideoResNetBackbone(torchvision_r3d_18(weights=None))


@BACKBONES.register
def r2plus1d_34() -> VideoResNetBackbone:
    """R(2+1)D-34 from torchvision's blocks, stages of 3, 4, 6 and 3."""
    network = tv.VideoResNet(
        block=tv.BasicBlock,
        conv_makers=[tv.Conv2Plus1D] * 4,
        layers=[3, 4, 6, 3],
        stem=tv.R2Plus1dStem,
    )
    return VideoResNetBackbone(network)
