"""GDT: contrastive learning from compositions of transformations of frames and audio, or text.

Patrick et al., "On Compositions of Transformations in Contrastive Self-Supervised Learning" (ICCV
2021). Each clip is read at one or two starts, forwards and maybe backwards; whether views that differ
in a step are positives or negatives is the hypothesis (:mod:`slowfast.ssl.transformations`).
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from slowfast.datasets.views import ViewPlan
from slowfast.models.multimodal import MultiModalEncoder, build_multimodal_encoder
from slowfast.ssl.base import SSL_METHODS, SSLModel, network_input, share_matched
from slowfast.ssl.gdt_loss import gdt_loss
from slowfast.ssl.transformations import MARKS, Hypothesis, find_hypothesis, parse_steps
from slowfast.utils.errors import ConfigError
from slowfast.utils.logging import get_logger

logger = get_logger(__name__)


@SSL_METHODS.register
class GDT(SSLModel):
    """An encoder of frames and audio, trained to tell or to ignore transformations.

    Args:
        encoder: both modalities to embeddings.
        hypothesis: the role of each step.
        temperature, negatives, key_gradient: see :func:`gdt_loss`.
    """

    modalities: ClassVar[tuple[str, ...]] = ("video", "audio")

    def __init__(
        self,
        encoder: MultiModalEncoder,
        hypothesis: Hypothesis,
        temperature: float = 0.07,
        negatives: str = "clean",
        key_gradient: bool = False,
    ) -> None:
        super().__init__()
        self.encoder, self.hypothesis = encoder, hypothesis
        self.temperature, self.negatives = temperature, negatives
        self.key_gradient = key_gradient

    @classmethod
    def from_cfg(cls, cfg, items) -> GDT:
        """Build from ``MODEL.ARCH``, that of the other modality, the head's keys and ``SSL.GDT``."""
        gdt, hypothesis = cfg.SSL.GDT, _hypothesis_of(cfg.SSL.GDT)
        logger.info("%s", hypothesis.table())
        encoder = build_multimodal_encoder(cfg, cls.modalities)
        return cls(encoder, hypothesis, gdt.TEMPERATURE, gdt.NEGATIVES, gdt.KEY_GRADIENT)

    @classmethod
    def build_view_plan(cls, cfg) -> ViewPlan:
        """Return only the views that the hypothesis needs."""
        active = _hypothesis_of(cfg.SSL.GDT).active
        if "shift" not in active:
            return ViewPlan(reverse="reversal" in active)
        low, high = cfg.SSL.GDT.SHIFT_DISTANCE
        if 0 < high < low:
            raise ConfigError(f"SSL.GDT.SHIFT_DISTANCE [{low:g}, {high:g}]: minimum first.")
        return ViewPlan(2, "reversal" in active, distance=(low, high or math.inf))

    def encode(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """Return the embeddings ``(B, V, D)`` of all views, in the order of the hypothesis.

        Each view has a forward pass of its own, so that batch normalisation never mixes them.
        """
        count = len(self.hypothesis.views)
        views = zip(
            *(network_input(batch, m).unflatten(0, (-1, count)).unbind(1) for m in self.modalities),
            strict=True,
        )
        found = [self.encoder(dict(zip(self.modalities, view, strict=True))) for view in views]
        return {m: torch.stack([view[m] for view in found], dim=1) for m in self.modalities}

    def losses(
        self, embeddings: dict[str, Tensor], batch: dict[str, Any]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the blocks of the loss, and how far each step shows in the embeddings.

        ``gap_STEP`` is the mean cosine of frames and audio (or text) of one view less that of two
        views that differ in the step: positive where the network tells them apart. ``matched`` is the
        share, in percent, of clips whose own audio (or text) is the nearest of this process.
        """
        with torch.autocast(embeddings["video"].device.type, enabled=False):
            units = (F.normalize(embeddings[m].float(), dim=-1) for m in self.modalities)
            pairs = zip(*(unit.unbind(1) for unit in units), strict=True)
            views = dict(zip(self.hypothesis.views, pairs, strict=True))
            options = (self.temperature, self.negatives, None, self.key_gradient)
            losses = gdt_loss(views, self.hypothesis, *options)
        with torch.no_grad():
            clip, partner = views[""]
            metrics = {"matched": share_matched(clip, partner)}
            for step in self.hypothesis.active:
                other = views[MARKS[step]][1]
                metrics[f"gap_{step}"] = (clip * (partner - other)).sum(dim=1).mean()
        return losses, metrics


@SSL_METHODS.register(name="GDT_TEXT")
class GDTText(GDT):
    """The same with the words that are spoken in place of the audio.

    A view's text is a caption and its frames are those around it, so that a shift in time is another
    caption. The text network knows no order: its embedding of a reversed view is that of the view.
    """

    modalities: ClassVar[tuple[str, ...]] = ("video", "text")


def _hypothesis_of(gdt) -> Hypothesis:
    """Return the hypothesis of the node ``SSL.GDT``."""
    return parse_steps(gdt.STEPS) if gdt.STEPS else find_hypothesis(gdt.HYPOTHESIS)
