"""The contract of self-supervised methods, and their table.

A method is a file in this package, or one that a user imports by ``IMPORTS``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from slowfast.datasets.views import ViewPlan
from slowfast.models.build import MODEL_REGISTRY
from slowfast.utils.errors import ConfigError
from slowfast.utils.registry import Registry


class Methods(Registry):
    """The table of methods; each is an entry of ``MODEL_REGISTRY`` as well.

    There it is built for a list of nobody knows which files, as for a test.
    """

    def register(self, obj: Any = None, *, name: str | None = None) -> Any:
        """Add a method to both tables, see :meth:`Registry.register`."""
        if obj is None:
            return super().register(None, name=name)
        super().register(obj, name=name)
        MODEL_REGISTRY.register(
            lambda cfg: build_ssl_model(cfg, UnknownItems()), name=name or obj.__name__
        )
        return obj


SSL_METHODS = Methods("self-supervised method (MODEL.MODEL_NAME)", "slowfast.ssl")


class UnknownItems:
    """Stands in for a training list that a test need not have."""

    labels = ()

    def __len__(self) -> int:
        return 10_000  # more than any number of positives


# In a batch: gradients of what encode() returns, in place of losses; see slowfast.engine.grad_cache.
GRADIENTS = "gradients"


class SSLModel(nn.Module, ABC):
    """A method: networks, losses, and whatever memory they need.

    Everything that must survive a restart is a buffer, and every process keeps its buffers equal
    to those of the others by itself; statistics of normalisation are the one exception.

    Attributes:
        modalities: what it learns from: some of ``video``, ``audio`` and ``text``.
        views: clips of each file that a training batch holds, see :meth:`build_view_plan`.
    """

    modalities: ClassVar[tuple[str, ...]]
    views: ClassVar[int] = 1

    @classmethod
    @abstractmethod
    def from_cfg(cls, cfg, items) -> SSLModel:
        """Build the method with random weights.

        Args:
            items: the training list: ``len(items)`` files, ``items.labels`` where known, else -1.
        """

    @classmethod
    def build_view_plan(cls, cfg) -> ViewPlan:
        """Return which views of each file a training batch holds; by default :attr:`views` clips."""
        return ViewPlan(cls.views)

    def forward(self, batch: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return named losses, weights already applied, whose sum is minimised, and metrics.

        A method is either the two halves :meth:`encode` and :meth:`losses`, which
        ``TRAIN.GRAD_CACHE`` runs apart, or overrides this.

        Args:
            batch: each of ``modalities`` as its network reads it, and ``index`` int64 ``(B,)``,
                the rows of the training list. With V views the clips of a file stand one after
                the other, ``(B * V, ...)``.
        """
        found = self.encode(batch)
        if GRADIENTS in batch:  # of a loss that was taken of many batches at once
            carried = [(found[name] * grad).sum() for name, grad in batch[GRADIENTS].items()]
            return {"carried": torch.stack(carried).sum()}, {}
        return self.losses(found, batch)

    def encode(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """Return what the losses compare, by name; the first dimension counts files."""
        return self.embed(batch)

    def losses(
        self, embeddings: dict[str, Tensor], batch: dict[str, Any]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return losses and metrics of :meth:`forward` from what :meth:`encode` returned.

        Args:
            embeddings: of the files of ``batch``.
            batch: of which no more than ``index`` may be read.
        """
        raise ConfigError(
            f"TRAIN.GRAD_CACHE: {type(self).__name__} does not say how its losses follow from "
            "embeddings (SSLModel.losses)."
        )

    def embed(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """Return embeddings ``(B, D)`` by modality, not normalised, of what the batch holds.

        By default those of ``encoder``, a :class:`slowfast.models.multimodal.MultiModalEncoder`.
        """
        return self.encoder({m: network_input(batch, m) for m in self.modalities if m in batch})

    def parts(self) -> dict[str, nn.Module]:
        """Return the networks by the names of :mod:`slowfast.models.parts`; those of ``encoder``."""
        return self.encoder.parts()

    def on_epoch_start(self, epoch: int) -> dict[str, float]:
        """Do what is due before an epoch (from 0), also a resumed one; return numbers to log.

        All processes call it together.
        """
        return {}

    def prepare_dry_run(self) -> None:
        """Stand in for :meth:`on_epoch_start`, quickly: right or wrong, a step can be tried."""


def network_input(batch: dict[str, Any], modality: str) -> Tensor:
    """Return what the network of a modality reads of a batch."""
    return batch[modality][0] if modality == "video" else batch[modality]


def share_matched(one: Tensor, other: Tensor) -> Tensor:
    """Return the share, in percent, of rows ``(B, D)`` whose partner is the nearest."""
    nearest = (one @ other.T).argmax(dim=1)
    return 100.0 * (nearest == torch.arange(len(nearest), device=nearest.device)).float().mean()


def build_ssl_model(cfg, items) -> SSLModel:
    """Return the method ``MODEL.MODEL_NAME`` for a training list, with random weights.

    Raises:
        ConfigError: unknown name, or keys that cannot act on a method.
    """
    name, model = cfg.MODEL.MODEL_NAME, cfg.MODEL
    method = SSL_METHODS.get(name)
    if model.FREEZE != "none" or model.FROZEN_BN:
        key, value = ("FREEZE", model.FREEZE) if model.FREEZE != "none" else ("FROZEN_BN", True)
        raise ConfigError(
            f"MODEL.{key} {value!r} cannot act on {name}: all networks of a method learn."
        )
    return method.from_cfg(cfg, items)
