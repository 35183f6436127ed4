"""AVID-CMA: positives that both modalities agree on.

Morgado, Vasconcelos and Misra, "Audio-Visual Instance Discrimination with Cross-Modal Agreement",
section 4. Starts from AVID's weights and memories; now and then the memories are searched for the
instances that are most alike both in audio and in video, and clips are drawn to the memories of
those instances as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from slowfast.models.multimodal import MultiModalEncoder, build_multimodal_encoder
from slowfast.ssl.avid import AVID
from slowfast.ssl.base import SSL_METHODS
from slowfast.ssl.criterion import AudioVisualCriterion, ContrastiveConfig
from slowfast.ssl.mining import mine_over_processes
from slowfast.utils.errors import ConfigError, TrainingError
from slowfast.utils.logging import get_logger

logger = get_logger(__name__)

OVERLAP_ROWS = 8192


@SSL_METHODS.register(name="AVID_CMA")
class AVIDCMA(AVID):
    """AVID with positive sets that are searched anew every few epochs.

    Args:
        encoder, criterion: as for :class:`AVID`; the criterion has positive sets.
        agreement: see :func:`slowfast.ssl.mining.mine_positives`.
        refresh_epochs: epochs between two searches, 0 for only one.
        exclude_self: False drops the best match instead, as the released code does.
        labels: classes of the training files, -1 for unknown; only to measure the positives.

    Attributes:
        searched_epoch: the epoch of the last search, -1 before the first.
    """

    def __init__(
        self,
        encoder: MultiModalEncoder,
        criterion: AudioVisualCriterion,
        agreement: str = "consensus",
        refresh_epochs: int = 5,
        exclude_self: bool = True,
        labels: Sequence[int] = (),
    ) -> None:
        super().__init__(encoder, criterion)
        self.labels = torch.as_tensor(labels)
        self.agreement, self.refresh_epochs = agreement, refresh_epochs
        self.exclude_self = exclude_self
        self.register_buffer("searched_epoch", torch.tensor(-1))
        self._has_positives = False

    @classmethod
    def from_cfg(cls, cfg, items) -> AVIDCMA:
        """Build from ``MODEL.ARCH``, ``AUDIO.ARCH``, ``SSL.PROJECTION``, ``SSL.AVID`` and ``SSL.CMA``.

        Raises:
            ConfigError: there are no trained memories to search.
        """
        if not cfg.SSL.CHECKPOINT or cfg.SSL.CHECKPOINT_PARTS != "all":
            raise ConfigError(
                "AVID_CMA searches its positives among trained memories: set SSL.CHECKPOINT to the "
                "folder of an AVID run, with SSL.CHECKPOINT_PARTS all."
            )
        encoder = build_multimodal_encoder(cfg, cls.modalities)
        avid, cma = cfg.SSL.AVID, cfg.SSL.CMA
        groups = ("INSTANCE_CROSS", "INSTANCE_WITHIN", "POSITIVE_CROSS", "POSITIVE_WITHIN")
        criterion = AudioVisualCriterion(
            len(items),
            encoder.dim,
            {group.lower(): cma[group] for group in groups},
            ContrastiveConfig(
                avid.LOSS, avid.NUM_NEGATIVES, cma.NUM_NEGATIVES_WITHIN, avid.TEMPERATURE
            ),
            tuple(avid.MOMENTUM),
            num_positives=cma.NUM_POSITIVES,
            self_is_negative=cma.LEGACY,
        )
        how = (cma.AGREEMENT, cma.REFRESH_EPOCHS, not cma.LEGACY)
        return cls(encoder, criterion, *how, labels=items.labels)

    def losses(
        self, embeddings: dict[str, Tensor], batch: dict[str, Any]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return named losses and metrics, as :class:`AVID` does.

        Raises:
            TrainingError: no positives were searched yet.
        """
        if not self._has_positives:
            raise TrainingError("AVID-CMA has no positives yet: on_epoch_start was not called.")
        return super().losses(embeddings, batch)

    def on_epoch_start(self, epoch: int) -> dict[str, float]:
        """Search for positives when it is time.

        Returns:
            Nothing without a search; else ``positive_overlap`` with the sets before, if there were
            any, and ``positive_purity``, the share of positives of the same class, if known.
        """
        last = int(self.searched_epoch)
        due = self.refresh_epochs and epoch % self.refresh_epochs == 0 and epoch != last
        self._has_positives = True
        if last >= 0 and not due:
            return {}
        criterion = self.criterion
        written = criterion.video_bank.written_at >= 0
        if not written.all():
            logger.warning(
                "%d of %d memories were never written. Unwritten entries are excluded as positives; "
                "their own positive sets are arbitrary until the next search.",
                int((~written).sum()),
                len(written),
            )
        found = mine_over_processes(
            criterion.video_bank.rows,
            criterion.audio_bank.rows,
            criterion.positives.shape[1],
            self.agreement,
            valid=None if bool(written.all()) else written,
            exclude_self=self.exclude_self,
        )
        before = criterion.positives.clone()
        criterion.positives.copy_(found)
        self.searched_epoch.fill_(epoch)
        numbers = {"positive_overlap": overlap(before, criterion.positives)} if last >= 0 else {}
        return {**numbers, **self._purity()}

    def _purity(self) -> dict[str, float]:
        if not len(self.labels) or (self.labels < 0).any():
            return {}
        same = self.labels[self.criterion.positives.cpu().long()] == self.labels[:, None]
        return {"positive_purity": same.float().mean().item()}

    def prepare_dry_run(self) -> None:
        """Take the next files of the list as positives, so that a step can be tried."""
        positives = self.criterion.positives
        rows = torch.arange(len(positives), device=positives.device)[:, None]
        following = torch.arange(1, positives.shape[1] + 1, device=positives.device)
        positives.copy_(((rows + following) % len(positives)).sort(dim=1).values)
        self._has_positives = True


def overlap(before: Tensor, after: Tensor) -> float:
    """Return the mean share of each set ``(N, P)`` that is also in the other."""
    shared = 0
    for old, new in zip(before.split(OVERLAP_ROWS), after.split(OVERLAP_ROWS), strict=True):
        shared += int((old[:, :, None] == new[:, None, :]).sum())
    return shared / before.numel()
