"""2-D ResNets on spectrograms: the audio encoders of GDT and STiCA.

He et al., "Deep Residual Learning for Image Recognition", with one input channel. State-dict names
are torchvision's, without the classifier, which the releases carry unused.
"""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, ResNet

from slowfast.models.audio import AUDIO_BACKBONES


class AudioResNet(nn.Module):
    """Stem and four stages of a torchvision ``ResNet``.

    Args:
        blocks: of each stage.
    """

    feature_dim = 512
    strides = (32, 32)
    pooling = "avg"

    def __init__(self, blocks: tuple[int, int, int, int]) -> None:
        super().__init__()
        network = ResNet(BasicBlock, list(blocks))
        self.conv1 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
        self.bn1, self.relu, self.maxpool = network.bn1, network.relu, network.maxpool
        self.layer1, self.layer2 = network.layer1, network.layer2
        self.layer3, self.layer4 = network.layer3, network.layer4

    def forward(self, levels: Tensor) -> Tensor:
        """Map ``(B, 1, H, W)`` to ``(B, 512, H/32, W/32)``, rounded up."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(levels))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


@AUDIO_BACKBONES.register
def resnet9() -> AudioResNet:
    """The audio encoder of GDT and STiCA: one block per stage (4.9 M parameters)."""
    return AudioResNet((1, 1, 1, 1))


@AUDIO_BACKBONES.register
def resnet18() -> AudioResNet:
    """ResNet-18 (11.2 M parameters)."""
    return AudioResNet((2, 2, 2, 2))
