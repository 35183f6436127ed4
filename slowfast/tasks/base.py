"""The contract between the engine and a kind of work."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from slowfast.checkpoint.report import ImportReport
from slowfast.datasets.build import build_dataset, dataset_name
from slowfast.datasets.loader import build_loader
from slowfast.evaluation.feature_files import FeatureFiles
from slowfast.evaluation.predictions import Predictions, save_predictions
from slowfast.utils import distributed as du
from slowfast.utils.errors import ConfigError

Batch = dict[str, Any]


@dataclass(frozen=True)
class EvalSet:
    """A list of items that a task measures.

    Attributes:
        name: under which its results are kept.
        split: the list: ``val`` is measured while training, every other by testing.
        views: how its items are read, see :func:`slowfast.datasets.build.build_dataset`.
    """

    name: str
    split: str
    views: str


@dataclass
class StepOutput:
    """What a training step hands back.

    Attributes:
        losses: named terms whose sum is minimised, weights already applied.
        metrics: named numbers worth logging.
        batch_size: items behind the numbers.
    """

    losses: dict[str, Tensor]
    metrics: dict[str, Tensor] = field(default_factory=dict)
    batch_size: int = 1


class Evaluator(ABC):
    """Collects predictions and turns them into numbers.

    Attributes:
        protocol: known after ``compute``: how was counted and what was left out, plain values.
    """

    protocol: Mapping[str, str | float] = MappingProxyType({})

    @abstractmethod
    def update(self, predictions: dict[str, Any]) -> None:
        """Take the predictions of one batch."""

    @abstractmethod
    def compute(self) -> dict[str, float]:
        """Return the measures over all processes, the primary metric first.

        All processes call it; only process 0 computes, see :func:`slowfast.utils.distributed.on_root`.
        """

    @abstractmethod
    def save(self, path: Path) -> None:
        """Write what was evaluated, so that the measures can be computed again."""


class ItemEvaluator(Evaluator):
    """Gathers a row for each item of a list, and measures all rows on process 0.

    Args:
        dataset: its ``items`` give files and class names.

    Attributes:
        arrays: all rows, once ``compute`` has been called; ``index`` and ``valid`` among them.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self._predictions = Predictions()
        self.arrays: dict[str, np.ndarray] = {}

    def update(self, predictions: dict[str, Any]) -> None:
        """Take ``index``, ``valid`` ``(N,)`` and what :meth:`measure` needs, a row for each item."""
        self._predictions.add(predictions)

    def compute(self) -> dict[str, float]:
        """Return the measures with the numbers of items and of unreadable ones."""
        self._predictions.gather()
        return du.on_root(self._compute)

    def _compute(self) -> dict[str, float]:
        self.arrays = self._predictions.join()
        measured, valid = self.measure(self.arrays), self.arrays["valid"]
        return {**measured, "num_videos": len(valid), "num_unreadable": int((~valid).sum())}

    @abstractmethod
    def measure(self, found: dict[str, np.ndarray]) -> dict[str, float]:
        """Return the measures of all rows, the primary metric first."""

    def save(self, path: Path) -> None:
        """Write all rows, files and class names."""
        videos = self.dataset.items
        files = [videos.paths[int(row)] for row in self.arrays["index"]]
        names = {"path": np.array(files), "class_names": np.array(videos.class_names)}
        save_predictions(path, {**self.arrays, **names, **self.beside()})

    def beside(self) -> dict[str, np.ndarray]:
        """Return what is saved beside the rows."""
        return {}


class Task(ABC):
    """Builds model and loaders from a config and knows one training and one evaluation step.

    Attributes:
        primary_metric: the key of ``Evaluator.compute`` by which runs are compared.
        report_sections: names in ``slowfast.visualization.sections`` of the parts of a report that
            show the predictions of a test.
        needs_weights: whether a test of random weights is refused.
    """

    primary_metric: str
    report_sections: ClassVar[tuple[str, ...]] = ()
    needs_weights: ClassVar[bool] = True

    def __init__(self, cfg) -> None:
        self.cfg = cfg

    @abstractmethod
    def build_model(self, output_dir: Path | None = None) -> nn.Module:
        """Return the model with random weights."""

    def initialise(self, model: nn.Module) -> ImportReport | None:
        """Load pretrained weights into a new model; not called where a run is resumed or tested.

        Returns:
            What became of the tensors of a foreign checkpoint, if there was one.
        """
        return None

    def build_test_model(self) -> nn.Module:
        """Return the model as a test needs it, with random weights."""
        return self.build_model()

    def initialise_test(self, model: nn.Module) -> ImportReport | None:
        """Load all weights that a test needs from a foreign checkpoint, if the config names one.

        Raises:
            CheckpointError: a part of the model would stay random.
        """
        return None

    def evaluations(self) -> list[EvalSet]:
        """Return what is measured: while training (``val``) and by testing."""
        return [EvalSet("val", "val", "centre"), EvalSet("test", "test", "all")]

    def feature_sets(self) -> dict[str, Dataset]:
        """Return the clips whose features a test needs, by the name of their list; mostly none."""
        return {}

    def take_features(self, files: Mapping[str, FeatureFiles], device: torch.device) -> None:
        """Take the features of :meth:`feature_sets`; ``device`` is where the networks are."""
        return None

    def dataset(self, split: str, views: str | None = None) -> Dataset:
        """Return the list ``train``, ``val`` or ``test``, read as is usual for it or by ``views``."""
        return build_dataset(dataset_name(self.cfg, split), self.cfg, split, views)

    def build_loader(self, split: str, views: str | None = None) -> DataLoader:
        """Return the loader of :meth:`dataset`."""
        return build_loader(self.cfg, self.dataset(split, views))

    def evaluation_loader(self, eval_set: EvalSet) -> DataLoader:
        """Return the loader of an evaluation set."""
        return self.build_loader(eval_set.split, eval_set.views)

    @abstractmethod
    def training_step(self, model: nn.Module, batch: Batch) -> StepOutput:
        """Return the losses of a batch whose tensors are on the model's device."""

    def encode(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Return what the losses of a batch compare, by name, for ``TRAIN.GRAD_CACHE``.

        Raises:
            ConfigError: the losses of this task compare no samples with one another.
        """
        raise _without_cache(self)

    def losses(self, model: nn.Module, embeddings: dict[str, Tensor], batch: Batch) -> StepOutput:
        """Return the losses from what :meth:`encode` returned for all parts of a step, joined."""
        raise _without_cache(self)

    @abstractmethod
    def evaluation_step(self, model: nn.Module, batch: Batch) -> dict[str, Any]:
        """Return predictions; called without gradients and with the model in eval mode."""

    @abstractmethod
    def evaluator(self, dataset: Dataset) -> Evaluator:
        """Return a fresh evaluator for a dataset."""

    def example(self, model: nn.Module) -> tuple[nn.Module, tuple]:
        """Return the part of a model whose cost counts, and its arguments for a batch of one."""
        data = self.cfg.DATA
        side = data.TRAIN_CROP_SIZE
        return model, ([torch.empty(1, 3, data.NUM_FRAMES, side, side, device="meta")],)

    def prepare_dry_run(self, model: nn.Module) -> None:
        """Stand in for ``on_epoch_start`` in a dry run: quickly, and without writing anything."""
        return None

    def on_epoch_start(self, model: nn.Module, epoch: int, output_dir: Path) -> dict[str, float]:
        """Do what is due before the first step of an epoch (from 0); return numbers to log."""
        return {}

    def list_fingerprint(self, dataset: Dataset) -> str:
        """Return a hash by which a resumed run knows that its training files are the same."""
        return dataset.items.fingerprint()

    def batch_files(self, dataset: Dataset, batch: Batch) -> list[str]:
        """Return the files behind a batch, for messages."""
        return [dataset.items.paths[int(row)] for row in batch["index"]]


def _without_cache(task: Task) -> ConfigError:
    return ConfigError(
        f"TRAIN.GRAD_CACHE: the losses of TASK {type(task).__name__.lower()} compare no samples "
        "with one another; TRAIN.ACCUMULATION_STEPS alone saves as much memory."
    )
