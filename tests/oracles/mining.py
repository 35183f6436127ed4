"""Positive sets one pair at a time, in float64: slow, and hard to get wrong."""

from __future__ import annotations

import numpy as np
import torch

SCORES = {
    "consensus": lambda video, audio: min(video, audio),
    "union": lambda video, audio: max(video, audio),
    "video": lambda video, audio: video,
    "audio": lambda video, audio: audio,
}


def random_banks(size: int, dim: int = 16, seed: int = 0):
    """Return a video and an audio bank ``(size, dim)`` of unit rows."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(2, size, dim, generator=generator)
    return tuple(torch.nn.functional.normalize(rows, dim=2))


def score(video: torch.Tensor, audio: torch.Tensor, i: int, j: int, agreement: str) -> float:
    """Return how well rows i and j agree."""
    video_cosine = float(np.dot(video[i].double().numpy(), video[j].double().numpy()))
    audio_cosine = float(np.dot(audio[i].double().numpy(), audio[j].double().numpy()))
    return SCORES[agreement](video_cosine, audio_cosine)


def positive_set(video, audio, i: int, k: int, agreement: str, valid=None) -> list[int]:
    """Return the k rows other than i that agree best with i, ascending."""
    others = [j for j in range(len(video)) if j != i and (valid is None or valid[j])]
    others.sort(key=lambda j: score(video, audio, i, j, agreement), reverse=True)
    return sorted(others[:k])


def positive_sets(video, audio, k: int, agreement: str, valid=None) -> list[list[int]]:
    """Return the set of every row."""
    return [positive_set(video, audio, i, k, agreement, valid) for i in range(len(video))]
