"""Where a run stands, and how random numbers follow from it."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass

import numpy as np
import torch


@dataclass
class Progress:
    """The position of a run.

    Attributes:
        epoch: whole epochs done.
        step: optimizer steps done in the current epoch.
        global_step: optimizer steps done in all.
    """

    epoch: int = 0
    step: int = 0
    global_step: int = 0

    def as_dict(self) -> dict[str, int]:
        """Return plain numbers for a checkpoint."""
        return asdict(self)


def seed_step(seed: int, global_step: int, rank: int) -> None:
    """Seed every generator from the position in the run.

    Random numbers of a step (dropout, sampled negatives) then depend on nothing that an
    interruption could lose, and no generator state needs to be saved.
    """
    words = np.random.SeedSequence([seed, global_step, rank]).generate_state(2)
    torch.manual_seed(int(words[0]))
    np.random.seed(int(words[1]))  # libraries draw from the global generator
    random.seed(int(words[1]))


# Read on the host, number by number: on the device every number would cost a synchronisation.
HOST_KEYS = ("color",)


def batch_to_device(batch: dict, device: torch.device) -> dict:
    """Move the tensors of a batch, asynchronously from pinned memory."""
    return {
        key: value.to(device, non_blocking=True)
        if isinstance(value, torch.Tensor) and key not in HOST_KEYS
        else value
        for key, value in batch.items()
    }
