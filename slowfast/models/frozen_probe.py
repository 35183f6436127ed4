"""Linear classifiers on several layers of a frozen video network, trained end to end on clips."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from slowfast.models.backbones import build_backbone
from slowfast.models.build import MODEL_REGISTRY
from slowfast.models.feature_maps import EMBEDDING, FeatureName, Taps, parse_features
from slowfast.models.freezing import Freezer, PartlyFrozen
from slowfast.models.heads.linear_probes import LinearProbes
from slowfast.models.parts import HEAD, VIDEO_BACKBONE
from slowfast.utils.errors import ConfigError

SIDE = 64  # pixels of the clip by which the sizes of features are found


class FrozenProbe(PartlyFrozen):
    """A frozen backbone, and batch norm with a linear layer for each of its features.

    One forward pass of the backbone serves all of them. It stays in eval mode, so that neither its
    parameters nor its running statistics move.

    Args:
        backbone: see :mod:`slowfast.models.backbones`.
        features: vectors of its layers.
        num_classes: C.
        num_frames: of a clip.
        affine: see :class:`LinearProbes`.
        seed: of the initial weights of the classifiers.
    """

    def __init__(
        self,
        backbone: nn.Module,
        features: Sequence[FeatureName],
        num_classes: int,
        num_frames: int,
        affine: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.backbone, self.features = backbone, list(features)
        self.taps = Taps(backbone, features)
        self._freezer = Freezer(backbone, "backbone")
        backbone.eval()
        found = self.extract(torch.zeros(2, 3, num_frames, SIDE, SIDE))
        self.head = nn.ModuleList(
            LinearProbes(found[f.text].shape[1], num_classes, 1, affine, seed) for f in features
        )

    def parts(self) -> dict[str, nn.Module]:
        """Return the backbone and the classifiers."""
        return {VIDEO_BACKBONE: self.backbone, HEAD: self.head}

    @torch.no_grad()
    def extract(self, clip: Tensor) -> dict[str, Tensor]:
        """Return the features of clips by their names."""
        found: dict[str, Tensor] = {}
        with self.taps.into(found):
            self.backbone(clip)
        return found

    def forward(self, video: list[Tensor]) -> Tensor:
        """Return ``(B, L, C)`` for L features: logits in training, probabilities in eval mode."""
        found = self.extract(video[0])
        pairs = zip(self.head, self.features, strict=True)
        scores = torch.stack([head(found[f.text].float())[0] for head, f in pairs], dim=1)
        return scores if self.training else scores.float().softmax(dim=2)


@MODEL_REGISTRY.register(name="FrozenProbe")
def build_frozen_probe(cfg) -> FrozenProbe:
    """Build from ``MODEL.ARCH``, ``MODEL.NUM_CLASSES`` and ``PROBE.FEATURES``.

    Raises:
        ConfigError: features that are not vectors of the video network.
    """
    features = parse_features(cfg.PROBE.FEATURES, "PROBE.FEATURES")
    for feature in features:
        if feature.modality != "video" or feature.layer == EMBEDDING or feature.is_tokens:
            raise ConfigError(
                f"PROBE.FEATURES {feature.text}: MODEL.MODEL_NAME FrozenProbe takes vectors of layers "
                "of the video network, such as video.conv4x:max6."
            )
    return FrozenProbe(
        build_backbone(cfg.MODEL.ARCH),
        features,
        cfg.MODEL.NUM_CLASSES,
        cfg.DATA.NUM_FRAMES,
        cfg.PROBE.AFFINE_BN,
        cfg.RNG_SEED,
    )
