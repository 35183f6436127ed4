"""The probes: each from features of training and test items to numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from slowfast.evaluation import classification, retrieval
from slowfast.evaluation.neighbours import class_recall, nearest, unit, vote
from slowfast.evaluation.probe_training import Clips, Fitted, Recipe, fit_probes
from slowfast.evaluation.retrieval import alignment, uniformity
from slowfast.evaluation.svm import MAX_ITERATIONS, svm_scores
from slowfast.models.feature_maps import EMBEDDING, FeatureName
from slowfast.models.heads.attentive_probe import AttentiveProbes
from slowfast.models.heads.linear_probes import LinearProbes
from slowfast.tasks.probes import Outcome, Setting, probe
from slowfast.utils.errors import ConfigError
from slowfast.utils.logging import get_logger

logger = get_logger(__name__)

RANKS = (1, 5, 10, 20, 50)
CROSS_RANKS = (1, 5, 10)
SHOWN = 5  # neighbours that the report shows
MAP_POINTS = 3000
FEWEST_STEPS = 100
LEARNING = ("LRS", "DECAYS", "EPOCHS", "BATCH_SIZE")  # keys of probes that learn by gradients
VECTOR = "a feature that is a vector"
TOKENS = "a feature that is a set of tokens, such as video:map"


def _vectors(features: Sequence[FeatureName]) -> list[FeatureName]:
    return [f for f in features if not f.is_tokens]


def _tokens(features: Sequence[FeatureName]) -> list[FeatureName]:
    return [f for f in features if f.is_tokens]


def _audio(features: Sequence[FeatureName]) -> list[FeatureName]:
    return [f for f in _vectors(features) if f.modality == "audio"]


def _pair(features: Sequence[FeatureName]) -> list[FeatureName]:
    """Return the embeddings of frames and audio, which live in one space."""
    found = [f for f in features if f.layer == EMBEDDING]
    return found if len(found) == 2 else []


def _of_each(found: dict[str, dict[str, float]]) -> dict[str, float]:
    """Return the measures of the first feature, and those of all under ``measure@feature``."""
    first = dict(next(iter(found.values())))
    if len(found) > 1:
        first |= {f"{key}@{name}": x for name, own in found.items() for key, x in own.items()}
    return first


def _accuracies(setting: Setting, scores: np.ndarray) -> dict[str, float]:
    """Return top-1, top-5 and per-class accuracy of all test items; unreadable ones are wrong."""
    labels, valid = setting.test.labels, setting.test.valid
    predicted = classification.predicted_classes(scores, valid)
    return {
        "top1_acc": classification.topk_accuracy(scores, labels, 1, valid),
        "top5_acc": classification.topk_accuracy(scores, labels, 5, valid),
        "mean_class_acc": classification.mean_class_accuracy(labels, predicted, scores.shape[1]),
    }


def _every_item(setting: Setting, found: np.ndarray) -> np.ndarray:
    """Return rows for all test items, NaN for the unreadable ones."""
    scores = np.full((len(setting.test.rows), found.shape[1]), np.nan, np.float32)
    scores[setting.test.valid] = found
    return scores


def _with_chance(setting: Setting, found: dict[str, dict[str, float]]) -> dict[str, float]:
    return {**_of_each(found), "chance_top1": 100.0 / setting.classes}


@probe("linear", "top1_acc", _vectors, VECTOR, keys=(*LEARNING, "AFFINE_BN"))
def linear(setting: Setting, features: Sequence[FeatureName]) -> Outcome:
    """Train linear classifiers on every feature; see :mod:`slowfast.evaluation.probe_training`."""
    affine = setting.options["AFFINE_BN"]

    def build(feature: FeatureName, dim: int):
        args = (dim, setting.classes)
        return lambda count: LinearProbes(*args, count, affine, setting.seed)

    return _learn(setting, features, build)


@probe("attentive", "top1_acc", _tokens, TOKENS, keys=(*LEARNING, "HEADS", "DEPTH"))
def attentive(setting: Setting, features: Sequence[FeatureName]) -> Outcome:
    """Train V-JEPA 2's attentive probe on the tokens of all clips of an item."""
    heads, depth = setting.options["HEADS"], setting.options["DEPTH"]

    def build(feature: FeatureName, dim: int):
        if dim % heads:
            raise ConfigError(
                f"PROBE.HEADS {heads} does not divide the {dim} channels of {feature.text}."
            )
        args = (dim, setting.classes, heads, depth, setting.seed)
        return lambda count: AttentiveProbes(count, *args)

    return _learn(setting, features, build)


def _learn(setting: Setting, features: Sequence[FeatureName], build) -> Outcome:
    options = setting.options
    recipe = Recipe(
        tuple(options["LRS"]),
        tuple(options["DECAYS"]),
        options["EPOCHS"],
        options["BATCH_SIZE"],
        setting.seed,
    )
    found: dict[str, dict[str, float]] = {}
    _warn_of_few_steps(setting.train.clips(features[0]), recipe)
    protocol: dict[str, str | float] = {"pairs of rate and decay": len(recipe.grid)}
    shown, readable = None, setting.test.readable()
    for feature in features:
        train, test = (rows.clips(feature) for rows in (setting.train, readable))
        make = build(feature, train.array.shape[-1])
        fitted = fit_probes(make, train, setting.train.labels, test, recipe, setting.device)
        scores = _every_item(setting, fitted.scores)
        shown = scores if shown is None else shown
        found[feature.text] = _accuracies(setting, scores) | _of_grid(setting, fitted)
        protocol[f"{feature.text} rate"] = fitted.lr
        protocol[f"{feature.text} decay"] = fitted.decay
    return Outcome(_with_chance(setting, found), protocol, {"scores": shown})


def _warn_of_few_steps(clips: Clips, recipe: Recipe) -> None:
    steps = recipe.epochs * max(len(clips) * clips.views // recipe.batch_size, 1)
    if steps < FEWEST_STEPS:
        logger.warning(
            "A probe learns for %d steps only: lower PROBE.BATCH_SIZE %d or raise PROBE.EPOCHS %d.",
            steps,
            recipe.batch_size,
            recipe.epochs,
        )


def _of_grid(setting: Setting, fitted: Fitted) -> dict[str, float]:
    """Return the accuracy that chose, and that of whichever pair is best on the test items."""
    if len(fitted.every) == 1:
        return {}
    every = [_accuracies(setting, _every_item(setting, scores)) for scores in fitted.every]
    best = max(own["top1_acc"] for own in every)
    return {"held_out_top1_acc": fitted.held_out_acc, "best_on_test_top1_acc": best}


@probe("svm", "top1_acc", _vectors, VECTOR, keys=("SVM_C", "SVM_LOSS", "SVM_JOBS"), unasked=_audio)
def svm(setting: Setting, features: Sequence[FeatureName]) -> Outcome:
    """Train linear support vector machines on every feature; see :mod:`slowfast.evaluation.svm`."""
    options, found = setting.options, {}
    protocol: dict[str, str | float] = {"C": options["SVM_C"], "loss": options["SVM_LOSS"]}
    shown, readable = None, setting.test.readable()
    for feature in features:
        fitted = svm_scores(
            setting.train.load(feature),
            setting.train.labels,
            readable.load(feature),
            setting.classes,
            options["SVM_C"],
            options["SVM_LOSS"],
            options["SVM_JOBS"],
        )
        scores = _every_item(setting, fitted.scores)
        shown = scores if shown is None else shown
        found[feature.text] = _accuracies(setting, scores)
        if fitted.iterations >= MAX_ITERATIONS:
            protocol[f"{feature.text} solver"] = f"stopped after {MAX_ITERATIONS} iterations"
    return Outcome(_with_chance(setting, found), protocol, {"scores": shown})


@probe("knn", "top1_acc", _vectors, VECTOR, keys=("KNN_K", "KNN_TEMPERATURE", "FAISS"))
def knn(setting: Setting, features: Sequence[FeatureName]) -> Outcome:
    """Let the nearest training items vote, weighted by their cosine."""
    k, temperature = setting.options["KNN_K"], setting.options["KNN_TEMPERATURE"]
    found, shown, readable = {}, None, setting.test.readable()
    for feature in features:
        queries, gallery = readable.vectors(feature), setting.train.vectors(feature)
        near = nearest(queries, gallery, k, setting.options["FAISS"])
        votes = vote(near, setting.train.labels, setting.classes, temperature)
        scores = _every_item(setting, votes)
        shown = scores if shown is None else shown
        found[feature.text] = _accuracies(setting, scores)
    protocol = {"k": k, "temperature": temperature, **_search(setting)}
    return Outcome(_with_chance(setting, found), protocol, {"scores": shown})


@probe("retrieval", "r1", _vectors, VECTOR, keys=("FAISS",))
def class_retrieval(setting: Setting, features: Sequence[FeatureName]) -> Outcome:
    """Look for training items of the class of each test item (R@k of UCF101 and HMDB51)."""
    found, arrays, readable = {}, {}, setting.test.readable()
    labels, own = setting.train.labels, readable.labels
    for feature in features:
        queries, gallery = readable.vectors(feature), setting.train.vectors(feature)
        near = nearest(queries, gallery, max(RANKS), setting.options["FAISS"])
        recall = class_recall(near, own, labels, len(setting.test.rows), RANKS)
        found[feature.text] = {f"r{k}": value for k, value in recall.items()}
        arrays = arrays or _for_report(setting, near.rows[:, :SHOWN], queries)
    protocol = {"gallery": len(labels), **_search(setting)}
    return Outcome(_of_each(found), protocol, arrays)


def _search(setting: Setting) -> dict[str, str]:
    """Return what the numbers need to say about how neighbours were found."""
    index = setting.options["FAISS"]
    return {"search": f"FAISS {index}"} if index else {}


def _for_report(setting: Setting, rows: np.ndarray, queries: np.ndarray) -> dict[str, np.ndarray]:
    """Return the nearest items of each test item, and some vectors for a map."""
    train, valid = setting.train, setting.test.valid
    near = np.full((len(valid), rows.shape[1]), -1)
    near[valid] = rows
    chosen = np.unique(np.linspace(0, len(queries) - 1, min(MAP_POINTS, len(queries))).astype(int))
    paths = np.array([train.items.paths[row] for row in range(len(train.items))])
    return {
        "near_path": np.where(near >= 0, paths[near], ""),
        "near_label": np.where(near >= 0, train.labels[near], -1),
        "map_vectors": unit(queries[chosen]),
        "map_label": setting.test.labels[valid][chosen],
    }


@probe(
    "cross_modal",
    "retrieval_r1",
    _pair,
    "video.embedding and audio.embedding of a self-supervised method",
    labels=False,
)
def cross_modal(setting: Setting, features: Sequence[FeatureName]) -> Outcome:
    """Look for the frames of each audio among those of all test items, and back."""
    readable, count = setting.test.readable(), len(setting.test.rows)
    one, two = (unit(readable.vectors(feature)) for feature in features)
    forth = retrieval.recall(retrieval.ranks(one, two), count, CROSS_RANKS)
    back = retrieval.recall(retrieval.ranks(two, one), count, CROSS_RANKS)
    names = [feature.modality for feature in features]
    metrics = {f"retrieval_r{k}": (forth[k] + back[k]) / 2 for k in CROSS_RANKS}
    metrics |= {f"{names[0]}_to_{names[1]}_r{k}": forth[k] for k in CROSS_RANKS}
    metrics |= {f"{names[1]}_to_{names[0]}_r{k}": back[k] for k in CROSS_RANKS}
    return Outcome({**metrics, "chance_r1": 100.0 / count})


@probe("geometry", "uniformity", _vectors, VECTOR, labels=False)
def geometry(setting: Setting, features: Sequence[FeatureName]) -> Outcome:
    """Measure uniformity, and alignment of two views of an item and of its two modalities."""
    found, readable = {}, setting.test.readable()
    for feature in features:
        clips = readable.clips(feature)
        own = {"uniformity": uniformity(readable.vectors(feature))}
        if clips.views > 1:
            ends = (clips.array[clips.rows, view] for view in (0, -1))
            own["alignment_views"] = alignment(*ends)
        found[feature.text] = own
    metrics = _of_each(found)
    if pair := _pair(features):
        metrics["alignment_modalities"] = alignment(*(readable.vectors(f) for f in pair))
    return Outcome(metrics)
