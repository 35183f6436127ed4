"""Memory banks and embeddings of the recorded AVID and CMA numbers, by the formula of their authors.

Everything is computed in float64 and rounded to float32 at the end; embeddings come as float64. ``inputs`` is the entry of that
name in ``fixtures/avid/loss_avid.json``, ``loss_cma.json`` and ``cma_positive_sets.json``.
"""

from __future__ import annotations

import numpy as np
import torch
from oracles.fills import rounded


def unit_rows(matrix: np.ndarray) -> np.ndarray:
    return matrix / np.sqrt((matrix * matrix).sum(axis=1, keepdims=True))


def chirp(rows: int, dim: int, tag: int, constants: dict) -> np.ndarray:
    j = np.arange(rows * dim, dtype=np.float64)
    c, q, q2 = constants["c"], constants["q"], constants["q2"]
    return np.sin(q * j * j + c * tag * j + q2 * tag).reshape(rows, dim)


def banks64(inputs: dict) -> tuple[np.ndarray, np.ndarray]:
    """Return the video and the audio bank ``(N, D)`` in float64: waves around 8 and 6 centres."""
    rows, dim, constants = inputs["N"], inputs["D"], inputs["constants"]
    first = constants["T"]
    made = []
    for number, centres in enumerate((8, 6)):
        own = chirp(rows, dim, first + number, constants)
        shared = chirp(centres, dim, first + 2 + number, constants)
        made.append(unit_rows(own + 0.6 * shared[np.arange(rows) % centres]))
    return made[0], made[1]


def banks(inputs: dict) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the video and the audio bank ``(N, D)``."""
    video, audio = banks64(inputs)
    return torch.from_numpy(video).float(), torch.from_numpy(audio).float()


def embeddings(inputs: dict) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the raw, not normalised video and audio embeddings ``(B, D)`` of instances ``y``."""
    size, dim, constants = inputs["B"], inputs["D"], inputs["constants"]
    made = []
    for number, (bank, length) in enumerate(zip(banks64(inputs), (2.0, 3.0), strict=True)):
        noise = unit_rows(chirp(size, dim, constants["T"] + 4 + number, constants))
        made.append(length * (0.7 * bank[inputs["y"]] + 0.5 * noise))
    return rounded(made[0]), rounded(made[1])
