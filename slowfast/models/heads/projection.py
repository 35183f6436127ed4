"""Heads that map pooled features to the space in which instances are compared.

As in AVID (Morgado, Vasconcelos and Misra): linear layers with ReLU between them and without
normalisation. As in GDT and STiCA (Patrick et al.): with batch normalisation and dropout. The loss
brings the outputs to unit length.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


class Projection(nn.Module):
    """Linear layers with ReLU between them, none after the last.

    Parameters are named ``projection.N``, counted over all layers, as in AVID's, GDT's and STiCA's
    checkpoints.

    Args:
        feature_dim: width of the pooled features.
        dims: width of each layer's output; empty for no head at all.
        dropout: share of the inputs of a layer that are set to zero in training. With it, there is
            batch normalisation before each ReLU, and layers before the last have no bias, which the
            normalisation would take away. None for neither.

    Attributes:
        out_dim: width of what comes out.
    """

    def __init__(self, feature_dim: int, dims: Sequence[int], dropout: float | None = None) -> None:
        super().__init__()
        widths, normed = [feature_dim, *dims], dropout is not None
        layers: list[nn.Module] = []
        for i in range(len(dims)):
            last = i == len(dims) - 1
            layers += [nn.Dropout(dropout)] if normed else []
            layers.append(nn.Linear(widths[i], widths[i + 1], bias=last or not normed))
            layers += [nn.BatchNorm1d(widths[i + 1])] if normed and not last else []
            layers += [] if last else [nn.ReLU(inplace=True)]
        self.projection = nn.Sequential(*layers)
        self.out_dim = widths[-1]

    def forward(self, pooled: Tensor) -> Tensor:
        """Map ``(B, feature_dim)`` to ``(B, out_dim)``."""
        return self.projection(pooled)
