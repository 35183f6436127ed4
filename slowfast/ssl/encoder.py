"""Two encoders with projection heads: what every audio-visual method trains."""

from __future__ import annotations

from torch import Tensor, nn

from slowfast.models.audio import build_audio_backbone
from slowfast.models.backbones import build_backbone
from slowfast.models.heads import Projection
from slowfast.models.heads.pooling import global_pool


class AudioVisualEncoder(nn.Module):
    """Embeddings of pictures and of sound.

    Args:
        video_backbone, audio_backbone: networks with ``feature_dim`` and ``pooling``.
        projection: sizes of the layers of both projection heads, see :class:`Projection`.

    Attributes:
        dim: size of the video embedding, and of the audio embedding unless there is no head.
    """

    def __init__(
        self, video_backbone: nn.Module, audio_backbone: nn.Module, projection: list[int]
    ) -> None:
        super().__init__()
        self.video_backbone, self.audio_backbone = video_backbone, audio_backbone
        self.video_projection = Projection(video_backbone.feature_dim, projection)
        self.audio_projection = Projection(audio_backbone.feature_dim, projection)
        self.dim = self.video_projection.out_dim

    @classmethod
    def from_cfg(cls, cfg) -> AudioVisualEncoder:
        """Build from ``MODEL.ARCH``, ``AUDIO.ARCH`` and ``SSL.PROJECTION``."""
        return cls(
            build_backbone(cfg.MODEL.ARCH),
            build_audio_backbone(cfg.AUDIO.ARCH),
            list(cfg.SSL.PROJECTION),
        )

    def embed_video(self, clips: Tensor) -> Tensor:
        """Map clips ``(B, 3, T, H, W)`` to ``(B, D)``, not normalised."""
        backbone = self.video_backbone
        return self.video_projection(global_pool(backbone(clips), backbone.pooling))

    def embed_audio(self, spectrograms: Tensor) -> Tensor:
        """Map log-spectrograms, in the layout of the network, to ``(B, D)``, not normalised."""
        backbone = self.audio_backbone
        return self.audio_projection(global_pool(backbone(spectrograms), backbone.pooling))

    def forward(self, clips: Tensor, spectrograms: Tensor) -> tuple[Tensor, Tensor]:
        """Return the video and the audio embeddings."""
        return self.embed_video(clips), self.embed_audio(spectrograms)
