"""Contrast with the other clips of a batch instead of a memory bank."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributed.nn.functional import all_gather

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
        keys = torch.cat(all_gather(keys))
        (everyone,) = du.all_gather([index])
    scores = queries @ keys.T / temperature
    return positive, scores.masked_fill(index[:, None] == everyone[None, :], float("-inf"))
