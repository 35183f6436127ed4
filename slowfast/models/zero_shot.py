"""``ZeroShot``: a video network that lands on the word vector of a class.

Brattoli et al., "Rethinking Zero-shot Video Classification: End-to-end Training for Realistic
Applications" (CVPR 2020).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from slowfast.models.backbones import build_backbone
from slowfast.models.build import MODEL_REGISTRY
from slowfast.models.freezing import Freezer, PartlyFrozen
from slowfast.models.heads.pooling import global_pool
from slowfast.models.parts import HEAD, VIDEO_BACKBONE
from slowfast.models.text.sentences import open_name_vectors


class ZeroShot(PartlyFrozen):
    """Backbone, the mean over clips, and a linear layer to the space of words.

    Args:
        backbone: see :mod:`slowfast.models.backbones`.
        dim: D, of a word vector.
        dropout: before the linear layer.
        freeze: a mode of :class:`slowfast.models.freezing.Freezer`.
    """

    def __init__(
        self, backbone: nn.Module, dim: int, dropout: float = 0.05, freeze: str = "none"
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        self.regressor = nn.Linear(backbone.feature_dim, dim)
        self._freezer = Freezer(backbone, freeze)

    def parts(self) -> dict[str, nn.Module]:
        """Return the backbone and the head."""
        return {VIDEO_BACKBONE: self.backbone, HEAD: self.regressor}

    def features(self, clips: Tensor) -> Tensor:
        """Return pooled features ``(N, C)`` of clips ``(N, 3, T, H, W)``."""
        return global_pool(self.backbone(clips), self.backbone.pooling)

    def embed(self, features: Tensor) -> Tensor:
        """Return unit vectors ``(N, D)`` of features ``(N, C)``."""
        return F.normalize(self.regressor(self.dropout(features)), dim=-1, eps=1e-12)

    def forward(self, video: list[Tensor] | Tensor, views: int = 1) -> Tensor:
        """Return unit vectors ``(B, D)``.

        Args:
            video: clips ``(B * views, 3, T, H, W)``, alone or in a list.
            views: clips of a video, one after the other, whose features are averaged.
        """
        clips = video if isinstance(video, Tensor) else video[0]
        return self.embed(self.features(clips).unflatten(0, (-1, views)).mean(dim=1))


def vector_loss(embeddings: Tensor, targets: Tensor, reduction: str = "mean") -> Tensor:
    """Return the squared distance of unit vectors ``(B, D)`` to those of their classes.

    Args:
        reduction: ``mean`` over all B x D numbers, as in the released code; ``per_sample_sum`` over
            D, and then the mean over B.
    """
    squared = (embeddings - targets).square()
    return squared.mean() if reduction == "mean" else squared.sum(dim=1).mean()


@MODEL_REGISTRY.register(name="ZeroShot")
def zero_shot(cfg) -> ZeroShot:
    """Build from ``MODEL.ARCH``, ``MODEL.DROPOUT_RATE`` and ``ZERO_SHOT.VECTORS``."""
    model = cfg.MODEL
    dim = open_name_vectors(cfg.ZERO_SHOT.VECTORS).dim
    return ZeroShot(build_backbone(model.ARCH), dim, model.DROPOUT_RATE, model.FREEZE)
