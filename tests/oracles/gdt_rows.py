"""Embeddings of the recorded losses of GDT and STiCA, by the formula that the recording names."""

import torch

P, Q, R, S, T, U = 0.9, 2.1, 0.6, 0.37, 1.7, 0.5


def rows(tag: int, rank: int, count: int, dim: int = 16) -> torch.Tensor:
    """Return unit rows ``(count, dim)`` in float64 of the samples of a process."""
    g = (rank * count + torch.arange(count, dtype=torch.float64))[:, None]
    c = torch.arange(dim, dtype=torch.float64)[None, :]
    raw = (P * c + Q * g).sin() + R * (S * c * (tag + 1) + T * g + U * tag).sin()
    return torch.nn.functional.normalize(raw, dim=1)
