"""torchvision's video ResNets without pooling and classifier, under torchvision's names.

R(2+1)D: Tran et al., "A Closer Look at Spatiotemporal Convolutions for Action Recognition".
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from torch import nn
from torchvision.models.video import resnet as tv

from slowfast.models.backbones import BACKBONES

STAGES = ("stem", "layer1", "layer2", "layer3", "layer4")


class VideoResNetBackbone(nn.Sequential):
    """Stem and four stages of a torchvision ``VideoResNet``, under its names.

    They map ``(B, 3, T, H, W)`` to ``(B, 512, T/8, H/16, W/16)``, rounded up.
    """

    feature_dim, strides, pooling = 512, (8, 16, 16), "avg"

    def __init__(self, make: Callable[[], tv.VideoResNet]) -> None:
        network = make()
        super().__init__(OrderedDict((name, getattr(network, name)) for name in STAGES))


VARIANTS = {
    "r2plus1d_18": tv.r2plus1d_18,  # 31.3 M parameters
    "r3d_18": tv.r3d_18,  # undivided 3-D kernels, 33.2 M parameters
    "r2plus1d_34": partial(
        tv.VideoResNet,
        block=tv.BasicBlock,
        conv_makers=[tv.Conv2Plus1D] * 4,
        layers=[3, 4, 6, 3],
        stem=tv.R2Plus1dStem,
    ),
}
for _name, _make in VARIANTS.items():
    BACKBONES.register(partial(VideoResNetBackbone, _make), name=_name)
