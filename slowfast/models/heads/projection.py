"""The head that maps pooled features to the space in which instances are compared.

As in AVID (Morgado, Vasconcelos and Misra): linear layers with ReLU between them and without
normalisation; the loss brings the outputs to unit length.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


class Projection(nn.Module):
    """Linear layers with ReLU between them, none after the last.

    Parameters are named ``projection.0``, ``projection.2``, ``projection.4`` ... as in AVID's
    checkpoints.

    Args:
        feature_dim: width of the pooled features.
        dims: width of each layer's output; empty for no head at all.

    Attributes:
        out_dim: width of what comes out.
    """

    def __init__(self, feature_dim: int, dims: Sequence[int]) -> None:
        super().__init__()
        widths = [feature_dim, *dims]
        layers: list[nn.Module] = []
        for i in range(len(dims)):
            layers += [nn.Linear(widths[i], widths[i + 1]), nn.ReLU(inplace=True)]
        self.projection = nn.Sequential(*layers[:-1])
        self.out_dim = widths[-1]

    def forward(self, pooled: Tensor) -> Tensor:
        """Map ``(B, feature_dim)`` to ``(B, out_dim)``."""
        return self.projection(pooled)
