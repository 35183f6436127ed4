"""The audio encoder of AVID and AVID-CMA: nine plain convolutions on a spectrogram.

Morgado, Vasconcelos and Misra, "Audio-Visual Instance Discrimination with Cross-Modal Agreement",
where it is called Conv2D of depth 10. There are no shortcuts, and the map is max-pooled globally.
State-dict names are those of the released checkpoints.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

from torch import nn

from slowfast.models.audio import AUDIO_BACKBONES


def _pair(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    """Return two 3x3 convolutions, each normalised and rectified; the first one has a stride."""
    layers = OrderedDict(
        conv1=nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False),
        bn1=nn.BatchNorm2d(out_channels),
        relu1=nn.ReLU(inplace=True),
        conv2=nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
        bn2=nn.BatchNorm2d(out_channels),
        relu2=nn.ReLU(inplace=True),
    )
    return nn.Sequential(layers)


class AvidConv2D(nn.Sequential):
    """AVID's ``Conv2D``: maps ``(B, 1, T, F)`` to ``(B, 512, T/16, F/16)``, rounded up.

    Args:
        first_stride: of ``block1``: 2 for spectrograms of 200 x 257, 1 for those of 100 x 129.
        width: channels of the first layer; the published networks have 64.
    """

    pooling = "max"

    def __init__(self, first_stride: int = 2, width: int = 64) -> None:
        conv1 = nn.Sequential(
            nn.Conv2d(1, width, 7, 2, padding=3, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )
        layers = OrderedDict(
            conv1=conv1,
            block1=_pair(width, width, first_stride),
            block2=_pair(width, 2 * width, 2),
            block3=_pair(2 * width, 4 * width, 2),
            block4=_pair(4 * width, 8 * width, 1),
        )
        super().__init__(layers)
        self.feature_dim = 8 * width
        self.strides = (8 * first_stride, 8 * first_stride)


VARIANTS = {
    "avid_conv2d_10": {},  # 4.7 M parameters, in every released AVID checkpoint
    # For spectrograms of half the size: the small network of the ablations.
    "avid_conv2d_small": {"first_stride": 1},
    # A quarter of the width, for CPUs and the demo world.
    "avid_conv2d_tiny": {"width": 16},
}
for _name, _options in VARIANTS.items():
    AUDIO_BACKBONES.register(partial(AvidConv2D, **_options), name=_name)
