"""Random numbers of a step that all processes must draw together, as one process would alone.

Negatives of a batch and the places of crops belong to the whole batch; dropout belongs to a process.
"""

from __future__ import annotations

import torch
from torch import Tensor

from slowfast.utils import distributed as du

_seed = 0
_generators: dict[torch.device, torch.Generator] = {}


def seed_together(seed: int) -> None:
    """Begin anew in all processes, with the seed of the default generator of process 0."""
    global _seed
    _seed = seed
    _generators.clear()


def together(device: torch.device | str = "cpu") -> torch.Generator | None:
    """Return the generator that is equal in all processes; None, the default one, for one alone."""
    if du.get_world_size() == 1:
        return None
    device = torch.device(device)
    if device not in _generators:
        _generators[device] = torch.Generator(device).manual_seed(_seed)
    return _generators[device]


def integers_of_batch(high: int, shape: tuple[int, int], device: torch.device) -> Tensor:
    """Return this process's rows ``(B, K)`` of the integers below ``high`` for the whole batch."""
    rows, columns = shape
    rank, size = du.get_rank(), du.get_world_size()
    drawn = torch.randint(high, (size * rows, columns), generator=together(device), device=device)
    return drawn[rank * rows : (rank + 1) * rows]
