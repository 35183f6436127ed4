"""Instance and positive-set discrimination over two memory banks: the loss of AVID and AVID-CMA.

Morgado, Vasconcelos and Misra, "Audio-Visual Instance Discrimination with Cross-Modal Agreement".
A *term* asks queries of one modality to find their positives among the memories of one modality:
``v2a`` looks for the audio that belongs to a clip. A *group* is a pair of terms with a weight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from slowfast.ssl.in_batch import in_batch_scores
from slowfast.ssl.memory_bank import MemoryBank
from slowfast.ssl.nce import estimate_partition, infonce_loss, nce_loss
from slowfast.ssl.negatives import sample_negatives
from slowfast.utils.errors import ConfigError
from slowfast.utils.logging import get_logger
from slowfast.utils.precision import at_least_float32
from slowfast.utils.step_clock import timed

logger = get_logger(__name__)

Scores = tuple[Tensor, Tensor]

# What SSL.AVID.LOSS means: the loss, and whether a bank or the batch is contrasted with.
LOSSES = {
    "nce": (nce_loss, "bank"),
    "infonce": (infonce_loss, "bank"),
    "in_batch": (infonce_loss, "batch"),
}
VIDEO, AUDIO = "v", "a"
CROSS = ((VIDEO, AUDIO), (AUDIO, VIDEO))
WITHIN = ((VIDEO, VIDEO), (AUDIO, AUDIO))


@dataclass(frozen=True)
class TermPair:
    """A pair of terms: their ``(query, memory)`` modalities, and what their positives are.

    ``positives`` is ``own`` (the memory of the instance itself) or ``set`` (its positive set).
    """

    pairs: tuple[tuple[str, str], ...]
    positives: str


# In the order in which they are computed: the first of a run estimates the partition.
GROUPS = {
    "instance_cross": TermPair(CROSS, "own"),
    "instance_within": TermPair(WITHIN, "own"),
    "positive_cross": TermPair(CROSS, "set"),
    "positive_within": TermPair(WITHIN, "set"),
}


@dataclass(frozen=True)
class ContrastiveConfig:
    """How scores become a loss.

    Args:
        loss: a key of :data:`LOSSES`.
        num_negatives: K, drawn for each clip and shared by all its terms.
        num_negatives_within: the first of them that the positive terms within a modality use.
        temperature: divides cosines.
    """

    loss: str = "nce"
    num_negatives: int = 1024
    num_negatives_within: int = 64
    temperature: float = 0.07


class AudioVisualCriterion(nn.Module):
    """The weighted mean of the groups of terms, and the memory banks that they need.

    Args:
        num_instances: N, files of the training list.
        dim: D of the embeddings.
        weights: of the groups, by the names of :data:`GROUPS`; a weight of 0 is not computed.
        contrast: negatives, temperature and loss.
        momentum: of the video bank and of the audio bank.
        num_positives: size P of the positive sets, 0 for none.
        self_is_negative: let an instance with a positive set be its own negative, as the released
            AVID-CMA does.

    Attributes:
        video_bank, audio_bank: the memories.
        partition: the constant Z, -1 until the first batch has estimated it.
        positives: int32 ``(N, P)``, each row ascending; None without ``num_positives``.

    Raises:
        ConfigError: no group has a weight, or the loss cannot serve a group.
    """

    def __init__(
        self,
        num_instances: int,
        dim: int,
        weights: Mapping[str, float],
        contrast: ContrastiveConfig,
        momentum: Sequence[float] = (0.5, 0.5),
        num_positives: int = 0,
        self_is_negative: bool = False,
    ) -> None:
        super().__init__()
        self.weights = {name: float(weights.get(name, 0.0)) for name in GROUPS}
        self.contrast, self.self_is_negative = contrast, self_is_negative
        self.loss, self.source = LOSSES[contrast.loss]
        self._check(num_instances, num_positives)
        self.video_bank = MemoryBank(num_instances, dim, momentum[0])
        self.audio_bank = MemoryBank(num_instances, dim, momentum[-1])
        self.register_buffer("partition", torch.tensor(-1.0))
        self._partition_is_known = False
        self.register_load_state_dict_post_hook(_forget_the_partition)
        shape = (num_instances, num_positives)
        empty = torch.zeros(shape, dtype=torch.int32) if num_positives else None
        self.register_buffer("positives", empty)

    def _check(self, num_instances: int, num_positives: int) -> None:
        used = [name for name, weight in self.weights.items() if weight > 0]
        if not used:
            raise ConfigError(
                "All weights of the contrastive terms are 0: at least one must be positive."
            )
        if self.source == "batch" and used != ["instance_cross"]:
            raise ConfigError(
                "SSL.AVID.LOSS in_batch has terms across modalities only: a clip has no positive "
                f"of its own modality in a batch. Found weights for {', '.join(used)}."
            )
        if self.source == "bank" and self.contrast.num_negatives >= num_instances:
            logger.warning(
                "SSL.AVID.NUM_NEGATIVES is %d, but there are %d training files: most memories are "
                "drawn several times for each clip. SSL.AVID.LOSS in_batch suits so small a set.",
                self.contrast.num_negatives,
                num_instances,
            )
        if num_instances < num_positives + 2:
            raise ConfigError(
                f"{num_instances} training files are too few for {num_positives} positives and a "
                "negative each."
            )

    def forward(
        self, video: Tensor, audio: Tensor, index: Tensor, negatives: Tensor | None = None
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return weighted losses per group and metrics per term; in training, then update the banks.

        Args:
            video, audio: embeddings ``(B, D)`` of any length.
            index: int64 ``(B,)`` rows of the training list.
            negatives: int64 ``(B, K)``; drawn where not given.

        Returns:
            losses, whose sum is minimised, and metrics: ``loss_<term>``, ``margin_<term>`` (mean
            cosine of positives minus that of negatives) and ``bank_cosine``, that of an instance's
            memory and its new embedding: the lower, the staler the memories.
        """
        queries = {
            VIDEO: F.normalize(at_least_float32(video), dim=1),
            AUDIO: F.normalize(at_least_float32(audio), dim=1),
        }
        if self.source == "batch":
            scores = self._batch_scores(queries, index)
        else:
            scores = self._bank_scores(queries, index, negatives)
        losses, metrics = self._combine(scores)
        cosine = (self.video_bank(index) * queries[VIDEO].detach()).sum(dim=1).mean()
        if self.training:
            self.video_bank.update(index, queries[VIDEO])
            self.audio_bank.update(index, queries[AUDIO])
        return losses, {**metrics, "bank_cosine": cosine}

    @timed("bank")
    def draw_negatives(self, index: Tensor) -> Tensor:
        """Draw ``(B, K)`` instances that are neither the instance itself nor its positives."""
        excluded = index[:, None]
        if self.positives is not None:
            found = self.positives.index_select(0, index).long()
            excluded = found if self.self_is_negative else torch.cat([found, excluded], 1)
            excluded = excluded.sort(dim=1).values
        return sample_negatives(excluded, self.contrast.num_negatives, len(self.video_bank))

    def _bank_scores(
        self, queries: dict[str, Tensor], index: Tensor, negatives: Tensor | None
    ) -> dict[str, dict[str, Scores]]:
        negatives = self.draw_negatives(index) if negatives is None else negatives
        used = [name for name, weight in self.weights.items() if weight > 0]
        wanted, sizes = [index[:, None]], [1]
        if any(GROUPS[name].positives == "set" for name in used):
            found = self.positives.index_select(0, index).long()
            wanted, sizes = [*wanted, found], [*sizes, found.shape[1]]
        else:
            sizes.append(0)
        rows = torch.cat([*wanted, negatives], dim=1)
        sizes.append(negatives.shape[1])
        pairs = dict.fromkeys(pair for name in used for pair in GROUPS[name].pairs)
        memories = {}
        for _, memory in pairs:
            if memory not in memories:
                memories[memory] = (self.video_bank if memory == VIDEO else self.audio_bank)(rows)
        split = {}
        for query, memory in pairs:
            cosines = torch.bmm(memories[memory], queries[query].unsqueeze(2)).squeeze(2)
            split[query, memory] = (cosines / self.contrast.temperature).split(sizes, dim=1)
        return {
            name: {f"{q}2{m}": self._select(name, split[q, m]) for q, m in GROUPS[name].pairs}
            for name in used
        }

    def _select(self, name: str, parts: Sequence[Tensor]) -> Scores:
        own, found, negative = parts
        if GROUPS[name].positives == "own":
            return own, negative
        if GROUPS[name].pairs == WITHIN:
            negative = negative[:, : self.contrast.num_negatives_within]
        return found, negative

    def _batch_scores(
        self, queries: dict[str, Tensor], index: Tensor
    ) -> dict[str, dict[str, Scores]]:
        temperature = self.contrast.temperature
        return {
            "instance_cross": {
                f"{q}2{m}": in_batch_scores(queries[q], queries[m], index, temperature)
                for q, m in CROSS
            }
        }

    def _combine(
        self, scores: dict[str, dict[str, Scores]]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        total = sum(self.weights.values())
        losses, metrics = {}, {}
        for name, terms in scores.items():
            prefix = "pos_" if GROUPS[name].positives == "set" else ""
            found = []
            for term, (positive, negative) in terms.items():
                self._settle_partition(negative)
                loss = self.loss(positive, negative, self.partition)
                found.append(loss)
                metrics[f"loss_{prefix}{term}"] = loss.detach()
                metrics[f"margin_{prefix}{term}"] = self._margin(positive, negative)
            losses[name] = self.weights[name] / total * sum(found) / len(found)
        return losses, metrics

    def _settle_partition(self, negative_scores: Tensor) -> None:
        """Fix Z at the first term of the first training batch; it is never revised."""
        if self._partition_is_known or not self.training or self.loss is not nce_loss:
            return
        if self.partition.item() < 0:  # asked once: a GPU would have to wait for the answer
            self.partition.copy_(estimate_partition(negative_scores))
        self._partition_is_known = True

    def _margin(self, positive: Tensor, negative: Tensor) -> Tensor:
        takes_part = negative.isfinite()
        mean = negative.where(takes_part, 0.0).sum() / takes_part.sum().clamp(min=1)
        return self.contrast.temperature * (positive.mean() - mean).detach()


def _forget_the_partition(criterion: AudioVisualCriterion, _: object) -> None:
    criterion._partition_is_known = False
