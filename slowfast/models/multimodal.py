"""One branch for each modality, and the encoder that joins them: what multi-modal methods train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from slowfast.models.audio import build_audio_backbone
from slowfast.models.backbones import build_backbone
from slowfast.models.heads import Projection, global_pool
from slowfast.models.heads.transformer_pooling import TransformerPooling, build_pooling
from slowfast.models.text.encoder import build_text_backbone


class Branch(nn.Module):
    """Backbone, pooling and projection of one modality, each callable by itself.

    Args:
        backbone: a network with ``feature_dim`` and ``pooling``.
        projection: from ``(B, C)`` to ``(B, D)``, with ``out_dim``.
        pooling: of the feature map, where it learns; else the backbone's way.
    """

    def __init__(
        self,
        backbone: nn.Module,
        projection: Projection,
        pooling: TransformerPooling | None = None,
    ) -> None:
        super().__init__()
        self.backbone, self.projection, self.pooling = backbone, projection, pooling
        self.dim = projection.out_dim

    def pool(self, features: Tensor, steps: int | None = None) -> Tensor:
        """Pool a feature map ``(B, C, *spatial)``, or a crop of it, to ``(B, C)``.

        Args:
            steps: of time in the whole map.
        """
        if self.pooling is not None:
            return self.pooling(features, steps)
        return global_pool(features, self.backbone.pooling)

    def forward(self, x: Tensor) -> Tensor:
        """Map what the backbone reads to embeddings ``(B, D)``, not normalised."""
        return self.projection(self.pool(self.backbone(x)))


class MultiModalEncoder(nn.Module):
    """Embeddings of several modalities.

    Parameters are named ``<modality>_backbone.*``, ``<modality>_projection.*`` and, where the
    pooling learns, ``<modality>_pooling.*``.

    Args:
        branches: by modality, such as ``{"video": Branch(...), "audio": Branch(...)}``.

    Attributes:
        branches: the same; a plain dict, so that their parameters keep the names above.
        dim: size of the embeddings of the first modality, and of all with a projection.
    """

    def __init__(self, branches: Mapping[str, Branch]) -> None:
        super().__init__()
        self.branches = dict(branches)
        # Backbones before projections: checkpoints number the parameters in this order.
        for part in ("backbone", "pooling", "projection"):
            for modality, branch in self.branches.items():
                if getattr(branch, part) is not None:
                    self.add_module(f"{modality}_{part}", getattr(branch, part))
        self.dim = next(iter(self.branches.values())).dim

    def parts(self) -> dict[str, nn.Module]:
        """Return ``<modality>_backbone``, ``_projection`` and ``_pooling`` of every branch."""
        return dict(self.named_children())

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Map inputs by modality, all or some, to embeddings ``(B, D)`` of these, not normalised."""
        return {m: branch(inputs[m]) for m, branch in self.branches.items() if m in inputs}


# How the backbone of a modality is built from a config.
BACKBONES = {
    "video": lambda cfg: build_backbone(cfg.MODEL.ARCH),
    "audio": lambda cfg: build_audio_backbone(cfg.AUDIO.ARCH),
    "text": lambda cfg: build_text_backbone(cfg.TEXT),
}
# And its projection head.
HEADS = {
    "relu": lambda width, ssl: Projection(width, ssl.PROJECTION),
    "batchnorm": lambda width, ssl: Projection(width, ssl.PROJECTION, ssl.DROPOUT),
}


def build_multimodal_encoder(cfg, modalities: Sequence[str]) -> MultiModalEncoder:
    """Build from ``MODEL.ARCH``, ``AUDIO.ARCH``, ``TEXT``, ``SSL.PROJECTION`` and ``SSL.HEAD``.

    ``MODEL.POOLING_*`` says how the feature map of the frames is pooled.
    """
    backbones = {modality: BACKBONES[modality](cfg) for modality in modalities}
    head, branches = HEADS[cfg.SSL.HEAD], {}
    for modality, backbone in backbones.items():
        width = backbone.feature_dim
        pooling = build_pooling(cfg.MODEL, width) if modality == "video" else None
        branches[modality] = Branch(backbone, head(width, cfg.SSL), pooling)
    return MultiModalEncoder(branches)
