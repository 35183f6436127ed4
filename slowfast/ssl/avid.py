"""AVID: audio-visual instance discrimination.

Morgado, Vasconcelos and Misra, "Audio-Visual Instance Discrimination with Cross-Modal Agreement",
section 3. Every training file is a class of its own; a clip has to find the memory of its own sound
among K others (*Cross*), of its own pictures (*Self*), or both (*Joint*).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from slowfast.models.build import MODEL_REGISTRY
from slowfast.ssl.criterion import AudioVisualCriterion, Contrast
from slowfast.ssl.encoder import AudioVisualEncoder


class AVID(nn.Module):
    """An audio-visual encoder with the criterion that trains it.

    Args:
        encoder: pictures and sound to embeddings.
        criterion: embeddings and file numbers to losses.
    """

    def __init__(self, encoder: AudioVisualEncoder, criterion: AudioVisualCriterion) -> None:
        super().__init__()
        self.encoder, self.criterion = encoder, criterion
        # Every process updates the banks by itself; DistributedDataParallel need not send them.
        self._ddp_params_and_buffers_to_ignore = [
            f"criterion.{name}" for name, _ in criterion.named_buffers()
        ]

    @property
    def video_backbone(self) -> nn.Module:
        """The video network without its projection head."""
        return self.encoder.video_backbone

    @property
    def audio_backbone(self) -> nn.Module:
        """The audio network without its projection head."""
        return self.encoder.audio_backbone

    def forward(self, batch: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return named losses, whose sum is minimised, and metrics.

        Args:
            batch: ``video`` list of one ``(B, 3, T, H, W)``, ``audio`` ``(B, 1, T, F)``, ``index``
                int64 ``(B,)``.
        """
        video, audio = self.encoder(batch["video"][0], batch["audio"])
        with torch.autocast(video.device.type, enabled=False):
            return self.criterion(video, audio, batch["index"])


def contrast_from_cfg(cfg) -> Contrast:
    """Read what AVID and AVID-CMA share from ``SSL.AVID`` and ``SSL.CMA``."""
    avid = cfg.SSL.AVID
    return Contrast(
        avid.LOSS, avid.NUM_NEGATIVES, cfg.SSL.CMA.NUM_NEGATIVES_WITHIN, avid.TEMPERATURE
    )


@MODEL_REGISTRY.register(name="AVID")
def build_avid(cfg, num_instances: int) -> AVID:
    """Build from ``MODEL.ARCH``, ``AUDIO.ARCH`` and ``SSL``.

    Args:
        num_instances: files of the training list, one memory each.
    """
    encoder = AudioVisualEncoder.from_cfg(cfg)
    avid = cfg.SSL.AVID
    weights = {"instance_cross": avid.CROSS, "instance_within": avid.WITHIN}
    criterion = AudioVisualCriterion(
        num_instances, encoder.dim, weights, contrast_from_cfg(cfg), tuple(avid.MOMENTUM)
    )
    return AVID(encoder, criterion)
