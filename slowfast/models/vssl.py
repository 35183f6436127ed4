"""``VSSL``: a video backbone with a head, the network of SEVERE's configs.

Thoker et al., "How Severe is Benchmark-Sensitivity in Video Self-Supervised Learning?".
"""

from __future__ import annotations

import math

from torch import Tensor, nn

from slowfast.models.backbones import build_backbone
from slowfast.models.build import MODEL_REGISTRY
from slowfast.models.freezing import Freezer, PartlyFrozen
from slowfast.models.heads import BasicHead, RoIHead
from slowfast.models.heads.transformer_pooling import TransformerPooling, build_pooling
from slowfast.models.parts import HEAD, VIDEO_BACKBONE, VIDEO_POOLING, backbones_of
from slowfast.utils.errors import ConfigError


class VSSL(PartlyFrozen):
    """Backbone, pooling and classifier.

    Args:
        backbone: see :mod:`slowfast.models.backbones`.
        head: maps the feature map to scores.
        clip_size: frames and pixels ``(T, S, S)`` of a training clip.
        pooling: of the map over time, before the head.
        freeze: a mode of :class:`slowfast.models.freezing.Freezer`.
    """

    def __init__(
        self,
        backbone: nn.Module,
        head: nn.Module,
        clip_size: tuple[int, int, int],
        freeze: str = "none",
        pooling: TransformerPooling | None = None,
    ) -> None:
        super().__init__()
        self.backbone, self.pooling = backbone, pooling
        self.head = head
        self.clip_size = clip_size
        self._freezer = Freezer(nn.ModuleList(backbones_of(self)), freeze)

    def parts(self) -> dict[str, nn.Module]:
        """Return the backbone, the pooling where it learns, and the head."""
        pooling = {} if self.pooling is None else {VIDEO_POOLING: self.pooling}
        return {VIDEO_BACKBONE: self.backbone, **pooling, HEAD: self.head}

    @property
    def map_size(self) -> tuple[int, ...]:
        """Size ``(t, h, w)`` of the feature map of a training clip."""
        strides = self.backbone.strides
        return tuple(math.ceil(n / s) for n, s in zip(self.clip_size, strides, strict=True))

    def forward(self, video: list[Tensor] | Tensor, boxes: Tensor | None = None) -> Tensor:
        """Return scores ``(B, num_classes)``, or ``(N, num_classes)`` of boxes.

        Args:
            video: one pathway ``(B, 3, T, H, W)``, alone or in a list as PySlowFast hands it over.
            boxes: ``(N, 5)`` for the detection head, see :class:`RoIHead`.
        """
        features = self.backbone(video if isinstance(video, Tensor) else video[0])
        if self.pooling is not None:
            features = self.pooling(features)[:, :, None, None, None]
        return self.head(features, self.map_size if boxes is None else boxes)


@MODEL_REGISTRY.register(name="VSSL")
def vssl(cfg) -> VSSL:
    """Build from ``MODEL.ARCH`` (the backbone), ``MODEL.NUM_CLASSES`` and the head's keys."""
    model, data = cfg.MODEL, cfg.DATA
    backbone = build_backbone(model.ARCH)
    head = _roi_head(cfg, backbone) if cfg.DETECTION.ENABLE else _basic_head(cfg, backbone)
    freeze = model.FREEZE
    if model.FROZEN_BN and freeze == "bn_parameters":
        raise ConfigError("MODEL.FROZEN_BN True and MODEL.FREEZE bn_parameters exclude each other.")
    if model.FROZEN_BN and freeze == "none":
        freeze = "bn_statistics"
    side = data.TRAIN_CROP_SIZE
    pooling = build_pooling(model, backbone.feature_dim)
    if pooling is not None and cfg.DETECTION.ENABLE:
        raise ConfigError("MODEL.POOLING_LAYERS: boxes need the whole feature map; set it to 0.")
    return VSSL(backbone, head, (data.NUM_FRAMES, side, side), freeze, pooling)


def _basic_head(cfg, backbone: nn.Module) -> BasicHead:
    model = cfg.MODEL
    return BasicHead(
        backbone.feature_dim,
        model.NUM_CLASSES,
        pooling=backbone.pooling,
        dropout=model.DROPOUT_RATE,
        activation="none" if cfg.TEST.ENSEMBLE_ON == "logits" else model.HEAD_ACT,
        init_std=model.FC_INIT_STD,
        init=model.FC_INIT,
        norm=model.HEAD_NORM,
    )


def _roi_head(cfg, backbone: nn.Module) -> RoIHead:
    model, detection = cfg.MODEL, cfg.DETECTION
    stride = backbone.strides[1]
    if detection.SPATIAL_SCALE_FACTOR != stride:
        raise ConfigError(
            f"DETECTION.SPATIAL_SCALE_FACTOR is {detection.SPATIAL_SCALE_FACTOR}, but a cell of "
            f"{model.ARCH}'s map spans {stride} pixels: set it to {stride}."
        )
    return RoIHead(
        backbone.feature_dim,
        model.NUM_CLASSES,
        stride=stride,
        resolution=detection.ROI_XFORM_RESOLUTION,
        aligned=detection.ALIGNED,
        dropout=model.DROPOUT_RATE,
        activation=model.HEAD_ACT,
        init=model.FC_INIT,
        init_std=model.FC_INIT_STD,
    )
