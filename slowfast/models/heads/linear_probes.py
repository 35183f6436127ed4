"""Many linear classifiers on the same frozen features, in one batched product."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


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
        self.norm = _MeanNorm(dim, affine=False, momentum=None)
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


class _MeanNorm(nn.BatchNorm1d):
    """Batch norm whose statistics are means over all batches, which it counts on the device.

    PyTorch's own reads the count on the host in every step, and the device waits.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``(B, D)``."""
        if not self.training or self.momentum is not None:
            return super().forward(x)
        with torch.no_grad():
            self.num_batches_tracked += 1
            share = 1.0 / self.num_batches_tracked
            self.running_mean.lerp_(x.mean(dim=0), share)
            self.running_var.lerp_(x.var(dim=0), share)
        return F.batch_norm(x, None, None, training=True, eps=self.eps)
