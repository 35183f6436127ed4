"""Contrastive losses over scores of positives and negatives.

Scores are cosines divided by the temperature: ``positives (B, P)`` and ``negatives (B, K)`` of B
queries. A negative of minus infinity takes no part.

* Noise-contrastive estimation with a constant partition: Wu et al., "Unsupervised Feature Learning
  via Non-Parametric Instance Discrimination", as used by AVID (Morgado et al., eq. 2).
* InfoNCE: van den Oord et al., "Representation Learning with Contrastive Predictive Coding".
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from slowfast.utils import distributed as du


def nce_loss(positive_scores: Tensor, negative_scores: Tensor, partition: Tensor | float) -> Tensor:
    """Return the binary cross-entropy of telling data from uniform noise.

    With ``c = ln(K Z)`` a positive costs ``-ln sigmoid(s - c)`` and a negative
    ``-ln sigmoid(c - s)``; positives are averaged, negatives summed, queries averaged.

    Args:
        positive_scores: ``(B, P)``.
        negative_scores: ``(B, K)``.
        partition: the constant Z, the mean of ``exp(score)`` over noise; no gradient flows to it.
    """
    like = {"dtype": positive_scores.dtype, "device": positive_scores.device}
    partition = torch.as_tensor(partition, **like).detach()
    offset = partition.log() + math.log(negative_scores.shape[1])
    data = F.softplus(offset - positive_scores).mean(dim=1)
    noise = F.softplus(negative_scores - offset).sum(dim=1)
    return (data + noise).mean()


def infonce_loss(
    positive_scores: Tensor, negative_scores: Tensor, partition: Tensor | float | None = None
) -> Tensor:
    """Return the softmax cross-entropy of each positive against all negatives, averaged.

    Args:
        positive_scores: ``(B, P)``.
        negative_scores: ``(B, K)``.
        partition: not needed; there so that losses are interchangeable.
    """
    noise = negative_scores.logsumexp(dim=1, keepdim=True)
    return F.softplus(noise - positive_scores).mean()


def estimate_partition(negative_scores: Tensor) -> Tensor:
    """Return the mean of ``exp(score)`` over noise ``(B, K)`` and over all processes, a scalar."""
    partition = negative_scores.detach().exp().mean()
    return du.all_reduce([partition])[0]
