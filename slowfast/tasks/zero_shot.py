"""Zero-shot classification: learn to land on word vectors of classes, test on classes never seen."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from slowfast.checkpoint.pretrained import initialise
from slowfast.checkpoint.report import ImportReport
from slowfast.datasets.build import build_dataset, dataset_name, load_items, read_items
from slowfast.datasets.items import ItemTable
from slowfast.datasets.loader import build_loader
from slowfast.datasets.transforms import ClipPreprocessor
from slowfast.evaluation import zero_shot as measures
from slowfast.models.build import build_model
from slowfast.models.text import class_words, excluded_preset
from slowfast.models.text.class_names import RULES
from slowfast.models.text.word_vectors import open_vectors
from slowfast.models.zero_shot import vector_loss
from slowfast.tasks.base import Batch, EvalSet, ItemEvaluator, StepOutput, Task
from slowfast.tasks.build import TASK_REGISTRY
from slowfast.utils import distributed as du
from slowfast.utils.errors import ConfigError, did_you_mean
from slowfast.utils.files import write_csv
from slowfast.utils.logging import get_logger

logger = get_logger(__name__)

VALIDATION = "val"
GENERALISED = "generalised"
REPORT = "classes.csv"
NAME_RULES = {"kinetics": "kinetics700"}
SHOWN = 8


class Classes(NamedTuple):
    """Classes by name.

    Attributes:
        names, words: of each class.
        vectors: unit vectors ``(C, D)``.
        unseen: how many of the first ones were not trained on, where both kinds are measured.
    """

    names: tuple[str, ...]
    words: dict[str, list[str]]
    vectors: np.ndarray
    unseen: int | None = None


class Source(NamedTuple):
    """A test set: its name, the dataset that lists it, and the config that reads it."""

    name: str
    dataset: str
    cfg: Any


@TASK_REGISTRY.register(name="zero_shot")
class ZeroShotTask(Task):
    """Trains a network on some classes and tests it on others, by the vectors of their names."""

    primary_metric = "top1_acc"
    report_sections = ("classification",)

    def __init__(self, cfg) -> None:
        super().__init__(cfg)
        node, data = cfg.ZERO_SHOT, cfg.DATA
        self.reduction, self.average = node.REDUCTION, node.AVERAGE
        self.vectors = open_vectors(node.VECTORS)
        self.preprocess = ClipPreprocessor(
            data.MEAN,
            data.STD,
            data.REVERSE_INPUT_CHANNEL,
            channels_last=cfg.MODEL.CHANNELS_LAST,
        )
        self.sources = _sources(cfg)
        self.tests = {s.name: self._test_classes(s) for s in self.sources}
        self.targets: Tensor | None = None

    @cached_property
    def separation(self) -> tuple[Classes, list[dict[str, Any]]]:
        """The training classes that are kept, and a row for each; a test may do without the list."""
        return self._kept(read_items(self.cfg, "train"))

    @property
    def train_classes(self) -> Classes:
        """The training classes that are kept."""
        return self.separation[0]

    def _embed(self, names: Sequence[str], rule: str) -> Classes:
        node = self.cfg.ZERO_SHOT
        words = {name: class_words(name, rule, node.LEMMAS) for name in names}
        return Classes(tuple(names), words, self.vectors.embed_classes(words, node.MISSING_WORDS))

    def _test_classes(self, source: Source) -> Classes:
        rule = _rule(self.cfg.ZERO_SHOT.TEST_NAMES, source.name, "TEST_NAMES")
        names = _names(read_items(source.cfg, "test", source.dataset))
        chosen = list(self.cfg.ZERO_SHOT.TEST_CLASSES)
        unknown = [name for name in chosen if name not in names]
        if unknown:
            raise ConfigError(
                f"ZERO_SHOT.TEST_CLASSES: {source.name} has no class {unknown[0]!r}. "
                f"{did_you_mean(unknown[0], names)}"
            )
        return self._embed(chosen or names, rule)

    def _kept(self, items: ItemTable) -> tuple[Classes, list[dict[str, Any]]]:
        """Return the training classes that are far from all test classes, and a row for each."""
        node, names = self.cfg.ZERO_SHOT, _names(items)
        rule = _rule(node.TRAIN_NAMES, self.cfg.TRAIN.DATASET, "TRAIN_NAMES")
        if node.EXCLUDE:  # by name, so that not every word needs a vector
            left_out = set(excluded_preset(node.EXCLUDE))
            names = [name for name in names if name not in left_out]
        every = self._embed(names, rule)
        test = np.concatenate([classes.vectors for classes in self.tests.values()])
        tests = [f"{key} {name}" for key, c in self.tests.items() for name in c.names]
        threshold = 0.0 if node.EXCLUDE else node.THRESHOLD
        apart = measures.separate(every.vectors, test, threshold)
        kept = apart.kept | bool(node.EXCLUDE)  # rounding may bring a distance below zero
        rows = [
            {
                "class": name,
                "words": " ".join(every.words[name]),
                "nearest_test_class": tests[apart.nearest[k]],
                "distance": f"{max(apart.distance[k], 0.0):.4f}",
                "trained": "yes" if kept[k] else "no",
            }
            for k, name in enumerate(names)
        ]
        self._tell(rows, len(names) - int(kept.sum()))
        if not kept.any():
            raise ConfigError(
                f"ZERO_SHOT.THRESHOLD {node.THRESHOLD:g} leaves no training class: every one is that "
                "near to a test class."
            )
        chosen = [name for name, good in zip(names, kept, strict=True) if good]
        return Classes(tuple(chosen), every.words, every.vectors[kept]), rows

    def _tell(self, rows: list[dict[str, Any]], count: int) -> None:
        left_out = [r for r in rows if r["trained"] == "no"]
        shown = [f"{r['class']} ({r['nearest_test_class']}, {r['distance']})" for r in left_out]
        more = f" and {count - SHOWN} more" if count > SHOWN else ""
        logger.info(
            "%d training classes, %d test classes; left out as too near to a test class: %s%s.",
            len(rows) - count,
            sum(len(classes.names) for classes in self.tests.values()),
            ", ".join(shown[:SHOWN]) or "none",
            more,
        )

    def dataset(self, split: str, views: str | None = None) -> Dataset:
        """Return the items of the classes that were kept, numbered among these."""
        items = load_items(self.cfg, split, dataset_name(self.cfg, "train"))
        items = of_classes(items, self.train_classes.names, split)
        dataset = build_dataset(self.cfg.TRAIN.DATASET, self.cfg, split, views, items)
        dataset.classes = self.train_classes
        return dataset

    def evaluations(self) -> list[EvalSet]:
        """Return held-out videos of the training classes, and all test sets."""
        sets = [EvalSet(VALIDATION, VALIDATION, "centre")]
        for source in self.sources:
            sets.append(EvalSet(source.name, source.name, "all"))
            if self.cfg.ZERO_SHOT.GENERALISED:
                sets.append(EvalSet(f"{source.name}_{GENERALISED}", source.name, "all"))
        return sets

    def evaluation_loader(self, eval_set: EvalSet) -> DataLoader:
        """Return the loader of a set, with the classes among which it is classified."""
        if eval_set.split == VALIDATION:
            return build_loader(self.cfg, self.dataset(VALIDATION, eval_set.views))
        source = next(s for s in self.sources if s.name == eval_set.split)
        classes = self.tests[source.name]
        if eval_set.name.endswith(GENERALISED):
            classes = _joined(classes, self.train_classes)
        items = load_items(source.cfg, "test", source.dataset)
        items = of_classes(items, classes.names, source.name)
        dataset = build_dataset(source.dataset, source.cfg, "test", eval_set.views, items)
        dataset.classes = classes
        return build_loader(source.cfg, dataset)

    def build_model(self, output_dir: Path | None = None) -> nn.Module:
        """Return the network; ``classes.csv`` in the run's folder says which classes it learns."""
        if output_dir is not None and du.is_root_proc():
            _, rows = self.separation
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
        return ZeroShotEvaluator(dataset)


class ZeroShotEvaluator(ItemEvaluator):
    """Top-1 and top-5 among all classes and among ten halves of them, in percent.

    Unreadable videos count as wrong.

    Args:
        dataset: knows its ``classes``, see :class:`Classes`.
    """

    def __init__(self, dataset: Dataset) -> None:
        super().__init__(dataset)
        self.classes = dataset.classes

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
        elif self.dataset.split == "test":
            halves = measures.half_class_accuracy(*what, valid=valid)
            for k, (mean, std) in halves.items():
                measured |= {f"half_top{k}_acc": mean, f"half_top{k}_std": std}
        return {**measured, "chance_top1": 100.0 / len(vectors), "num_classes": len(vectors)}

    def beside(self) -> dict[str, np.ndarray]:
        """Return cosines to all classes, their vectors and names."""
        vectors = self.classes.vectors
        return {
            "scores": self.arrays["embedding"] @ vectors.T,
            "class_vectors": vectors,
            "class_names": np.array(self.classes.names),
        }


def of_classes(items: ItemTable, names: Sequence[str], where: str) -> ItemTable:
    """Return the items of some classes, in their order, with labels among ``names``.

    Raises:
        ConfigError: there are none.
    """
    place = {name: k for k, name in enumerate(names)}
    numbers = np.array([place.get(name, -1) for name in items.class_names])
    rows = np.flatnonzero((items.labels >= 0) & (numbers[items.labels] >= 0))
    if not len(rows):
        raise ConfigError(f"{items.source}: no item of {where} is of the {len(names)} classes.")
    chosen = items.subset(rows)
    chosen.labels, chosen.class_names = numbers[chosen.labels], list(names)
    return chosen


def _joined(unseen: Classes, seen: Classes) -> Classes:
    """Return the classes of both, unseen first; a training class of the same name is left out."""
    fresh = [k for k, name in enumerate(seen.names) if name not in unseen.names]
    names = (*unseen.names, *(seen.names[k] for k in fresh))
    vectors = np.concatenate([unseen.vectors, seen.vectors[fresh]])
    return Classes(names, {**seen.words, **unseen.words}, vectors, len(unseen.names))


def _names(items: ItemTable) -> list[str]:
    if not items.class_names:
        raise ConfigError(
            f"{items.source}: the list does not name its classes, which zero-shot classification "
            "works with: put class_names.txt beside it, a name per line."
        )
    return items.class_names


def _rule(given: str, dataset: str, key: str) -> str:
    name = given or NAME_RULES.get(dataset.lower(), dataset.lower())
    if name in RULES:
        return name
    if given:
        raise ConfigError(f"ZERO_SHOT.{key} {given!r}. {did_you_mean(given, RULES)}")
    return "plain"


def _sources(cfg) -> list[Source]:
    """Return the test sets of ``ZERO_SHOT.TEST_SETS``."""
    entries = list(cfg.ZERO_SHOT.TEST_SETS)
    if not entries:
        return [Source(cfg.TEST.DATASET, cfg.TEST.DATASET, cfg)]
    found = []
    for entry in entries:
        parts = entry.split("=")
        if len(parts) != 3:
            raise ConfigError(
                f"ZERO_SHOT.TEST_SETS: {entry!r} is not name=folder of lists=folder of videos, or "
                "name:dataset=... where the set is listed otherwise."
            )
        own = cfg.clone()
        own.DATA.PATH_TO_DATA_DIR, own.DATA.PATH_PREFIX = parts[1:]
        name, _, dataset = parts[0].partition(":")
        own.TEST.DATASET = dataset or name
        found.append(Source(name, own.TEST.DATASET, own))
    return found
