"""AVID: audio-visual instance discrimination.

Morgado, Vasconcelos and Misra, "Audio-Visual Instance Discrimination with Cross-Modal Agreement",
section 3. Every training file is a class of its own; a clip has to find the memory of its own audio
among K others (*Cross*), of its own frames (*Self*), or both (*Joint*).
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from slowfast.models.multimodal import MultiModalEncoder, build_multimodal_encoder
from slowfast.ssl.base import SSL_METHODS, SSLModel
from slowfast.ssl.criterion import AudioVisualCriterion, ContrastiveConfig


@SSL_METHODS.register
class AVID(SSLModel):
    """An audio-visual encoder with the criterion that trains it.

    Args:
        encoder: frames and audio to embeddings.
        criterion: embeddings and file numbers to losses.
    """

    modalities: ClassVar[tuple[str, ...]] = ("video", "audio")

    def __init__(self, encoder: MultiModalEncoder, criterion: AudioVisualCriterion) -> None:
        super().__init__()
        self.encoder, self.criterion = encoder, criterion

    @classmethod
    def from_cfg(cls, cfg, items) -> AVID:
        """Build from ``MODEL.ARCH``, ``AUDIO.ARCH``, ``SSL.PROJECTION`` and ``SSL.AVID``."""
        encoder, avid = build_multimodal_encoder(cfg, cls.modalities), cfg.SSL.AVID
        weights = {"instance_cross": avid.CROSS, "instance_within": avid.WITHIN}
        contrast = ContrastiveConfig(avid.LOSS, avid.NUM_NEGATIVES, temperature=avid.TEMPERATURE)
        momentum = tuple(avid.MOMENTUM)
        criterion = AudioVisualCriterion(len(items), encoder.dim, weights, contrast, momentum)
        return cls(encoder, criterion)

    def losses(
        self, embeddings: dict[str, Tensor], batch: dict[str, Any]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return named losses, whose sum is minimised, and metrics.

        Args:
            embeddings: ``video`` and ``audio`` ``(B, D)``.
            batch: of which ``index`` int64 ``(B,)`` is read.
        """
        video, audio = embeddings["video"], embeddings["audio"]
        with torch.autocast(video.device.type, enabled=False):
            return self.criterion(video, audio, batch["index"])
