"""From the name of a class to its words: the rules of each dataset.

Brattoli et al., "Rethinking Zero-shot Video Classification: End-to-end Training for Realistic
Applications" (CVPR 2020), with the tables of names that they write otherwise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from slowfast.models.text.lemmas import ASSETS, verb_lemma
from slowfast.utils.errors import ConfigError, did_you_mean

MODES = ("fixed", "legacy")
STOP_WORDS = frozenset(["a", "the", "of", "and", "at", "on", "in", "an", "do", "using", "with"]) | {
    ""
}
KINETICS_STOP_WORDS = STOP_WORDS | {"or"}

# What the released code has in place of names that are corrected here; its table holds the second name,
# torn from the first, which therefore keeps the words of the rule.
LEGACY_OVERRIDES = {
    "kinetics700": {"massaging person's head": "massage person's head", 's head": 1}': "head"}
}


def class_words(name: str, dataset: str, mode: str = "fixed") -> list[str]:
    """Return the words whose vectors make the vector of a class.

    Args:
        name: as the dataset writes it, such as ``ApplyEyeMakeup`` or ``Arm_wrestling``.
        dataset: ``ucf101``, ``hmdb51``, ``kinetics700`` (also for Kinetics-400 and -600),
            ``activitynet200``, ``sun397``, ``demo`` (the demo world), or ``plain`` for names in
            plain words.
        mode: of verbs, see :func:`verb_lemma`.

    Raises:
        ConfigError: unknown dataset or mode.
    """
    if mode not in MODES:
        raise ConfigError(f"Mode {mode!r} of class names: choose one of {', '.join(MODES)}.")
    if dataset not in RULES:
        raise ConfigError(f"No rule for class names of {dataset!r}. {did_you_mean(dataset, RULES)}")
    overrides = _tables()["overrides"].get(dataset, {})
    if mode == "legacy":
        overrides = {**overrides, **LEGACY_OVERRIDES.get(dataset, {})}
    written = overrides.get(name)
    if written is not None and dataset != "hmdb51":
        return written.split(" ")
    return RULES[dataset](written or name, lambda word: verb_lemma(word, mode))


Lemma = Callable[[str], str]


def _ucf101(name: str, lemma: Lemma) -> list[str]:
    return [lemma(word.lower()) for word in re.findall(r"[A-Z][^A-Z]*|^[^A-Z]+", name)]


def _hmdb51(name: str, lemma: Lemma) -> list[str]:
    return [lemma(word) for word in name.replace("_", " ").split(" ")]


def _kinetics(name: str, lemma: Lemma) -> list[str]:
    return _without_stop_words(name.lower().split(" "), KINETICS_STOP_WORDS, lemma)


def _activitynet(name: str, lemma: Lemma) -> list[str]:
    words = name.removeprefix(" ").lower().replace("_", " ").split(" ")
    return _without_stop_words(words, STOP_WORDS, lemma)


def _without_stop_words(words: Sequence[str], stop: frozenset[str], lemma: Lemma) -> list[str]:
    """Leave out stop words, and what stands in parentheses after ``not``."""
    kept = [word for word in words if word not in stop]
    if "(not" in kept:
        kept = kept[: kept.index("(not")]
    return [lemma(word.replace("(", "").replace(")", "")) for word in kept]


def _sun397(name: str, lemma: Lemma) -> list[str]:
    return name.lower().replace("/", "_").split("_")


def _plain(name: str, lemma: Lemma) -> list[str]:
    return [word for word in re.split(r"[\s_]+", name.lower()) if word not in STOP_WORDS]


RULES: dict[str, Callable[[str, Lemma], list[str]]] = {
    "ucf101": _ucf101,
    "hmdb51": _hmdb51,
    "kinetics700": _kinetics,
    "activitynet200": _activitynet,
    "sun397": _sun397,
    "demo": _ucf101,
    "plain": _plain,
}


@lru_cache(maxsize=1)
def _tables() -> dict:
    return json.loads((ASSETS / "class_names.json").read_text(encoding="utf-8"))


def excluded_preset(name: str) -> list[str]:
    """Return the training classes that a preset leaves out: ``zsl_664``, 36 of Kinetics-700.

    These have the very words of a class of UCF101 or HMDB51, whatever the word vectors.

    Raises:
        ConfigError: unknown preset.
    """
    presets = {key: value for key, value in _tables().items() if key != "overrides"}
    if name not in presets:
        raise ConfigError(f"No preset of excluded classes {name!r}. {did_you_mean(name, presets)}")
    return presets[name]
