"""AVID-CMA: positives that both modalities agree on.

Morgado, Vasconcelos and Misra, "Audio-Visual Instance Discrimination with Cross-Modal Agreement",
section 4. Starts from AVID's weights and memories; now and then the memories are searched for the
instances that are most alike both in sound and in pictures, and clips are drawn to the memories of
those instances as well.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from slowfast.models.build import MODEL_REGISTRY
from slowfast.ssl.avid import AVID, contrast_from_cfg
from slowfast.ssl.criterion import AudioVisualCriterion
from slowfast.ssl.encoder import AudioVisualEncoder
from slowfast.ssl.sharded_mining import mine_over_processes
from slowfast.utils.errors import ConfigError, TrainingError
from slowfast.utils.logging import get_logger

logger = get_logger(__name__)

OVERLAP_ROWS = 8192


class AVIDCMA(AVID):
    """AVID with positive sets that are searched anew every few epochs.

    Args:
        encoder, criterion: as for :class:`AVID`; the criterion has positive sets.
        agreement: see :func:`slowfast.ssl.mining.mine_positives`.
        refresh_epochs: epochs between two searches, 0 for only one.
        exclude_self: False drops the best match instead, as the released code does.

    Attributes:
        searched_epoch: the epoch of the last search, -1 before the first.
    """

    def __init__(
        self,
        encoder: AudioVisualEncoder,
        criterion: AudioVisualCriterion,
        agreement: str = "consensus",
        refresh_epochs: int = 5,
        exclude_self: bool = True,
    ) -> None:
        super().__init__(encoder, criterion)
        self.agreement, self.refresh_epochs = agreement, refresh_epochs
        self.exclude_self = exclude_self
        self.register_buffer("searched_epoch", torch.tensor(-1))
        self._ddp_params_and_buffers_to_ignore.append("searched_epoch")
        self._has_positives = False

    @property
    def positives(self) -> Tensor:
        """The positive sets, int32 ``(N, P)``."""
        return self.criterion.positives

    def forward(self, batch: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return named losses and metrics, as :class:`AVID` does.

        Raises:
            TrainingError: no positives were searched yet.
        """
        if not self._has_positives:
            raise TrainingError("AVID-CMA has no positives yet: on_epoch_start was not called.")
        return super().forward(batch)

    def on_epoch_start(self, epoch: int) -> dict[str, float] | None:
        """Search for positives when it is time; a search that was interrupted is done again.

        Args:
            epoch: counted from 0.

        Returns:
            None without a search; ``positive_overlap`` with the sets before, if there were any.
        """
        last = int(self.searched_epoch)
        due = self.refresh_epochs and epoch % self.refresh_epochs == 0 and epoch != last
        self._has_positives = True
        if last >= 0 and not due:
            return None
        criterion = self.criterion
        written = criterion.video_bank.written_at >= 0
        if not written.all():
            logger.warning(
                "%d of %d memories were never written. They are nobody's positives, but their own "
                "positives are random until the next search.",
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
        return {"positive_overlap": overlap(before, criterion.positives)} if last >= 0 else {}

    def rehearse(self) -> None:
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


@MODEL_REGISTRY.register(name="AVID_CMA")
def build_avid_cma(cfg, num_instances: int) -> AVIDCMA:
    """Build from ``MODEL.ARCH``, ``AUDIO.ARCH`` and ``SSL``.

    Args:
        num_instances: files of the training list, one memory each.
    """
    if not cfg.SSL.CHECKPOINT or cfg.SSL.CHECKPOINT_PARTS != "all":
        raise ConfigError(
            "AVID_CMA searches its positives among trained memories: set SSL.CHECKPOINT to the "
            "folder of an AVID run, with SSL.CHECKPOINT_PARTS all."
        )
    encoder, cma = AudioVisualEncoder.from_cfg(cfg), cfg.SSL.CMA
    groups = ("INSTANCE_CROSS", "INSTANCE_WITHIN", "POSITIVE_CROSS", "POSITIVE_WITHIN")
    criterion = AudioVisualCriterion(
        num_instances,
        encoder.dim,
        {group.lower(): cma[group] for group in groups},
        contrast_from_cfg(cfg),
        tuple(cfg.SSL.AVID.MOMENTUM),
        num_positives=cma.NUM_POSITIVES,
        self_is_negative=cma.LEGACY,
    )
    return AVIDCMA(
        encoder, criterion, cma.AGREEMENT, cma.REFRESH_EPOCHS, exclude_self=not cma.LEGACY
    )
