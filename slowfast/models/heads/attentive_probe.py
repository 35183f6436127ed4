"""The attentive probe of V-JEPA 2: a learned query attends to the tokens of a frozen network.

Assran et al., "V-JEPA 2: Self-Supervised Video Models Enable Understanding, Prediction and Planning",
2025. Pre-norm self-attention blocks, a block of cross-attention whose attention has no output
projection, and a linear layer. Names of parameters are those of the released probes.
"""

from __future__ import annotations

import math
from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STD = 0.02
EPSILON = 1e-5
RATIO = 4


def _mlp(dim: int) -> nn.Sequential:
    """Return two linear layers with GELU between them, of tokens ``(B, N, D)``."""
    fc1, fc2 = nn.Linear(dim, RATIO * dim), nn.Linear(RATIO * dim, dim)
    return nn.Sequential(OrderedDict(fc1=fc1, gelu=nn.GELU(), fc2=fc2))


def _attend(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    """Return attention ``(B, M, D)`` of ``(B, M, D)`` to ``(B, N, D)``."""
    split = [x.unflatten(2, (heads, -1)).transpose(1, 2) for x in (query, key, value)]
    return F.scaled_dot_product_attention(*split).transpose(1, 2).flatten(2)


class SelfAttention(nn.Module):
    """Attention of tokens to one another, with an output projection."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads, self.qkv, self.proj = heads, nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, N, D)`` to the same shape."""
        return self.proj(_attend(*self.qkv(x).chunk(3, dim=2), self.heads))


class CrossAttention(nn.Module):
    """Attention of queries to tokens, without an output projection."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads, self.q, self.kv = heads, nn.Linear(dim, dim), nn.Linear(dim, 2 * dim)

    def forward(self, query: Tensor, x: Tensor) -> Tensor:
        """Map queries ``(B, M, D)`` and tokens ``(B, N, D)`` to ``(B, M, D)``."""
        return _attend(self.q(query), *self.kv(x).chunk(2, dim=2), self.heads)


class Block(nn.Module):
    """Pre-norm self-attention and MLP."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, EPSILON)
        self.attn = SelfAttention(dim, heads)
        self.norm2 = nn.LayerNorm(dim, EPSILON)
        self.mlp = _mlp(dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, N, D)`` to the same shape."""
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class CrossBlock(nn.Module):
    """Cross-attention of a query, and MLP."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, EPSILON)
        self.xattn = CrossAttention(dim, heads)
        self.norm2 = nn.LayerNorm(dim, EPSILON)
        self.mlp = _mlp(dim)

    def forward(self, query: Tensor, x: Tensor) -> Tensor:
        """Map ``(B, M, D)`` and ``(B, N, D)`` to ``(B, M, D)``."""
        query = query + self.xattn(query, self.norm1(x))
        return query + self.mlp(self.norm2(query))


class Pooler(nn.Module):
    """Self-attention blocks, then one query that attends to the tokens."""

    def __init__(self, dim: int, heads: int, depth: int) -> None:
        super().__init__()
        self.query_tokens = nn.Parameter(torch.zeros(1, 1, dim))
        self.cross_attention_block = CrossBlock(dim, heads)
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(depth - 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, N, D)`` to ``(B, D)``."""
        for block in self.blocks:
            x = block(x)
        return self.cross_attention_block(self.query_tokens.expand(len(x), -1, -1), x)[:, 0]


class AttentiveProbe(nn.Module):
    """Pooler and linear layer.

    Args:
        dim: D of the tokens, a multiple of ``heads``.
        num_classes: C.
        heads: of attention.
        depth: blocks, the one of cross-attention included.
        seed: of the initial weights.
    """

    def __init__(
        self, dim: int, num_classes: int, heads: int = 16, depth: int = 1, seed: int = 0
    ) -> None:
        super().__init__()
        self.pooler, self.linear = Pooler(dim, heads, depth), nn.Linear(dim, num_classes)
        generator = torch.Generator().manual_seed(seed)
        self.apply(lambda module: _initialise(module, generator))
        nn.init.trunc_normal_(self.pooler.query_tokens, std=STD, generator=generator)
        with torch.no_grad():
            for number, block in enumerate(self.pooler.blocks, 1):
                for layer in (block.attn.proj, block.mlp.fc2):
                    layer.weight.div_(math.sqrt(2 * number))
            if depth > 1:
                cross = self.pooler.cross_attention_block.mlp.fc2
                cross.weight.div_(math.sqrt(2 * (depth - 1)))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits ``(B, C)`` of ``(B, N, D)``; the order of tokens has no effect."""
        return self.linear(self.pooler(tokens))


def _initialise(module: nn.Module, generator: torch.Generator) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=STD, generator=generator)
        nn.init.zeros_(module.bias)


class AttentiveProbes(nn.Module):
    """H attentive probes that begin with the same weights; see :class:`AttentiveProbe`."""

    def __init__(self, count: int, *args: int, **options: int) -> None:
        super().__init__()
        self.probes = nn.ModuleList(AttentiveProbe(*args, **options) for _ in range(count))

    def __len__(self) -> int:
        return len(self.probes)

    def of(self, place: int) -> list[nn.Parameter]:
        """Return the parameters of one probe."""
        return list(self.probes[place].parameters())

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits ``(H, B, C)`` of ``(B, N, D)``."""
        return torch.stack([probe(tokens) for probe in self.probes])
