"""Zero-shot measures against the recorded ones and against brute force."""

import re

import numpy as np
import pytest
from oracles.fills import madeup_vector

from slowfast.evaluation import zero_shot
from slowfast.models.text import class_words
from slowfast.utils.errors import ConfigError


def vectors_of(recorded, dataset):
    return np.array([row for _, row in recorded("zeroshot/class_embeddings_madeup.json")[dataset]])


@pytest.mark.parametrize("dataset", ["ucf101", "hmdb51"])
def test_predictions_and_both_protocols_are_the_recorded_ones(dataset, recorded):
    want, classes = (
        recorded("zeroshot/evaluation_madeup.json")[dataset],
        vectors_of(recorded, dataset),
    )
    labels = (7 * np.arange(want["n"]) + 3) % len(classes)
    size = want["n"] * classes.shape[1]
    noise = np.sin(0.29 * np.arange(size) + 1.0).reshape(want["n"], -1)
    embeddings = classes[labels] + 0.35 * noise
    found = zero_shot.nearest_class(embeddings, classes, 5)
    assert found[:, 0].tolist() == want["nearest_all"]
    assert found[:20].tolist() == want["top5_predictions_first20"]
    for k in (1, 5):
        accuracy = zero_shot.topk_accuracy(embeddings, labels, classes, k)
        assert accuracy == pytest.approx(want[f"top{k}"])
        mean, std = zero_shot.half_class_accuracy(embeddings, labels, classes)[k]
        assert mean == pytest.approx(want[f"split_mean_top{k}"])
        assert std == pytest.approx(want[f"split_std_top{k}"], abs=1e-9)


@pytest.mark.parametrize("count", [101, 51, 200])
def test_half_class_splits_are_the_recorded_ones(count, recorded):
    want = recorded("zeroshot/half_class_splits.json")[str(count)]
    assert [split.tolist() for split in zero_shot.half_class_splits(count)] == want


def class_vectors(recorded, dataset):
    names = [name for name, _ in recorded(f"zeroshot/tokens_{dataset}.json")["tokens"]]
    rows = [
        np.mean([madeup_vector(w) for w in class_words(n, dataset, "legacy")], axis=0)
        for n in names
    ]
    return names, np.stack(rows)


def test_classes_kept_apart_are_the_recorded_ones(recorded):
    sets = {"ucf": "ucf101", "hmdb": "hmdb51", "activitynet": "activitynet200"}
    vectors = {short: class_vectors(recorded, name)[1] for short, name in sets.items()}
    names, train = class_vectors(recorded, "kinetics700")
    for case in recorded("zeroshot/overlap_filter_madeup.json")["results"]:
        test = np.concatenate([vectors[short] for short in case["test"].split("+")])
        found = zero_shot.separate(train, test, case["tau"])
        removed = [name for name, kept in zip(names, found.kept, strict=True) if not kept]
        assert sorted(removed) == sorted(case["removed"]) and found.kept.sum() == case["kept"]


def test_same_words_need_no_vectors(recorded):
    def words(dataset):
        names = [name for name, _ in recorded(f"zeroshot/tokens_{dataset}.json")["tokens"]]
        return {name: class_words(name, dataset, "legacy") for name in names}

    test = {**words("ucf101"), **words("hmdb51")}
    found = zero_shot.same_words(words("kinetics700"), test)
    pairs = recorded("zeroshot/kinetics_overlap_exact.json")["kinetics700_lemma"]["ucf_hmdb"][
        "pairs"
    ]
    assert sorted(found) == sorted(name for name, _ in pairs)
    assert found["archery"] == ["Archery"]


def test_equal_classes_come_in_their_order_and_k_is_limited():
    classes = np.array([[1.0, 0], [2.0, 0], [0, 1.0]])
    assert zero_shot.nearest_class(np.array([[3.0, 0]]), classes, 9).tolist() == [[0, 1, 2]]
    assert zero_shot.nearest_class(np.zeros((0, 2)), classes, 1).shape == (0, 1)


@pytest.mark.parametrize("shape", [(2, 3), (2,)])
def test_vectors_of_another_length_are_refused(shape):
    with pytest.raises(ConfigError, match=re.escape(f"shape {shape}") + ".*ZERO_SHOT.VECTORS"):
        zero_shot.nearest_class(np.ones(shape), np.ones((4, 2)))


def test_unreadable_items_count_as_wrong():
    classes, labels = np.eye(2), np.array([0, 1])
    assert zero_shot.topk_accuracy(classes, labels, classes, 1, np.array([True, False])) == 50.0


def test_generalised_accuracy_is_by_hand():
    classes, labels = np.eye(3), np.array([0, 0, 1, 2])
    embeddings = np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 1.0, 0], [1.0, 0, 0]])
    found = zero_shot.generalised_accuracy(
        embeddings, labels, classes, np.array([True, False, False])
    )
    assert found == (50.0, 50.0, 50.0)
    none = zero_shot.generalised_accuracy(
        1 - classes, np.arange(3), classes, np.array([1, 0, 0]) > 0
    )
    assert none.harmonic == 0.0
