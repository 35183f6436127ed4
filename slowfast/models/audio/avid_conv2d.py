"""The audio encoder of AVID and AVID-CMA: nine plain convolutions on a spectrogram.

Morgado, Vasconcelos and Misra, "Audio-Visual Instance Discrimination with Cross-Modal Agreement",
where it is called Conv2D of depth 10. There are no shortcuts, and the map is max-pooled globally.
State-dict names are those of the released checkpoints.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from slowfast.models.audio import AUDIO_BACKBONES

LAYERS = ("conv1", "block1", "block2", "block3", "block4")


class ConvPair(nn.Module):
    """Two 3x3 convolutions, each normalised and rectified.

    Args:
        in_channels, out_channels: widths.
        stride: of the first convolution, in time and frequency.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        c = out_channels
        self.conv1 = nn.Conv2d(in_channels, c, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(c)
        self.conv2 = nn.Conv2d(c, c, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(c)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, C_in, T, F)`` to ``(B, C_out, T/s, F/s)``."""
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)))


class AvidConv2D(nn.Module):
    """AVID's ``Conv2D``.

    Args:
        first_stride: of ``block1``: 2 for spectrograms of 200 x 257, 1 for those of 100 x 129.
        width: channels of the first layer; the published networks have 64.
    """

    pooling = "max"

    def __init__(self, first_stride: int = 2, width: int = 64) -> None:
        super().__init__()
        self.feature_dim = 8 * width
        self.strides = (8 * first_stride, 8 * first_stride)
        self.conv1 = nn.Sequential(
            nn.Conv2d(1, width, 7, 2, padding=3, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )
        self.block1 = ConvPair(width, width, first_stride)
        self.block2 = ConvPair(width, 2 * width, 2)
        self.block3 = ConvPair(2 * width, 4 * width, 2)
        self.block4 = ConvPair(4 * width, 8 * width, 1)

    def features(self, sound: Tensor) -> dict[str, Tensor]:
        """Return the maps after ``conv1`` and ``block1`` ... ``block4``."""
        maps, x = {}, sound
        for name in LAYERS:
            x = maps[name] = getattr(self, name)(x)
        return maps

    def forward(self, sound: Tensor) -> Tensor:
        """Map ``(B, 1, T, F)`` to ``(B, 512, T/16, F/16)``, rounded up."""
        return self.features(sound)["block4"]


VARIANTS = {
    "avid_conv2d_10": {},  # 4.7 M parameters, in every released AVID checkpoint
    # For spectrograms of half the size: the small network of the ablations.
    "avid_conv2d_small": {"first_stride": 1},
    # A quarter of the width, for CPUs and the demo world.
    "avid_conv2d_tiny": {"width": 16},
}
for _name, _options in VARIANTS.items():
    AUDIO_BACKBONES.register(partial(AvidConv2D, **_options), name=_name)
