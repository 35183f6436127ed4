"""Many linear classifiers on the same frozen features, in one batched product."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class LinearProbes(nn.Module):
    """Batch norm and a linear layer (AVID's probe), H times with weights of their own.

    The features never change, so the statistics for testing are the mean over all batches seen, not a
    moving one, and the H classifiers share them. All H begin with the same weights.

    Args:
        dim: D.
        num_classes: C.
        count: H.
        affine: learn scale and shift after the normalisation.
        seed: of the initial weights.
    """

    def __init__(
        self, dim: int, num_classes: int, count: int = 1, affine: bool = True, seed: int = 0
    ) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(dim, affine=False, momentum=None)
        generator, bound = torch.Generator().manual_seed(seed), 1 / math.sqrt(dim)
        weight = torch.empty(dim, num_classes).uniform_(-bound, bound, generator=generator)
        zero = torch.zeros(num_classes)
        self.weights = nn.ParameterList(nn.Parameter(weight.clone()) for _ in range(count))
        self.biases = nn.ParameterList(nn.Parameter(zero.clone()) for _ in range(count))
        learned = count if affine else 0
        self.scales = nn.ParameterList(nn.Parameter(torch.ones(dim)) for _ in range(learned))
        self.shifts = nn.ParameterList(nn.Parameter(torch.zeros(dim)) for _ in range(learned))

    def __len__(self) -> int:
        return len(self.weights)

    def of(self, place: int) -> list[nn.Parameter]:
        """Return the parameters of one classifier."""
        lists = (self.weights, self.biases, self.scales, self.shifts)
        return [one[place] for one in lists if len(one)]

    def forward(self, features: Tensor) -> Tensor:
        """Return logits ``(H, B, C)`` of ``(B, D)``."""
        x = self.norm(features)
        x = x.expand(len(self), *x.shape)
        if len(self.scales):
            x = x * torch.stack([*self.scales])[:, None] + torch.stack([*self.shifts])[:, None]
        return torch.baddbmm(torch.stack([*self.biases])[:, None], x, torch.stack([*self.weights]))
