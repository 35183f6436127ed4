"""2-D ResNets on spectrograms: the audio encoders of GDT and STiCA.

He et al., "Deep Residual Learning for Image Recognition", with one input channel. State-dict names
are torchvision's, without the classifier, which the releases carry unused.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import partial

from torch import nn
from torchvision.models.resnet import BasicBlock, ResNet

from slowfast.models.audio import AUDIO_BACKBONES

STAGES = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")


class AudioResNet(nn.Sequential):
    """Stem and four stages of a torchvision ``ResNet``.

    They map ``(B, 1, H, W)`` to ``(B, 512, H/32, W/32)``, rounded up.

    Args:
        blocks: of each stage.
    """

    feature_dim, strides, pooling = 512, (32, 32), "avg"

    def __init__(self, blocks: Sequence[int]) -> None:
        network = ResNet(BasicBlock, list(blocks))
        network.conv1 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
        super().__init__(OrderedDict((name, getattr(network, name)) for name in STAGES))


VARIANTS = {
    "resnet9": (1, 1, 1, 1),  # of GDT and STiCA: 4.9 M parameters
    "resnet18": (2, 2, 2, 2),  # 11.2 M parameters
}
for _name, _blocks in VARIANTS.items():
    AUDIO_BACKBONES.register(partial(AudioResNet, _blocks), name=_name)
