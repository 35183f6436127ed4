"""Probes of frozen features: what a network of any checkpoint knows already, from one extraction.

The features of the training and the test list are computed once (:mod:`slowfast.engine.features`);
every probe is then arithmetic on them. A probe is a function registered in ``PROBES``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset

from slowfast.checkpoint.report import ImportReport
from slowfast.datasets.build import dataset_name, load_items
from slowfast.datasets.feature_clips import build_feature_clips
from slowfast.datasets.items import ItemTable, union
from slowfast.evaluation.feature_files import FeatureFiles
from slowfast.evaluation.neighbours import faiss_index
from slowfast.evaluation.predictions import save_predictions
from slowfast.evaluation.probe_training import Clips
from slowfast.models.feature_maps import FeatureName, modalities_of, parse_features
from slowfast.tasks.base import Batch, EvalSet, Evaluator, StepOutput, Task
from slowfast.tasks.build import TASK_REGISTRY
from slowfast.tasks.frozen import FrozenFeatures, build_frozen, fill_frozen
from slowfast.utils import distributed as du
from slowfast.utils.errors import ConfigError
from slowfast.utils.registry import Registry

PROBES = Registry("probe (PROBE.KINDS)", "slowfast.tasks")
EVERY = "all"
TRAIN, TEST = "train", "test"
CHUNK = 4096  # items read at a time
SOME_WIDTH = 64  # of vectors, to see before any is computed whether FAISS knows an index


class Rows(NamedTuple):
    """Items of a list and where their features lie.

    Attributes:
        files: the features.
        rows: of the items in the files ``(N,)``.
        items: the list, with labels.
    """

    files: FeatureFiles
    rows: np.ndarray
    items: ItemTable

    @property
    def valid(self) -> np.ndarray:
        """Which items could be read ``(N,)``."""
        return self.files.valid[self.rows]

    @property
    def labels(self) -> np.ndarray:
        """Their classes ``(N,)``."""
        return self.items.labels

    def readable(self) -> Rows:
        """Return the items that could be read."""
        kept = np.flatnonzero(self.valid)
        return Rows(self.files, self.rows[kept], self.items.subset(kept))

    def clips(self, feature: FeatureName) -> Clips:
        """Return the clips of the items, read when they are needed."""
        return Clips(self.files.arrays[feature.text], self.rows, feature.is_tokens)

    def load(self, feature: FeatureName) -> np.ndarray:
        """Return ``(N, V, ...)`` in memory."""
        return self.files.arrays[feature.text][self.rows]

    def vectors(self, feature: FeatureName) -> np.ndarray:
        """Return the mean over the views of each item, float32 ``(N, D)``."""
        array = self.files.arrays[feature.text]
        parts = [self.rows[k : k + CHUNK] for k in range(0, len(self.rows), CHUNK)]
        return np.concatenate([array[part].mean(axis=1, dtype=np.float32) for part in parts])


@dataclass(frozen=True)
class Setting:
    """What a probe works with.

    Attributes:
        train, test: the items; ``train`` is None where a probe has no use for it.
        options: values of the keys of the probe, by their last names.
        classes: C.
        seed: of what a probe draws.
        device: for probes that learn by gradients.
    """

    train: Rows | None
    test: Rows
    options: Mapping[str, Any]
    classes: int
    seed: int
    device: torch.device


@dataclass
class Outcome:
    """What a probe found.

    Attributes:
        metrics: numbers, the primary one first.
        protocol: how was counted, plain values.
        arrays: rows for the report, of the test items.
    """

    metrics: dict[str, float]
    protocol: dict[str, str | float] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


Probe = Callable[[Setting, Sequence[FeatureName]], Outcome]


@dataclass(frozen=True)
class Kind:
    """A registered probe.

    Attributes:
        run: from items and features to what was found.
        primary_metric: its first number.
        choose: of all features those that it can take; none where it cannot run.
        unasked: the same where ``all`` was asked for.
        needs: words for the message where there is none.
        labels: whether it needs classes, and the training list.
        keys: of the node ``PROBE`` that it reads.
    """

    run: Probe
    primary_metric: str
    choose: Callable[[Sequence[FeatureName]], list[FeatureName]]
    unasked: Callable[[Sequence[FeatureName]], list[FeatureName]]
    needs: str
    labels: bool = True
    keys: tuple[str, ...] = ()


def probe(
    name: str,
    primary_metric: str,
    choose: Callable,
    needs: str,
    *,
    keys: tuple[str, ...] = (),
    labels: bool = True,
    unasked: Callable | None = None,
) -> Callable[[Probe], Probe]:
    """Register a function as a probe, as a decorator; see :class:`Kind`."""

    def register(run: Probe) -> Probe:
        kind = Kind(run, primary_metric, choose, unasked or choose, needs, labels, keys)
        PROBES.register(kind, name=name)
        return run

    return register


class NoBatches:
    """A loader without batches: the evaluator works on features that are there.

    Args:
        dataset: what the evaluator measures.
    """

    def __init__(self, dataset: tuple[str, int | None]) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Iterator[Batch]:
        return iter(())


@TASK_REGISTRY.register(name="probes")
class ProbeTask(Task):
    """Tests frozen features by every probe of ``PROBE.KINDS``; nothing of the network learns."""

    report_sections = ("probe",)
    needs_weights = False

    def __init__(self, cfg) -> None:
        super().__init__(cfg)
        if cfg.TRAIN.ENABLE:
            raise ConfigError(
                "TASK probes trains no network: set TRAIN.ENABLE False. (A linear probe with "
                "augmented clips is TASK linear_probe.)"
            )
        self.features = parse_features(cfg.PROBE.FEATURES, "PROBE.FEATURES")
        self.folds = list(cfg.PROBE.FOLDS) or [cfg.DATA.FOLD]
        self.files: dict[str, FeatureFiles] = {}
        self.lists: dict[str, ItemTable] = {}
        self.device = torch.device("cpu")
        self.options: dict[str, Any] = {}  # read before anything is computed
        self._found: dict[tuple[str, int], Outcome] = {}

    @property
    def primary_metric(self) -> str:
        """Return that of the first probe."""
        return self.kinds[next(iter(self.kinds))].primary_metric

    def _list(self, split: str, fold: int) -> ItemTable:
        own = self.cfg.clone()
        own.DATA.FOLD = fold
        return load_items(own, split, dataset_name(own, split))

    @cached_property
    def tests(self) -> dict[int, ItemTable]:
        """The test list of each fold."""
        return {fold: self._list(TEST, fold) for fold in self.folds}

    @cached_property
    def trains(self) -> dict[int, ItemTable]:
        """The training list of each fold, where a probe needs one."""
        if not any(kind.labels for kind in self.kinds.values()):
            return {}
        return {fold: self._list(TRAIN, fold) for fold in self.folds}

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """The probes by name.

        Raises:
            ConfigError: one of them cannot take these features, or needs labels.
        """
        asked = list(dict.fromkeys(self.cfg.PROBE.KINDS))
        every = asked == [EVERY]
        labelled = all((items.labels >= 0).all() for items in self.tests.values())
        found = {}
        for name in PROBES if every else asked:
            kind = PROBES.get(name)
            chosen = (kind.unasked if every else kind.choose)(self.features)
            if chosen and (labelled or not kind.labels):
                found[name.lower()] = kind
                self.options |= {key: self.cfg.PROBE[key] for key in kind.keys}
            elif not every:
                lacks = "labels of all test items" if chosen else kind.needs
                raise ConfigError(
                    f"PROBE.KINDS {name}: needs {lacks}; PROBE.FEATURES are "
                    f"{', '.join(f.text for f in self.features)}."
                )
        if not found:
            raise ConfigError("PROBE.KINDS all: nothing can be measured on PROBE.FEATURES.")
        if self.options.get("FAISS"):
            faiss_index(self.options["FAISS"], SOME_WIDTH)
        return found

    def evaluations(self) -> list[EvalSet]:
        """Return a set for each probe, and one for each of several folds."""
        sets = []
        for name in self.kinds:
            sets.append(EvalSet(name, TEST, "all"))
            if len(self.folds) > 1:
                sets += [EvalSet(f"{name}-fold{fold}", TEST, "all") for fold in self.folds]
        return sets

    def evaluation_loader(self, eval_set: EvalSet) -> NoBatches:
        """Return a loader without batches that names probe and fold, None for the mean."""
        name, _, fold = eval_set.name.partition("-fold")
        return NoBatches((name, int(fold) if fold else None))

    def evaluator(self, dataset: tuple[str, int | None]) -> ProbeEvaluator:
        """Return what runs a probe."""
        return ProbeEvaluator(lambda: self.found(*dataset))

    def feature_sets(self) -> dict[str, Dataset]:
        """Return the clips of the lists, each item of several folds once."""
        test, drawn = self.cfg.TEST, self.cfg.PROBE.TRAIN_VIEWS == "drawn"
        modalities = modalities_of(self.features)
        crops = test.NUM_SPATIAL_CROPS if modalities == ("video",) else 1
        folds = {TRAIN: self.trains, TEST: self.tests}
        self.lists = {name: union(list(each.values())) for name, each in folds.items() if each}
        views = (modalities, test.NUM_ENSEMBLE_VIEWS, crops)
        return {
            name: build_feature_clips(self.cfg, items, name, *views, random=drawn and name == TRAIN)
            for name, items in self.lists.items()
        }

    def take_features(self, files: Mapping[str, FeatureFiles], device: torch.device) -> None:
        """Remember the features of :meth:`feature_sets`."""
        self.files, self.device = dict(files), device

    def _rows(self, split: str, items: ItemTable) -> Rows:
        # By the list as it is now: its files may lie elsewhere than when they were read.
        place = {self.lists[split].key(row): row for row in range(len(self.lists[split]))}
        rows = np.array([place[items.key(row)] for row in range(len(items))])
        return Rows(self.files[split], rows, items)

    def found(self, name: str, fold: int | None) -> Outcome:
        """Return what a probe finds on a fold, or their mean; computed once, in process 0."""
        if fold is None:
            each = [self.found(name, one) for one in self.folds]
            return each[0] if len(each) == 1 else mean_of(each)
        if (name, fold) not in self._found:
            self._found[name, fold] = self._run(self.kinds[name], fold)
        return self._found[name, fold]

    def _run(self, kind: Kind, fold: int) -> Outcome:
        items = self.tests[fold]
        train = self._rows(TRAIN, self.trains[fold]).readable() if kind.labels else None
        classes = max(len(items.class_names), int(items.labels.max(initial=-1)) + 1)
        if train is not None:
            classes = max(classes, int(train.labels.max()) + 1)
            train.items.check_labels(classes)
        test = self._rows(TEST, items)
        setting = Setting(train, test, self.options, classes, self.cfg.RNG_SEED, self.device)
        outcome = kind.run(setting, kind.choose(self.features))
        paths = np.array([items.paths[row] for row in range(len(items))])
        outcome.arrays |= {"path": paths, "label": items.labels, "valid": test.valid}
        outcome.arrays["class_names"] = np.array(items.class_names)
        unreadable = int((~test.valid).sum())
        outcome.metrics |= {"num_videos": len(items), "num_unreadable": unreadable}
        return outcome

    def build_model(self, output_dir: Path | None = None) -> nn.Module:
        """Raise: a training, or a dry run of one, has no step to take."""
        raise ConfigError("TASK probes trains no network: it has no step to try.")

    def build_test_model(self) -> FrozenFeatures:
        """Return the networks with random weights."""
        return build_frozen(self.cfg, self.features)

    def initialise_test(self, model: FrozenFeatures) -> ImportReport | None:
        """Load the networks from ``MODEL.CKPT``; without one they stay random, the bar to clear."""
        return fill_frozen(model, self.cfg)

    def training_step(self, model: nn.Module, batch: Batch) -> StepOutput:
        """Raise: nothing is trained."""
        raise ConfigError("TASK probes trains no network.")

    def evaluation_step(self, model: nn.Module, batch: Batch) -> dict[str, Any]:
        """Raise: there are no batches."""
        raise ConfigError("TASK probes measures features, not batches.")


class ProbeEvaluator(Evaluator):
    """Runs a probe in process 0.

    Args:
        find: returns what it finds.
    """

    def __init__(self, find: Callable[[], Outcome]) -> None:
        self._find = find
        self._outcome: Outcome | None = None

    def update(self, predictions: dict[str, Any]) -> None:
        """Raise: there are no batches."""
        raise ConfigError("TASK probes measures features, not batches.")

    def compute(self) -> dict[str, float]:
        """Return the numbers of the probe."""
        metrics, self.protocol = du.on_root(self._compute)
        return metrics

    def _compute(self) -> tuple[dict[str, float], dict[str, str | float]]:
        self._outcome = self._find()
        return self._outcome.metrics, self._outcome.protocol

    def save(self, path: Path) -> None:
        """Write the rows for the report."""
        save_predictions(path, self._outcome.arrays)


def mean_of(each: Sequence[Outcome]) -> Outcome:
    """Return the mean of folds: numbers with the deviation (N - 1) of the first, rows joined."""
    first = each[0]
    counts = {key for key in first.metrics if key.startswith("num_")}
    values = {key: [one.metrics[key] for one in each] for key in first.metrics}
    metrics = {
        key: sum(numbers) if key in counts else float(np.mean(numbers))
        for key, numbers in values.items()
    }
    primary = next(iter(metrics))
    metrics[f"{primary}_std"] = float(np.std(values[primary], ddof=1))
    alone = {"class_names"}
    arrays = {
        key: first.arrays[key]
        if key in alone
        else np.concatenate([one.arrays[key] for one in each])
        for key in first.arrays
        if not key.startswith("map_")
    }
    return Outcome(metrics, {**first.protocol, "folds": len(each)}, arrays)
