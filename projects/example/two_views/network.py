"""A video network: two strided layers, for a test that takes seconds."""

from torch import Tensor, nn

from slowfast.models.backbones import BACKBONES


@BACKBONES.register
class TwoLayers(nn.Module):
    """Maps clips ``(B, 3, T, H, W)`` to features ``(B, 16, T/2, H/16, W/16)``."""

    feature_dim, strides, pooling = 16, (2, 16, 16), "avg"

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv3d(3, 8, (1, 4, 4), stride=(1, 4, 4)),
            nn.ReLU(),
            nn.Conv3d(8, 16, (2, 4, 4), stride=(2, 4, 4)),
        )

    def forward(self, clip: Tensor) -> Tensor:
        """Return the feature map."""
        return self.layers(clip)
