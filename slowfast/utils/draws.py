"""Random numbers of a step that all processes must draw together, as one process would alone.

Negatives of a batch and the places of crops belong to the whole batch; dropout belongs to a process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from slowfast.utils import distributed as du

_seed = 0
_generators: dict[torch.device, torch.Generator] = {}
# Draws that the first part of a batch made, and how many of them the present part has taken.
_of_parts: list[Tensor] | None = None
_taken = 0


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


def draw_of_batch(draw: Callable[[torch.Generator | None], Tensor]) -> Tensor:
    """Return what ``draw`` makes of the generator of all processes, for every part of a batch alike."""
    global _taken
    drawn = draw(together())
    if _of_parts is None:
        return drawn
    if _taken == len(_of_parts):
        _of_parts.append(drawn)
    _taken += 1
    return _of_parts[_taken - 1]


@contextmanager
def part_of_batch(drawn: list[Tensor]) -> Iterator[None]:
    """Let :func:`draw_of_batch` return ``drawn``, which begins empty and is filled by the first part.

    Generators move on all the same, so that a part that is repeated has the dropout that it had.
    """
    global _of_parts, _taken
    _of_parts, _taken = drawn, 0
    try:
        yield
    finally:
        _of_parts = None


def integers_of_batch(high: int, shape: tuple[int, int], device: torch.device) -> Tensor:
    """Return this process's rows ``(B, K)`` of the integers below ``high`` for the whole batch."""
    rows, columns = shape
    rank, size = du.get_rank(), du.get_world_size()
    drawn = torch.randint(high, (size * rows, columns), generator=together(device), device=device)
    return drawn[rank * rows : (rank + 1) * rows]
