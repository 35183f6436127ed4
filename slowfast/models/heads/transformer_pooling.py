"""Pooling of a feature map over time by a transformer, as in STiCA.

Patrick et al., "Space-Time Crop & Attend: Improving Cross-modal Video Representation Learning"
(ICCV 2021). Space is averaged; the steps of time attend to each other, and the first one comes out.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from slowfast.utils.errors import ConfigError

MAX_STEPS = 64
WIDENING = 4  # of the feed-forward layers
LAYER_NORM_EPS = 1e-12
INIT_STD = 0.02


class TransformerPooling(nn.Module):
    """Pool maps ``(B, C, T, h, w)`` to ``(B, C)``.

    Args:
        dim: C.
        layers: of the transformer.
        heads: of each attention.
        positions: add a learned vector for each step, up to 64 of them. Without it, order shows in
            nothing but which step is the first.
        values: project values and the attention's output too, not queries and keys alone.
    """

    def __init__(
        self, dim: int, layers: int, heads: int = 4, positions: bool = False, values: bool = False
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_Layer(dim, heads, values) for _ in range(layers))
        self.positions = nn.Embedding(MAX_STEPS, dim) if positions else None
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=INIT_STD)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(self, features: Tensor, steps: int | None = None) -> Tensor:
        """Return the first step after the last layer.

        Args:
            features: ``(B, C, T, h, w)``.
            steps: to which a crop over time is stretched, by averaging neighbours; T by default.
        """
        x = features.flatten(3).mean(dim=3)
        if steps is not None and steps != x.shape[2]:
            x = F.adaptive_avg_pool1d(x, steps)
        x = x.transpose(1, 2)
        if self.positions is not None:
            x = x + self.positions.weight[: x.shape[1]]
        for layer in self.layers:
            x = layer(x)
        return x[:, 0]


def build_pooling(model, dim: int) -> TransformerPooling | None:
    """Return the pooling of the node ``MODEL``; None for ``POOLING_LAYERS`` 0."""
    if not model.POOLING_LAYERS:
        return None
    if dim % model.POOLING_HEADS:
        raise ConfigError(
            f"MODEL.POOLING_HEADS {model.POOLING_HEADS} do not divide the {dim} channels of the map."
        )
    how = (model.POOLING_HEADS, model.POOLING_POSITIONS, model.POOLING_VALUES)
    return TransformerPooling(dim, model.POOLING_LAYERS, *how)


class _Layer(nn.Module):
    """Attention and a feed-forward network, each with a residual and normalised after it."""

    def __init__(self, dim: int, heads: int, values: bool) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim) if values else nn.Identity()
        self.out = nn.Linear(dim, dim) if values else nn.Identity()
        self.norm1 = nn.LayerNorm(dim, eps=LAYER_NORM_EPS)
        self.lin1, self.lin2 = nn.Linear(dim, WIDENING * dim), nn.Linear(WIDENING * dim, dim)
        self.norm2 = nn.LayerNorm(dim, eps=LAYER_NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, T, C)`` to ``(B, T, C)``."""
        query, key, value = (
            part(x).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        attended = F.scaled_dot_product_attention(query, key, value)
        x = self.norm1(x + self.out(attended.transpose(1, 2).flatten(2)))
        return self.norm2(x + self.lin2(F.gelu(self.lin1(x))))
