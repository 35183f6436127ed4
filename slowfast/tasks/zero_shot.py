"""Zero-shot classification: learn to land on word vectors of classes, test on classes never seen."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from slowfast.checkpoint.pretrained import initialise
from slowfast.checkpoint.report import ImportReport
from slowfast.datasets.build import build_dataset, dataset_name, load_items
from slowfast.datasets.loader import build_loader
from slowfast.datasets.transforms import ClipPreprocessor
from slowfast.evaluation import zero_shot as measures
from slowfast.models.build import build_model
from slowfast.models.zero_shot import vector_loss
from slowfast.tasks.base import Batch, EvalSet, ItemEvaluator, StepOutput, Task
from slowfast.tasks.build import TASK_REGISTRY
from slowfast.tasks.zero_shot_classes import (
    Classes,
    NameVectors,
    Separated,
    Source,
    build_separation,
    build_sources,
    build_test_classes,
    joined,
    of_classes,
)
from slowfast.utils import distributed as du
from slowfast.utils.errors import ConfigError
from slowfast.utils.files import write_csv

VALIDATION = "val"
GENERALISED = "generalised"
SELECTION = "selection"
REPORT = "classes.csv"


@TASK_REGISTRY.register(name="zero_shot")
class ZeroShotTask(Task):
    """Trains a network on some classes and tests it on others, by the vectors of their names."""

    primary_metric = "top1_acc"
    report_sections = ("classification", "zero_shot")

    def __init__(self, cfg) -> None:
        super().__init__(cfg)
        node, channels_last = cfg.ZERO_SHOT, cfg.MODEL.CHANNELS_LAST
        self.reduction, self.average = node.REDUCTION, node.AVERAGE
        self.vectors = NameVectors.from_cfg(node)
        self.preprocess = ClipPreprocessor.from_cfg(cfg.DATA, channels_last=channels_last)
        self.sources = build_sources(cfg)
        self.tests = build_test_classes(cfg, self.vectors, self.sources)
        self.targets: Tensor | None = None
        if node.SELECT_ON_TEST and cfg.TEST.WEIGHTS != "best":
            raise ConfigError(
                "ZERO_SHOT.SELECT_ON_TEST chooses the epoch to test by the test sets: set TEST.WEIGHTS "
                "best with it."
            )

    @cached_property
    def separation(self) -> Separated:
        """What becomes of the training classes; a test may do without their list."""
        return build_separation(self.cfg, self.vectors, self.tests)

    @property
    def train_classes(self) -> Classes:
        """The classes that are trained on."""
        return self.separation.trained

    def dataset(self, split: str, views: str | None = None) -> Dataset:
        """Return the items of the classes that are trained on, or of those held out to validate."""
        classes = self.separation.held_out if split == VALIDATION else self.train_classes
        classes = classes if classes.names else self.train_classes
        items = load_items(self.cfg, split, dataset_name(self.cfg, "train"))
        items = of_classes(items, classes.names, split)
        dataset = build_dataset(self.cfg.TRAIN.DATASET, self.cfg, split, views, items)
        return self._with_classes(dataset, classes)

    def _with_classes(self, dataset: Dataset, classes: Classes) -> Dataset:
        """Give a dataset the classes among which its items are classified."""
        dataset.classes = classes
        dataset.separation = self.separation if self.cfg.TRAIN.ENABLE else None
        return dataset

    def evaluations(self) -> list[EvalSet]:
        """Return what is validated, held-out classes or videos unless test sets are, and all test sets."""
        node = self.cfg.ZERO_SHOT
        sets = [EvalSet(VALIDATION, VALIDATION, "centre")]
        if node.SELECT_ON_TEST:
            names = [f"{source.name}_{SELECTION}" for source in self.sources]
            sets = [EvalSet(name, VALIDATION, "centre") for name in names]
        for source in self.sources:
            sets.append(EvalSet(source.name, source.name, "all"))
            if node.GENERALISED:
                sets.append(EvalSet(f"{source.name}_{GENERALISED}", source.name, "all"))
        return sets

    def evaluation_loader(self, eval_set: EvalSet) -> DataLoader:
        """Return the loader of a set, with the classes among which it is classified."""
        if eval_set.name == VALIDATION:
            return build_loader(self.cfg, self.dataset(VALIDATION, eval_set.views))
        name = eval_set.name.removesuffix(f"_{SELECTION}")
        source = next(s for s in self.sources if s.name in (eval_set.split, name))
        classes = self.tests[source.name]
        if eval_set.name.endswith(GENERALISED):
            classes = joined(classes, self.train_classes)
            self._check_untrained(source)
        return build_loader(source.cfg, self._test_dataset(source, classes, eval_set.views))

    def _check_untrained(self, source: Source) -> None:
        """Raise ConfigError where items of a test set are trained on, which measures of seen classes forbid."""
        train = load_items(self.cfg, "train", dataset_name(self.cfg, "train"))
        train = of_classes(train, self.train_classes.names, "train")
        trained = {train.key(row) for row in range(len(train))}
        test = load_items(source.cfg, "test", source.dataset)
        both = [test.name(row) for row in range(len(test)) if test.key(row) in trained]
        if both:
            raise ConfigError(
                f"ZERO_SHOT.GENERALISED: {len(both)} items of {source.name} are trained on too, such as "
                f"{both[0]}: give its list of test videos, not all of them, or set it False."
            )

    def _test_dataset(self, source: Source, classes: Classes, views: str) -> Dataset:
        items = load_items(source.cfg, "test", source.dataset)
        items = of_classes(items, classes.names, source.name)
        dataset = build_dataset(source.dataset, source.cfg, "test", views, items)
        return self._with_classes(dataset, classes)

    @property
    def model_choice(self) -> str:
        """Say by what the epoch that is tested was chosen."""
        node, test = self.cfg.ZERO_SHOT, self.cfg.TEST
        if test.CHECKPOINT_FILE_PATH:
            return "named by TEST.CHECKPOINT_FILE_PATH"
        if test.WEIGHTS != "best":
            return "last epoch"
        if node.SELECT_ON_TEST:
            return f"best epoch ON THE TEST SET {self.sources[0].name} (ZERO_SHOT.SELECT_ON_TEST)"
        held_out = node.HELD_OUT_CLASSES
        what = f"{held_out} held-out training classes" if held_out else "videos of training classes"
        return f"best epoch by {what}"

    def build_model(self, output_dir: Path | None = None) -> nn.Module:
        """Return the network; ``classes.csv`` in the run's folder says which classes it learns."""
        if output_dir is not None and du.is_root_proc():
            rows = self.separation.rows
            write_csv(output_dir / REPORT, list(rows[0]), rows)
        return build_model(self.cfg)

    def initialise(self, model: nn.Module) -> ImportReport | None:
        """Load the backbone, and the head where asked, from ``MODEL.CKPT`` where one is given."""
        return initialise(model, self.cfg, self.cfg.ZERO_SHOT.START_HEAD == "checkpoint")

    def initialise_test(self, model: nn.Module) -> ImportReport | None:
        """Load backbone and projection from ``MODEL.CKPT`` where one is given."""
        return initialise(model, self.cfg, head=True)

    def _clips(self, model: nn.Module, batch: Batch) -> Tensor:
        color = batch["color"].flatten(0, 1) if "color" in batch else None
        preprocess = self.preprocess.to(next(model.parameters()).device)
        return preprocess(batch["video"].flatten(0, 1), color)[0]

    def training_step(self, model: nn.Module, batch: Batch) -> StepOutput:
        """Return the distance to the vectors of the classes."""
        found = model([self._clips(model, batch)])
        if self.targets is None:
            self.targets = torch.from_numpy(self.train_classes.vectors).to(found.device)
        with torch.autocast(found.device.type, enabled=False):
            targets = self.targets[batch["label"]]
            loss = vector_loss(found.float(), targets, self.reduction)
            nearest = (found.detach().float() @ self.targets.T).argmax(dim=1)
        error = 100.0 * (nearest != batch["label"]).float().mean()
        return StepOutput({"loss": loss}, {"top1_err": error}, len(found))

    def evaluation_step(self, model: nn.Module, batch: Batch) -> dict[str, Any]:
        """Return a unit embedding of each video, of the mean over its clips."""
        views = batch["video"].shape[1]
        clips = self._clips(model, batch)
        size = max(1, self.cfg.TEST.BATCH_SIZE // du.get_local_world_size())
        features = torch.cat([model.features(part) for part in clips.split(size)])
        if self.average == "features":
            found = model.embed(features.unflatten(0, (-1, views)).mean(dim=1))
        else:
            found = model.embed(features).unflatten(0, (-1, views)).mean(dim=1)
        return {
            "embedding": found.float().cpu().numpy(),
            **{key: batch[key].cpu().numpy() for key in ("index", "label", "valid")},
        }

    def evaluator(self, dataset: Dataset) -> ZeroShotEvaluator:
        """Return an evaluator among the classes of a dataset."""
        protocol = {"model_choice": self.model_choice, "average_over_clips": self.average}
        return ZeroShotEvaluator(dataset, protocol)


class ZeroShotEvaluator(ItemEvaluator):
    """Top-1 and top-5 among all classes and, of four or more, among ten halves of them, in percent.

    Unreadable videos count as wrong.

    Args:
        dataset: knows its ``classes`` and, where there is a training list, its ``separation``.
        protocol: by what the epoch was chosen (``model_choice``) and what is averaged, for the results.
    """

    def __init__(self, dataset: Dataset, protocol: Mapping[str, str]) -> None:
        super().__init__(dataset)
        self.classes, self.separation = dataset.classes, dataset.separation
        self.protocol = protocol

    def measure(self, found: dict[str, np.ndarray]) -> dict[str, float]:
        """Return the accuracies of ``embedding`` ``(N, D)`` with ``label`` ``(N,)``."""
        vectors, valid = self.classes.vectors, found["valid"]
        what = found["embedding"], found["label"], vectors
        measured = {f"top{k}_acc": measures.topk_accuracy(*what, k, valid) for k in (1, 5)}
        if self.classes.unseen is not None:
            seen = np.arange(len(vectors)) >= self.classes.unseen
            both = measures.generalised_accuracy(*what, seen)
            measured |= {"harmonic_mean": both.harmonic, "seen_acc": both.seen}
            measured |= {"unseen_acc": both.unseen}
        elif self.dataset.split == "test" and len(vectors) > 3:  # of a single class all are right
            halves = measures.half_class_accuracy(*what, valid=valid)
            for k, (mean, std) in halves.items():
                measured |= {f"half_top{k}_acc": mean, f"half_top{k}_std": std}
        return {**measured, "chance_top1": 100.0 / len(vectors), "num_classes": len(vectors)}

    def beside(self) -> dict[str, np.ndarray]:
        """Return cosines to all classes, their vectors and names, and the training classes."""
        vectors, found = self.classes.vectors, {}
        if self.separation is not None:
            every = self.separation.every
            found = {"train_names": np.array(every.names), "train_vectors": every.vectors}
            found["train_kept"] = self.separation.kept
        return {
            "scores": self.arrays["embedding"] @ vectors.T,
            "class_vectors": vectors,
            "class_names": np.array(self.classes.names),
            "model_choice": np.str_(self.protocol["model_choice"]),
            **found,
        }
