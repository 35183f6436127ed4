"""STiCA: agreement of frames with audio, and of crops of the feature map with each other.

Patrick et al., "Space-Time Crop & Attend: Improving Cross-modal Video Representation Learning"
(ICCV 2021). The frames of a clip are cut twice; crops of the feature map of one cut look for those of
the other, which costs little beside the forward pass of the network.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from slowfast.datasets.views import ViewPlan
from slowfast.models.multimodal import MultiModalEncoder, build_multimodal_encoder
from slowfast.ssl.base import SSL_METHODS, SSLModel, share_matched
from slowfast.ssl.feature_crops import CropFamily, cut
from slowfast.utils import distributed as du
from slowfast.utils.errors import ConfigError

VIEWS = 2
FAMILIES = ("space", "time")


@SSL_METHODS.register
class STiCA(SSLModel):
    """An audio-visual encoder with crops of its feature map.

    Args:
        encoder: frames and audio to embeddings.
        families: which crops are compared.
        temperature, cross_temperature, alpha, symmetric: see :func:`stica_loss`.
    """

    modalities: ClassVar[tuple[str, ...]] = ("video", "audio")

    def __init__(
        self,
        encoder: MultiModalEncoder,
        families: Sequence[CropFamily],
        temperature: float = 0.5,
        cross_temperature: float = 0.1,
        alpha: float = 0.5,
        symmetric: bool = False,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.families = [family for family in families if family.active]
        self.temperature, self.cross_temperature = temperature, cross_temperature
        self.alpha, self.symmetric = alpha, symmetric
        if alpha < 1 and not self.families:
            raise ConfigError(
                f"SSL.STICA.CROSS_MODAL_WEIGHT {alpha:g} leaves a weight to crops, but there is no "
                "pair of crops to compare: raise SMALL_CROPS, LARGE_CROPS (from two on) or those of "
                "time, or set CROSS_MODAL_WEIGHT 1."
            )

    @classmethod
    def from_cfg(cls, cfg, items) -> STiCA:
        """Build from ``MODEL.ARCH``, ``MODEL.POOLING_*``, ``AUDIO.ARCH`` and ``SSL.STICA``."""
        node, data = cfg.SSL.STICA, cfg.DATA
        legacy = node.CROP_POSITIONS == "legacy"
        counts = {
            "space": (node.LARGE_CROPS, node.SMALL_CROPS, node.SPACE_WINDOWS),
            "time": (node.LARGE_TIME_CROPS, node.SMALL_TIME_CROPS, node.TIME_WINDOWS),
        }
        families = [
            CropFamily(name, large, small, tuple(windows), legacy)
            for name, (large, small, windows) in counts.items()
        ]
        encoder = build_multimodal_encoder(cfg, cls.modalities)
        clip = (data.NUM_FRAMES, data.TRAIN_CROP_SIZE, data.TRAIN_CROP_SIZE)
        strides = encoder.branches["video"].backbone.strides
        map_size = [math.ceil(n / s) for n, s in zip(clip, strides, strict=True)]
        for family in families:
            if family.active:
                family.check(map_size)
        weights = node.TEMPERATURE, node.CROSS_TEMPERATURE, node.CROSS_MODAL_WEIGHT
        return cls(encoder, families, *weights, node.SYMMETRIC)

    @classmethod
    def build_view_plan(cls, cfg) -> ViewPlan:
        """Return two cuts of the same frames."""
        return ViewPlan(cuts=VIEWS)

    def encode(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """Return the embeddings that :func:`stica_loss` compares, not normalised.

        Each cut has a forward pass of its own, so that batch normalisation never mixes them.
        """
        audio = self.encoder.branches["audio"](batch["audio"])
        found = {"audio": audio[:, None]}
        videos = []
        for view, clip in enumerate(batch["video"][0].unflatten(0, (-1, VIEWS)).unbind(1)):
            branch = self.encoder.branches["video"]
            features = branch.backbone(clip)
            videos.append(branch.projection(branch.pool(features)))
            for family in self.families:
                found |= self._embed_crops(family, view, features)
        return {"video": torch.stack(videos, dim=1), **found}

    def _embed_crops(self, family: CropFamily, view: int, features: Tensor) -> dict[str, Tensor]:
        """Return the embeddings ``(B, n, D)`` of the crops of a view that take part in the loss."""
        branch, map_size = self.encoder.branches["video"], features.shape[2:]
        found = {}
        for size, count in (("large", family.large), ("small", family.small)):
            boxes = family.draw(count, size == "small", map_size)
            boxes = boxes[first_needed(size, view, self.symmetric) :]
            if boxes:
                crops = [branch.pool(cut(features, box), map_size[0]) for box in boxes]
                embedded = [branch.projection(crop) for crop in crops]
                found[crops_name(family.name, size, view)] = torch.stack(embedded, dim=1)
        return found

    def losses(
        self, embeddings: dict[str, Tensor], batch: dict[str, Any]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the loss of crops and that between modalities, weights applied.

        ``matched`` is the share, in percent, of clips whose own audio is the nearest of this process.
        """
        with torch.autocast(embeddings["video"].device.type, enabled=False):
            units = {name: F.normalize(x.float(), dim=-1) for name, x in embeddings.items()}
            options = (self.temperature, self.cross_temperature, self.alpha, self.symmetric)
            losses = stica_loss(units, *options)
        with torch.no_grad():
            return losses, {"matched": share_matched(units["video"][:, 0], units["audio"][:, 0])}


def crops_name(family: str, size: str, view: int) -> str:
    """Return the name of the crops of a view, such as ``space_small_1``."""
    return f"{family}_{size}_{view}"


def first_needed(size: str, view: int, symmetric: bool) -> int:
    """Return the number of the first crop that takes part: the second cut is a query, mostly.

    The published loss never compares the first large crops of the two cuts with each other, and takes
    small crops from the second cut alone.
    """
    never = 1_000_000
    first = {("large", 0): 0, ("large", 1): 1, ("small", 0): never, ("small", 1): 0}
    return 0 if symmetric else first[size, view]


def stica_loss(
    embeddings: Mapping[str, Tensor],
    temperature: float = 0.5,
    cross_temperature: float = 0.1,
    alpha: float = 0.5,
    symmetric: bool = False,
) -> dict[str, Tensor]:
    """Return ``crops`` and ``cross_modal``, weights applied, whose sum is the loss.

    A term is the cross-entropy of a query against the keys of all processes, of which its own is the
    positive; keys carry no gradient.

    Args:
        embeddings: unit rows ``(N, M, D)`` by name: ``video`` (both cuts), ``audio`` (once, or once
            for each cut), and for each family ``FAMILY_large_0`` (L crops of the first cut),
            ``FAMILY_large_1`` (of the second cut, from its second crop on) and ``FAMILY_small_1``.
        temperature: divides scores of crops.
        cross_temperature: divides scores between frames and audio.
        alpha: weight of the terms between modalities; the crops have the rest.
        symmetric: ``FAMILY_large_1`` begins with the first crop and ``FAMILY_small_0`` is there too:
            large crops of both cuts are compared, whichever they are, and small crops of either look
            for the large ones of the other.
    """
    keys = _keys(embeddings)
    audio = embeddings["audio"].shape[1] - 1
    cross = [
        _both_ways(embeddings, keys, ("video", k), ("audio", min(k, audio)), cross_temperature)
        for k in range(VIEWS)
    ]
    losses = {"cross_modal": alpha * torch.stack(cross).mean()}
    terms = [
        term
        for family in FAMILIES
        for term in _crop_terms(embeddings, keys, family, temperature, symmetric)
    ]
    if terms:
        losses["crops"] = (1 - alpha) * torch.stack(terms).mean()
    return losses


def _crop_terms(
    rows: Mapping[str, Tensor],
    keys: Mapping[str, Tensor],
    family: str,
    temperature: float,
    symmetric: bool,
) -> list[Tensor]:
    large, small = (
        [crops_name(family, size, v) for v in range(VIEWS)] for size in ("large", "small")
    )
    if large[0] not in rows:
        return []
    skipped = first_needed("large", 1, symmetric)
    terms = []
    for i in range(rows[large[0]].shape[1]):
        if i >= skipped:
            pair = (large[1], i - skipped), (large[0], i)
            terms.append(_both_ways(rows, keys, *pair, temperature))
        for view in (1, 0) if symmetric else (1,):
            target = large[1 - view], i
            for j in range(rows[small[view]].shape[1] if small[view] in rows else 0):
                terms.append(_one_way(rows, keys, (small[view], j), target, temperature))
    return terms


def _both_ways(
    rows, keys, one: tuple[str, int], two: tuple[str, int], temperature: float
) -> Tensor:
    forth = _one_way(rows, keys, one, two, temperature)
    return (forth + _one_way(rows, keys, two, one, temperature)) / 2


def _one_way(
    rows, keys, query: tuple[str, int], key: tuple[str, int], temperature: float
) -> Tensor:
    queries = rows[query[0]][:, query[1]]
    scores = queries @ keys[key[0]][:, key[1]].T / temperature
    return F.cross_entropy(scores, torch.arange(len(queries), device=scores.device))


def _keys(rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return detached rows with those of all other processes below, gathered in one go."""
    own = torch.cat([part.detach() for part in rows.values()], dim=1)
    if du.get_world_size() > 1:
        (everyone,) = du.all_gather([own])
        begin, end = (place * len(own) for place in (du.get_rank(), du.get_rank() + 1))
        own = torch.cat([own, everyone[:begin], everyone[end:]])
    counts = [part.shape[1] for part in rows.values()]
    return dict(zip(rows, own.split(counts, dim=1), strict=True))
