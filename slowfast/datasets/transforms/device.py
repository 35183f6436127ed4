"""From uint8 clips to what a network reads, on whatever device the clips are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from slowfast.datasets.sampling.temporal import slow_pathway_indices
from slowfast.datasets.transforms.color import apply_color_jitter


class ClipPreprocessor(nn.Module):
    """Scale, colour-jitter and normalise clips, and pack them into pathways.

    Args:
        mean, std: per channel, RGB, for values in [0, 1].
        reverse_channels: hand the network BGR.
        slow_alpha: 0 for one pathway; otherwise two, the slow one with ``T // slow_alpha`` frames.
        channels_last: hand out clips in the channels-last-3d memory format.
        color_rule: arithmetic of the colour jitter, see :func:`apply_color_jitter`.
    """

    def __init__(
        self,
        mean: Sequence[float],
        std: Sequence[float],
        reverse_channels: bool = False,
        slow_alpha: int = 0,
        channels_last: bool = False,
        color_rule: str = "torchvision",
    ) -> None:
        super().__init__()
        shape = (1, -1, 1, 1, 1)
        self.register_buffer("mean", torch.tensor(mean).view(shape), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(shape), persistent=False)
        self.reverse_channels = reverse_channels
        self.slow_alpha = slow_alpha
        self.channels_last = channels_last
        self.color_rule = color_rule

    @classmethod
    def from_cfg(cls, data, **options: Any) -> ClipPreprocessor:
        """Build with mean, deviation and order of channels of the ``DATA`` node of a config."""
        return cls(data.MEAN, data.STD, data.REVERSE_INPUT_CHANNEL, **options)

    def forward(self, clips: Tensor, color: Tensor | None = None) -> list[Tensor]:
        """Return pathways of float32 ``(B, 3, T, H, W)``.

        Args:
            clips: uint8 ``(B, 3, T, H, W)`` RGB; float clips, of a dataset class of PySlowFast's
                kind, are normalised already.
            color: ``(B, 7)`` draws, or None.
        """
        video = clips if clips.is_floating_point() else self._normalised(clips, color)
        if self.channels_last:
            video = video.contiguous(memory_format=torch.channels_last_3d)
        if not self.slow_alpha:
            return [video]
        slow = slow_pathway_indices(video.shape[2], self.slow_alpha)
        return [video[:, :, slow], video]

    def _normalised(self, clips: Tensor, color: Tensor | None) -> Tensor:
        video = clips.float().div_(255.0)
        if color is not None:
            video = apply_color_jitter(video, color, self.color_rule)
        video = (video - self.mean) / self.std
        return video.flip(1) if self.reverse_channels else video
