"""A method: two clips of a video find each other among the clips of the batch.

The loss is NT-Xent (Chen et al., "A Simple Framework for Contrastive Learning of Visual
Representations", equation 1), on frames alone.
"""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from slowfast.config import CfgNode
from slowfast.config.defaults import _C
from slowfast.models.backbones import build_backbone
from slowfast.models.heads.pooling import global_pool
from slowfast.ssl.base import SSL_METHODS, SSLModel

_C.TWO_VIEWS = CfgNode({"TEMPERATURE": 0.1, "DIM": 16})


@SSL_METHODS.register
class TwoViews(SSLModel):
    """A backbone with a projection, trained by NT-Xent.

    Args:
        backbone: a video network.
        dim: size of the embedding.
        temperature: of the softmax.
    """

    modalities: ClassVar[tuple[str, ...]] = ("video",)
    views = 2

    def __init__(self, backbone: nn.Module, dim: int, temperature: float) -> None:
        super().__init__()
        self.backbone, self.temperature = backbone, temperature
        self.projection = nn.Linear(backbone.feature_dim, dim)

    @classmethod
    def from_cfg(cls, cfg, items) -> "TwoViews":
        """Build from ``MODEL.ARCH`` and ``TWO_VIEWS``."""
        node = cfg.TWO_VIEWS
        return cls(build_backbone(cfg.MODEL.ARCH), node.DIM, node.TEMPERATURE)

    def parts(self) -> dict[str, nn.Module]:
        """Return the networks by the names of :mod:`slowfast.models.parts`."""
        return {"video_backbone": self.backbone}

    def embed(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """Return embeddings of clips, two of each video one after the other in training."""
        (clips,) = batch["video"]
        return {"video": self.projection(global_pool(self.backbone(clips), self.backbone.pooling))}

    def forward(self, batch: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the loss, and how often the other clip of a video is the nearest."""
        unit = F.normalize(self.embed(batch)["video"].float(), dim=1)
        scores = unit @ unit.T / self.temperature
        scores = scores.masked_fill(torch.eye(len(unit), device=unit.device).bool(), -torch.inf)
        partner = torch.arange(len(unit), device=unit.device) ^ 1
        found = 100.0 * (scores.argmax(dim=1) == partner).float().mean()
        return {"nt_xent": F.cross_entropy(scores, partner)}, {"found": found}
