"""Drawing negatives: uniform over all instances but some, without any table.

With ``e_0 < e_1 < ...`` excluded out of N, a uniform draw u of ``[0, N - M)`` stands for the u-th
instance that is left: ``u + #{p : u >= e_p - p}``.
"""

from __future__ import annotations

import torch
from torch import Tensor

from slowfast.utils.draws import integers_of_batch
from slowfast.utils.errors import ConfigError


def skip_excluded(draws: Tensor, excluded: Tensor) -> Tensor:
    """Turn draws ``(B, K)`` of ``[0, N - M)`` into indices of ``[0, N)`` outside ``excluded``.

    Args:
        draws: int64.
        excluded: int64 ``(B, M)``, ascending and distinct in each row.
    """
    places = torch.arange(excluded.shape[1], device=excluded.device)
    thresholds = (excluded - places).contiguous()
    return draws + torch.searchsorted(thresholds, draws.contiguous(), right=True)


def sample_negatives(excluded: Tensor, num_negatives: int, num_instances: int) -> Tensor:
    """Draw ``(B, num_negatives)`` instances uniformly and with replacement.

    Several processes draw what one would for their whole batch.

    Args:
        excluded: int64 ``(B, M)`` instances that are no negatives, ascending and distinct in each
            row: the instance itself, and its positives where it has some.
        num_negatives: K.
        num_instances: N.

    Raises:
        ConfigError: nothing is left to draw from.
    """
    left = num_instances - excluded.shape[1]
    if left < 1:
        raise ConfigError(
            f"{num_instances} training files leave no negative beside {excluded.shape[1]} excluded "
            "ones. Add files or lower SSL.CMA.NUM_POSITIVES."
        )
    shape = (len(excluded), num_negatives)
    return skip_excluded(integers_of_batch(left, shape, excluded.device), excluded)
