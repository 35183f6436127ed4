"""Probes on cached features: what they learn, and that none depends on its neighbours in the grid."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from slowfast.evaluation.probe_training import (
    Clips,
    Recipe,
    fit_probes,
    held_out_tenth,
    probabilities,
    train_probes,
)
from slowfast.evaluation.svm import svm_scores
from slowfast.models.heads.linear_probes import LinearProbes


@pytest.fixture(scope="module")
def clusters():
    """Three classes that overlap a little: features (N, V, D) and labels of train and test."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 12)) * 1.5

    def draw(count):
        labels = np.arange(count) % 3
        noise = rng.normal(size=(count, 2, 12))
        return (centres[labels][:, None] + noise).astype(np.float32), labels

    return *draw(90), *draw(60)


def test_one_of_many_learns_as_it_does_alone(clusters):
    train, labels, test, _ = clusters
    train, test = Clips.of(train), Clips.of(test)
    recipe = Recipe((0.1, 0.001), (0.0, 0.5), epochs=3, batch_size=16)
    together = LinearProbes(12, 3, 4)
    train_probes(together, train, labels, recipe.grid, recipe)
    scores = probabilities(together, test)
    for place, pair in enumerate(recipe.grid):
        alone = LinearProbes(12, 3, 1)
        train_probes(alone, train, labels, [pair], recipe)
        np.testing.assert_allclose(scores[place], probabilities(alone, test)[0], atol=1e-6)
    assert len({round(float(own.max()), 3) for own in scores}) == 4


def test_the_batched_product_is_batch_norm_and_a_linear_layer(clusters):
    x = torch.from_numpy(clusters[0][:20, 0])
    probes = LinearProbes(12, 3, 2)
    with torch.no_grad():
        for place in range(2):
            for parameter in probes.of(place):
                parameter.add_(torch.randn(parameter.shape))
    for place, logits in enumerate(probes(x)):
        weight, bias, scale, shift = probes.of(place)
        expected = F.linear(F.batch_norm(x, None, None, scale, shift, True), weight.T, bias)
        torch.testing.assert_close(logits, expected)
    probes(x + 1)
    mean = torch.stack([x.mean(0), x.mean(0) + 1]).mean(0)
    torch.testing.assert_close(probes.norm.running_mean, mean)  # not a moving one


def test_the_held_out_tenth_chooses_and_not_the_test_set(clusters):
    train, labels, test, truth = clusters
    train, test = Clips.of(train), Clips.of(test)
    recipe = Recipe((1e-7, 0.02), epochs=10, batch_size=32)
    fitted = fit_probes(lambda count: LinearProbes(12, 3, count), train, labels, test, recipe)
    assert fitted.lr == 0.02 and fitted.held_out_acc > 80
    assert (fitted.scores.argmax(1) == truth).mean() > 0.85
    assert fitted.every.shape == (2, 60, 3)
    np.testing.assert_allclose(fitted.scores.sum(1), 1, rtol=1e-5)
    again = fit_probes(lambda count: LinearProbes(12, 3, count), train, labels, test, recipe)
    np.testing.assert_array_equal(fitted.scores, again.scores)


def test_a_tenth_of_each_class_is_held_out():
    labels = np.repeat([0, 1, 2, 3], [30, 4, 2, 1])
    held = held_out_tenth(labels, 0)
    assert np.bincount(labels[held], minlength=4).tolist() == [3, 1, 1, 0]


def test_svm_follows_its_recipe(clusters):
    from sklearn.svm import LinearSVC

    train, labels, test, _ = clusters
    found = svm_scores(train, labels, test, 5, c=0.5, loss="squared_hinge")
    rows = train.reshape(-1, 12)
    mean, std = rows.mean(0), rows.std(0) + 0.01
    for label in range(3):
        machine = LinearSVC(C=0.5, loss="squared_hinge", dual=True, random_state=0, max_iter=200)
        machine.fit((rows - mean) / std, labels.repeat(2) == label)
        values = [machine.decision_function((item - mean) / std).mean() for item in test]
        np.testing.assert_allclose(found.scores[:, label], values, rtol=1e-5, atol=1e-6)
    together = svm_scores(train, labels, test, 5, c=0.5, loss="squared_hinge", jobs=2)
    np.testing.assert_array_equal(together.scores, found.scores)
    assert (found.scores[:, 3:].max() < found.scores[:, :3].min()) and found.iterations <= 200


def test_svm_of_two_classes(clusters):
    train, labels, test, truth = clusters
    two, both = labels < 2, truth < 2
    found = svm_scores(train[two], labels[two], test[both], 2)
    assert found.scores.shape == (both.sum(), 2)
    assert (found.scores.argmax(1) == truth[both]).mean() > 0.85


def test_clips_are_read_when_they_are_needed():
    array = np.arange(5 * 2 * 3 * 4, dtype=np.float32).reshape(5, 2, 3, 4)
    some = Clips.of(array).take(np.array([4, 1, 2])).take(np.array([False, True, True]))
    assert len(some) == 2 and some.views == 2
    np.testing.assert_array_equal(some.samples(np.array([0, 3])), array[[1, 2], [0, 1]])
    joined = Clips(array, np.array([3, 0]), joined=True)
    assert joined.views == 1
    np.testing.assert_array_equal(joined.samples(np.array([1])), array[:1].reshape(1, 6, 4))
