import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, top_k_accuracy_score

from slowfast.evaluation import classification


@st.composite
def problems(draw):
    count, classes = draw(st.integers(1, 30)), draw(st.integers(3, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.random((count, classes)), rng.integers(0, classes, count)


@given(problems(), st.integers(1, 5))
def test_topk_equals_scikit_learn(problem, k):
    scores, labels = problem
    classes = scores.shape[1]
    k = min(k, classes)
    wanted = 100.0
    if k < classes:
        wanted *= top_k_accuracy_score(labels, scores, k=k, labels=range(classes))
    assert classification.topk_accuracy(scores, labels, k) == pytest.approx(wanted)


@given(problems())
def test_confusion_and_mean_class_accuracy_equal_scikit_learn(problem):
    scores, labels = problem
    classes = scores.shape[1]
    predicted = scores.argmax(1)
    matrix = classification.count_pairs(labels, classification.predicted_classes(scores), classes)
    assert (matrix[:, :-1] == confusion_matrix(labels, predicted, labels=range(classes))).all()
    assert (matrix[:, -1] == 0).all()
    present = np.unique(labels)
    recalls = [np.mean(predicted[labels == c] == c) for c in present]
    found = classification.mean_class_accuracy(labels, predicted, classes)
    assert found == pytest.approx(100 * np.mean(recalls))


def test_unreadable_items_count_as_wrong_in_every_measure():
    scores, labels = np.eye(4), np.arange(4)
    valid = np.array([True, True, True, False])
    assert classification.topk_accuracy(scores, labels, 1, valid) == 75
    assert classification.topk_accuracy(scores, labels, 5, valid) == 75
    predicted = classification.predicted_classes(scores, valid)
    assert classification.count_pairs(labels, predicted, 4)[3].tolist() == [0, 0, 0, 0, 1]
    assert classification.per_class_accuracy(labels, predicted, 4).tolist() == [100, 100, 100, 0]


def test_scores_that_are_not_numbers_are_wrong_not_lucky():
    scores = np.full((1, 3), np.nan)
    assert classification.topk_accuracy(scores, np.array([0]), 1) == 0


def test_a_tie_goes_to_the_lower_class():
    scores = np.zeros((2, 3))
    assert classification.label_ranks(scores, np.array([0, 2])).tolist() == [0, 2]


def test_views_are_averaged_or_maximised():
    views = np.array([[[0.2, 0.8], [0.9, 0.1]]])
    assert classification.combine_views(views, "sum") == pytest.approx(np.array([[0.55, 0.45]]))
    assert classification.combine_views(views, "max") == pytest.approx(np.array([[0.9, 0.8]]))


def test_many_rows_are_ranked_as_few_are():
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 4, (2500, 5)).astype(np.float32)
    labels, valid = rng.integers(0, 5, 2500), rng.random(2500) > 0.1
    scores[7, 2] = np.nan
    together = classification.label_ranks(scores, labels, valid)
    alone = [
        classification.label_ranks(scores[k : k + 1], labels[k : k + 1], valid[k : k + 1])[0]
        for k in range(0, 2500, 83)
    ]
    assert together[::83].tolist() == alone and together[7] == 5
    predicted = classification.predicted_classes(scores, valid)
    assert ((predicted == 5) == ~valid | np.isnan(scores).any(axis=1)).all()
