"""Contrast with the other clips of a batch instead of a memory bank."""

from __future__ import annotations

import torch
from torch import Tensor

from slowfast.utils import distributed as du


def in_batch_scores(
    queries: Tensor, keys: Tensor, index: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """Return positive ``(B, 1)`` and negative ``(B, W B)`` scores against all W processes.

    The positive of a query is the key of the same place. Keys of the same instance, its own among
    them, score minus infinity as negatives. Gradients flow to the keys of every process.

    Args:
        queries, keys: unit rows ``(B, D)`` of this process.
        index: int64 ``(B,)`` instances.
        temperature: divides cosines.
    """
    positive = (queries * keys).sum(dim=1, keepdim=True) / temperature
    everyone = index
    if du.is_initialized():
        keys = gather_with_gradients(keys)
        (everyone,) = du.all_gather([index])
    scores = queries @ keys.T / temperature
    return positive, scores.masked_fill(index[:, None] == everyone[None, :], float("-inf"))


def gather_with_gradients(rows: Tensor) -> Tensor:
    """Join the rows ``(B, ...)`` of all processes; gradients flow to those of every process."""
    return _GatherWithGradients.apply(rows)


class _GatherWithGradients(torch.autograd.Function):
    """Join the rows of all processes; each gets back the gradients that all have for its rows."""

    @staticmethod
    def forward(ctx, rows: Tensor) -> Tensor:
        ctx.count = len(rows)
        return du.all_gather([rows])[0]

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        (gradient,) = du.all_reduce([gradient.contiguous()], average=False)
        begin = du.get_rank() * ctx.count
        return gradient[begin : begin + ctx.count]
