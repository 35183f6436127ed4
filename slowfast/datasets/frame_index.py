"""Frame numbers of clips from extracted frames, and of the slow pathway.

The rules are PySlowFast's (facebookresearch/SlowFast, ``slowfast/datasets``), as pure functions.
"""

from __future__ import annotations

import numpy as np


def slow_pathway_indices(num_frames: int, alpha: int) -> list[int]:
    """Return which of ``num_frames`` fast frames the slow pathway sees: ``T // alpha`` of them."""
    return np.linspace(0, num_frames - 1, num_frames // alpha).astype(np.int64).tolist()


def strided_view(
    video_length: int, num_frames: int, stride: int, view: int, num_views: int
) -> list[int]:
    """Return test view ``view`` of ``num_views``, evenly spread and clamped (Charades).

    A single view is centred.
    """
    room = max(video_length - ((num_frames - 1) * stride + 1), 0)
    share = view / (num_views - 1) if num_views > 1 else 0.5
    start = round(room * share)
    return np.clip(start + stride * np.arange(num_frames), 0, video_length - 1).tolist()
