"""The head of action detection: scores of each box (PySlowFast's ``ResNetRoIHead``)."""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.ops import roi_align

from slowfast.models.heads.basic import ACTIVATIONS, init_classifier
from slowfast.models.heads.pooling import global_pool
from slowfast.utils.errors import ConfigError
from slowfast.utils.precision import at_least_float32


class RoIHead(nn.Module):
    """Average over time, cut out the boxes, max over space, classify.

    Args:
        feature_dim: channels C of the map.
        num_classes: number of scores.
        stride: pixels of the clip per cell of the map.
        resolution: cells along each side of a cut-out box.
        aligned: half-pixel offset of RoIAlign (He et al., "Mask R-CNN"; detectron2).
        dropout: probability.
        activation: ``sigmoid``, ``softmax`` or ``none``; applied in training too.
        init, init_std: see :class:`BasicHead`.
    """

    def __init__(
        self,
        feature_dim: int,
        num_classes: int,
        stride: int = 16,
        resolution: int = 7,
        aligned: bool = True,
        dropout: float = 0.0,
        activation: str = "sigmoid",
        init: str = "normal",
        init_std: float = 0.01,
    ) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ConfigError(
                f"MODEL.HEAD_ACT {activation!r}: choose one of {', '.join(ACTIVATIONS)}."
            )
        self.stride, self.resolution, self.aligned = stride, resolution, aligned
        self.activation = activation
        self.dropout = nn.Dropout(dropout)
        self.projection = init_classifier(nn.Linear(feature_dim, num_classes), init, init_std)

    def forward(self, features: Tensor, boxes: Tensor) -> Tensor:
        """Return activated scores ``(N, num_classes)``, in float32 at least.

        Args:
            features: ``(B, C, t, h, w)``; any ``t`` is averaged.
            boxes: ``(N, 5)`` of ``[index in the batch, x1, y1, x2, y2]`` in pixels of the clip.
        """
        maps = at_least_float32(features.mean(dim=2))
        cells = roi_align(
            maps,
            boxes.to(maps.dtype),
            self.resolution,
            spatial_scale=1 / self.stride,
            sampling_ratio=0,
            aligned=self.aligned,
        )
        pooled = global_pool(cells, "max")
        scores = self.projection(self.dropout(pooled))
        return ACTIVATIONS[self.activation](at_least_float32(scores))
