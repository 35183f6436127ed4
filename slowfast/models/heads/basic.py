"""The classification head: pool, dropout, one linear layer (PySlowFast's ``ResNetBasicHead``)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from slowfast.utils.errors import ConfigError
from slowfast.utils.precision import at_least_float32

ACTIVATIONS = {
    "softmax": lambda scores: scores.softmax(dim=-1),
    "sigmoid": torch.sigmoid,
    "none": lambda scores: scores,
}


def init_classifier(layer: nn.Linear, init: str, std: float) -> nn.Linear:
    """Draw the weights of a classifier anew and return it; see :class:`BasicHead`."""
    if init == "orthogonal":
        nn.init.orthogonal_(layer.weight)
    else:
        nn.init.normal_(layer.weight, std=std)
    nn.init.zeros_(layer.bias)
    return layer


class BasicHead(nn.Module):
    """Scores of a feature map.

    Args:
        feature_dim: channels C of the map.
        num_classes: number of scores.
        pooling: ``avg`` or ``max`` over time and space.
        dropout: probability.
        activation: applied in eval mode only: ``softmax``, ``sigmoid`` or ``none``.
        norm: ``none``, or ``batchnorm`` without weights between pooling and dropout.
        init: ``normal`` or ``orthogonal`` initial weights; biases start at zero.
        init_std: of the normal distribution.
    """

    def __init__(
        self,
        feature_dim: int,
        num_classes: int,
        pooling: str = "avg",
        dropout: float = 0.0,
        activation: str = "softmax",
        init_std: float = 0.01,
        init: str = "normal",
        norm: str = "none",
    ) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ConfigError(
                f"MODEL.HEAD_ACT {activation!r}: choose one of {', '.join(ACTIVATIONS)}."
            )
        self.pooling, self.activation = pooling, activation
        batchnorm = norm == "batchnorm"
        self.norm = nn.BatchNorm3d(feature_dim, affine=False) if batchnorm else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.projection = init_classifier(nn.Linear(feature_dim, num_classes), init, init_std)

    def pool(self, features: Tensor, pool_size: Sequence[int] | None = None) -> Tensor:
        """Pool ``(B, C, t, h, w)`` to ``(B, C, t', h', w')``, mostly ``(B, C, 1, 1, 1)``."""
        if self.pooling == "max":
            return F.adaptive_max_pool3d(features, 1)
        if pool_size is None:
            return F.adaptive_avg_pool3d(features, 1)
        kernel = [min(k, n) for k, n in zip(pool_size, features.shape[2:], strict=True)]
        return F.avg_pool3d(features, kernel, stride=1)

    def forward(self, features: Tensor, pool_size: Sequence[int] | None = None) -> Tensor:
        """Return ``(B, num_classes)``: logits in training, activated scores in eval mode.

        Args:
            features: ``(B, C, t, h, w)``.
            pool_size: ``(t, h, w)`` that average pooling covers; a larger map (a test crop larger
                than the training crop) is scored at every position and the activated scores are
                averaged. None pools globally.
        """
        pooled = self.norm(self.pool(features, pool_size)).permute(0, 2, 3, 4, 1)
        scores = self.projection(self.dropout(pooled))
        if not self.training:
            scores = ACTIVATIONS[self.activation](at_least_float32(scores))
        return scores.mean(dim=(1, 2, 3))
