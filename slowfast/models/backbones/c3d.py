"""C3D: Tran et al., "Learning Spatiotemporal Features with 3D Convolutional Networks" (ICCV 2015).

The network of zero-shot classification, up to its first fully connected layer.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from slowfast.models.backbones import BACKBONES
from slowfast.utils.errors import ConfigError

WIDTHS = {
    "conv1": (3, 64),
    "conv2": (64, 128),
    "conv3a": (128, 256),
    "conv3b": (256, 256),
    "conv4a": (256, 512),
    "conv4b": (512, 512),
    "conv5a": (512, 512),
    "conv5b": (512, 512),
}
CLIP = (16, 112, 112)


@BACKBONES.register(name="c3d")
class C3D(nn.Module):
    """Eight convolutions and one layer over what they leave; clips are 16 x 112 x 112.

    State-dict names are those of the released files, without ``fc7`` and ``fc8``, which are unused.
    """

    feature_dim = 4096
    strides = CLIP  # one cell is left
    pooling = "avg"

    def __init__(self) -> None:
        super().__init__()
        for name, widths in WIDTHS.items():
            self.add_module(name, nn.Conv3d(*widths, 3, padding=1))
        self.fc6 = nn.Linear(512 * 4 * 4, self.feature_dim)

    def forward(self, clip: Tensor) -> Tensor:
        """Map ``(B, 3, 16, 112, 112)`` to ``(B, 4096, 1, 1, 1)``.

        Raises:
            ConfigError: clips of another size.
        """
        if tuple(clip.shape[2:]) != CLIP:
            raise ConfigError(
                f"MODEL.ARCH c3d reads clips of {' x '.join(map(str, CLIP))}, found "
                f"{' x '.join(map(str, clip.shape[2:]))}: set DATA.NUM_FRAMES 16 and crops of 112."
            )
        x = clip
        for name in WIDTHS:
            x = torch.relu(getattr(self, name)(x))
            if name == "conv1":
                x = F.max_pool3d(x, (1, 2, 2))
            elif name == "conv5b":
                x = F.max_pool3d(x, 2, padding=(0, 1, 1))
            elif not name.endswith("a"):
                x = F.max_pool3d(x, 2)
        return torch.relu(self.fc6(x.flatten(1)))[:, :, None, None, None]
