"""PySlowFast's top-k functions on tensors, as its users import them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def topks_correct(preds: Tensor, labels: Tensor, ks: Sequence[int]) -> list[Tensor]:
    """Return how many of ``labels (N,)`` are among the k best of ``preds (N, C)``, for each k.

    A k above C counts as C.
    """
    best = preds.topk(min(max(ks), preds.shape[1]), dim=1).indices
    hits = best.eq(labels[:, None])
    return [hits[:, :k].any(dim=1).float().sum() for k in ks]


def topk_accuracies(preds: Tensor, labels: Tensor, ks: Sequence[int]) -> list[Tensor]:
    """Return :func:`topks_correct` in percent."""
    return [100.0 * correct / len(preds) for correct in topks_correct(preds, labels, ks)]


def topk_errors(preds: Tensor, labels: Tensor, ks: Sequence[int]) -> list[Tensor]:
    """Return 100 minus :func:`topk_accuracies`."""
    return [torch.as_tensor(100.0) - accuracy for accuracy in topk_accuracies(preds, labels, ks)]
