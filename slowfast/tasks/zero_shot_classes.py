"""The classes of zero-shot runs: their vectors, the test sets, and what is left out of training."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from slowfast.datasets.build import read_items
from slowfast.datasets.items import ItemTable
from slowfast.evaluation import zero_shot as measures
from slowfast.models.text import class_words, excluded_preset
from slowfast.models.text.class_names import RULES
from slowfast.models.text.sentences import open_name_vectors
from slowfast.utils.errors import ConfigError, did_you_mean
from slowfast.utils.logging import get_logger

logger = get_logger(__name__)

NAME_RULES = {"kinetics": "kinetics700"}
SAME_WORDS = "same_words"
TOO_NEAR, NO_WORD = "too near", "no word has a vector"
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


class Separated(NamedTuple):
    """What becomes of the training classes.

    Attributes:
        trained: the classes that are trained on.
        held_out: training classes that are kept for validation.
        every: these, and those that were left out where their words have vectors.
        kept: bool ``(C,)``, which of ``every`` were not left out.
        rows: a row for each, for people.
    """

    trained: Classes
    held_out: Classes
    every: Classes
    kept: np.ndarray
    rows: list[dict[str, Any]]


class Source(NamedTuple):
    """A test set: its name, the dataset that lists it, and the config that reads it."""

    name: str
    dataset: str
    cfg: Any


@dataclass(frozen=True)
class NameVectors:
    """From names of classes to their vectors.

    Args:
        vectors: a table of words, or a sentence encoder.
        lemmas: mode of :func:`class_words`.
        missing: of :meth:`WordVectors.embed_classes`.
    """

    vectors: Any
    lemmas: str
    missing: str

    @classmethod
    def from_cfg(cls, node) -> NameVectors:
        """Build from the ``ZERO_SHOT`` node."""
        return cls(open_name_vectors(node.VECTORS), node.LEMMAS, node.MISSING_WORDS)

    def words(self, names: Sequence[str], rule: str) -> dict[str, list[str]]:
        """Return the words of some names, which are written as ``rule`` says."""
        return {name: class_words(name, rule, self.lemmas) for name in names}

    def of_words(self, words: dict[str, list[str]]) -> Classes:
        """Return the classes of some names with their words."""
        return Classes(tuple(words), words, self.vectors.embed_classes(words, self.missing))

    def check(self, sets: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
        """Raise AnnotationError that names the words without a vector of several sets of classes."""
        every = {f"{key} {name}": words for key, own in sets.items() for name, words in own.items()}
        if any(word not in self.vectors for words in every.values() for word in words):
            self.vectors.embed_classes(every)

    def known(self, words: Mapping[str, Sequence[str]]) -> set[str]:
        """Return the names whose words have vectors: all of them, or one where others are skipped."""
        enough = any if self.missing == "skip" else all
        return {name for name, own in words.items() if enough(word in self.vectors for word in own)}


def build_test_classes(cfg, vectors: NameVectors, sources: Sequence[Source]) -> dict[str, Classes]:
    """Return the classes of each test set, or those of ``ZERO_SHOT.TEST_CLASSES``.

    Raises:
        AnnotationError: words have no vector; names those of all test sets and of the training list.
    """
    names = {s.name: names_of(read_items(s.cfg, "test", s.dataset)) for s in sources}
    _check_choice(cfg.ZERO_SHOT.TEST_CLASSES, names)
    needed = {}
    for name, every in names.items():
        rule = _rule(cfg.ZERO_SHOT.TEST_NAMES, name, "TEST_NAMES")
        needed[name] = vectors.words(_chosen(cfg.ZERO_SHOT.TEST_CLASSES, every), rule)
    tests = dict(needed)
    if vectors.missing == "error":
        if cfg.TRAIN.ENABLE:
            train = _train_words(cfg, vectors)
            left_out = _excluded(cfg.ZERO_SHOT.EXCLUDE, train, tests)
            needed["training"] = {n: words for n, words in train.items() if n not in left_out}
        vectors.check(needed)
    return {name: vectors.of_words(words) for name, words in tests.items()}


def _chosen(choice: Sequence[str], names: list[str]) -> list[str]:
    """Return the names that are chosen, or all but those after a minus where none of the set is."""
    chosen = [name for name in choice if name in names]
    return chosen or [name for name in names if f"-{name}" not in choice]


def _check_choice(choice: Sequence[str], names: Mapping[str, list[str]]) -> None:
    every = [name for own in names.values() for name in own]
    known = {*every, *(f"-{name}" for name in every)}
    unknown = [name for name in choice if name not in known]
    if unknown:
        raise ConfigError(
            f"ZERO_SHOT.TEST_CLASSES: {' and '.join(names)} has no class {unknown[0]!r}. "
            f"{did_you_mean(unknown[0].removeprefix('-'), every)}"
        )
    empty = [name for name, own in names.items() if not _chosen(choice, own)]
    if empty:
        raise ConfigError(f"ZERO_SHOT.TEST_CLASSES leaves no class of {empty[0]}.")


def _train_words(cfg, vectors: NameVectors) -> dict[str, list[str]]:
    """Return the words of all classes of the training list."""
    rule = _rule(cfg.ZERO_SHOT.TRAIN_NAMES, cfg.TRAIN.DATASET, "TRAIN_NAMES")
    return vectors.words(names_of(read_items(cfg, "train")), rule)


def label_words(cfg, labels: Sequence[str]) -> dict[str, list[str]]:
    """Return the words of labels in plain words, verbs in the form that those of training classes have."""
    trained = _rule(cfg.ZERO_SHOT.TRAIN_NAMES, cfg.TRAIN.DATASET, "TRAIN_NAMES")
    rule = "plain" if trained == "plain" else NAME_RULES["kinetics"]
    mode = cfg.ZERO_SHOT.LEMMAS
    return {label: class_words(label.replace("_", " "), rule, mode) for label in labels}


def build_separation(cfg, vectors: NameVectors, tests: Mapping[str, Classes]) -> Separated:
    """Return the training classes by what becomes of them.

    Raises:
        ConfigError: none is far enough from the test classes, or all would be held out.
    """
    node, words = cfg.ZERO_SHOT, _train_words(cfg, vectors)
    left_out = _excluded(node.EXCLUDE, words, {key: c.words for key, c in tests.items()})
    # What is left out anyway needs no vector.
    known = vectors.known(words)
    without = [n for n in words if n not in known and n not in left_out]
    if without and vectors.missing == "skip":
        logger.warning("not trained on, as no word of them has a vector: %s.", ", ".join(without))
        left_out |= set(without)
    if not set(words) - left_out:
        raise ConfigError(
            f"{cfg.TRAIN.DATASET}: no training class is left: "
            + (f"ZERO_SHOT.EXCLUDE {node.EXCLUDE} and " if node.EXCLUDE else "")
            + f"words without a vector take all {len(words)}."
        )
    every = vectors.of_words({n: w for n, w in words.items() if n not in left_out or n in known})
    test = np.concatenate([classes.vectors for classes in tests.values()])
    titles = [f"{key} {name}" for key, c in tests.items() for name in c.names]
    apart = measures.separate(every.vectors, test, node.THRESHOLD)
    kept = apart.kept
    if node.EXCLUDE:
        kept = np.array([name not in left_out for name in every.names])
    if not kept.any():
        raise ConfigError(
            f"ZERO_SHOT.THRESHOLD {node.THRESHOLD:g} leaves no training class: every one is that "
            "near to a test class."
        )
    held = _held_out(kept, node.HELD_OUT_CLASSES, cfg.RNG_SEED)
    place = {name: k for k, name in enumerate(every.names)}
    rows = []
    for name, own in words.items():
        k = place.get(name)
        trained = k is not None and kept[k]
        rows.append(
            {
                "class": name,
                "words": " ".join(own),
                "nearest_test_class": "" if k is None else titles[apart.nearest[k]],
                "distance": "" if k is None else f"{apart.distance[k]:.4f}",
                "trained": "no" if not trained else "held out" if held[k] else "yes",
                "why": "" if trained else NO_WORD if name in without else node.EXCLUDE or TOO_NEAR,
            }
        )
    _tell(rows, len(titles))
    same = _excluded(SAME_WORDS, words, {key: c.words for key, c in tests.items()})
    staying = sorted(same & set(itertools.compress(every.names, kept)))
    if staying:
        logger.warning("trained on, with the very words of a test class: %s.", ", ".join(staying))
    return Separated(_part(every, kept & ~held), _part(every, held), every, kept, rows)


def _excluded(
    rule: str,
    words: Mapping[str, Sequence[str]],
    tests: Mapping[str, Mapping[str, Sequence[str]]],
) -> set[str]:
    """Return the training classes that ``ZERO_SHOT.EXCLUDE`` leaves out, whatever the vectors."""
    if rule != SAME_WORDS:
        return set(excluded_preset(rule)) if rule else set()
    of_tests = {f"{key} {name}": own for key, c in tests.items() for name, own in c.items()}
    return set(measures.same_words(words, of_tests))


def _held_out(kept: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return which of the classes that are kept validate, bool ``(C,)``."""
    places = np.flatnonzero(kept)
    if count == 1:
        raise ConfigError(
            "ZERO_SHOT.HELD_OUT_CLASSES 1: a single class is always found. Hold out two or more, or 0."
        )
    if count >= len(places):
        raise ConfigError(
            f"ZERO_SHOT.HELD_OUT_CLASSES {count} leaves none of the {len(places)} training classes."
        )
    held = np.zeros(len(kept), bool)
    held[np.random.default_rng([seed, count]).choice(places, count, replace=False)] = True
    return held


def _part(classes: Classes, chosen: np.ndarray) -> Classes:
    names = tuple(name for name, good in zip(classes.names, chosen, strict=True) if good)
    return Classes(names, classes.words, classes.vectors[chosen])


def _tell(rows: list[dict[str, Any]], tests: int) -> None:
    left_out = [row for row in rows if row["trained"] == "no"]
    shown = [
        f"{r['class']} ({r['why']}: {r['nearest_test_class']}, {r['distance']})"
        if r["distance"]
        else f"{r['class']} ({r['why']})"
        for r in left_out
    ]
    more = f" and {len(left_out) - SHOWN} more" if len(left_out) > SHOWN else ""
    logger.info(
        "%d training classes, %d test classes; left out: %s%s.",
        len(rows) - len(left_out),
        tests,
        ", ".join(shown[:SHOWN]) or "none",
        more,
    )
    held = [row["class"] for row in rows if row["trained"] == "held out"]
    if held:
        logger.info("%d of them are held out to validate on: %s.", len(held), ", ".join(held))


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


def joined(unseen: Classes, seen: Classes) -> Classes:
    """Return the classes of both, unseen first; a training class of the same name is left out."""
    fresh = [k for k, name in enumerate(seen.names) if name not in unseen.names]
    names = (*unseen.names, *(seen.names[k] for k in fresh))
    vectors = np.concatenate([unseen.vectors, seen.vectors[fresh]])
    return Classes(names, {**seen.words, **unseen.words}, vectors, len(unseen.names))


def names_of(items: ItemTable) -> list[str]:
    """Return the class names of a list, which zero-shot classification works with.

    Raises:
        ConfigError: it has none, or fewer than its labels need.
    """
    if not items.class_names:
        raise ConfigError(
            f"{items.source}: the list does not name its classes, which zero-shot classification "
            "works with: give DATA.CLASS_NAMES_PATH, a file with a name per line."
        )
    highest = int(items.labels.max(initial=-1))
    if highest >= len(items.class_names):
        raise ConfigError(
            f"{items.source}: the labels go up to {highest}, but only {len(items.class_names)} classes "
            "have a name: the list of names (DATA.CLASS_NAMES_PATH) is that of other classes."
        )
    return items.class_names


def _rule(given: str, dataset: str, key: str) -> str:
    name = given or NAME_RULES.get(dataset.lower(), dataset.lower())
    if name in RULES:
        return name
    if given:
        raise ConfigError(f"ZERO_SHOT.{key} {given!r}. {did_you_mean(given, RULES)}")
    return "plain"


def build_sources(cfg) -> list[Source]:
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
