"""Search and voting against the plain definition."""

import sys
import tracemalloc

import numpy as np
import pytest

from slowfast.evaluation import neighbours
from slowfast.evaluation.neighbours import Neighbours, class_recall, first_hits, nearest, vote
from slowfast.evaluation.retrieval import alignment, uniformity
from slowfast.utils.errors import ConfigError


def brute_force(queries, gallery, k):
    found = []
    for q in queries.astype(float):
        cosines = [q @ g / np.linalg.norm(q) / np.linalg.norm(g) for g in gallery.astype(float)]
        found.append(sorted(range(len(gallery)), key=lambda m: (-round(cosines[m], 6), m))[:k])
    return np.array(found)


@pytest.mark.parametrize("k", [1, 7, 60, 500])
def test_the_search_is_exact(monkeypatch, k):
    monkeypatch.setattr(neighbours, "QUERIES", 4)
    monkeypatch.setattr(neighbours, "GALLERY", 13)
    rng = np.random.default_rng(0)
    queries, gallery = rng.normal(size=(11, 6)), rng.normal(size=(60, 6))
    found = nearest(queries, gallery, k)
    np.testing.assert_array_equal(found.rows, brute_force(queries, gallery, k))
    assert (np.diff(found.scores, axis=1) <= 0).all()


def test_of_equal_scores_the_lower_row_goes_first(monkeypatch):
    monkeypatch.setattr(neighbours, "GALLERY", 16)
    rng = np.random.default_rng(1)
    distinct = rng.integers(-1, 2, size=(7, 3)) + np.array([3, 0, 0])
    gallery = distinct[rng.integers(7, size=80)] * rng.integers(1, 4, size=(80, 1))
    for k in (1, 5, 33):
        found = nearest(distinct, gallery, k)
        np.testing.assert_array_equal(found.rows, brute_force(distinct, gallery, k))


@pytest.mark.parametrize("index", ["Flat", "IVF8,Flat"])
def test_faiss_finds_the_same_or_is_searched_exactly_where_it_finds_too_few(monkeypatch, index):
    pytest.importorskip("faiss", reason="the optional package faiss-cpu")
    monkeypatch.setattr(neighbours, "GALLERY", 100)
    rng = np.random.default_rng(3)
    queries, gallery = rng.normal(size=(9, 6)), rng.normal(size=(400, 6))
    k = 5 if index == "Flat" else 200  # more than one cell of eight holds
    found = nearest(queries, gallery, k, faiss=index)
    exact = nearest(queries, gallery, k)
    np.testing.assert_array_equal(found.rows, exact.rows)
    np.testing.assert_allclose(found.scores, exact.scores, atol=2e-6)


def test_an_index_that_faiss_lacks_is_refused_before_anything_is_computed(monkeypatch):
    class NoIndex:
        METRIC_INNER_PRODUCT = 0

        @staticmethod
        def index_factory(width, text, metric):
            raise RuntimeError(f"Error at index_factory.cpp: could not parse index string {text}")

    monkeypatch.setitem(sys.modules, "faiss", NoIndex)
    with pytest.raises(ConfigError, match=r"PROBE.FAISS Flt: .*could not parse"):
        nearest(np.ones((2, 4)), np.ones((3, 4)), 1, faiss="Flt")
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ConfigError, match="pip install faiss-cpu"):
        nearest(np.ones((2, 4)), np.ones((3, 4)), 1, faiss="Flat")


def test_a_large_gallery_is_searched_in_bounded_memory(tmp_path):
    gallery = np.lib.format.open_memmap(tmp_path / "g.npy", "w+", np.float16, (200_000, 512))
    rng = np.random.default_rng(2)
    gallery[:] = rng.integers(-3, 4, size=512)  # all the same, but for
    wanted = rng.choice(200_000, 5, replace=False)
    gallery[wanted] = rng.normal(size=(5, 512))
    queries = np.asarray(gallery[wanted], np.float32)
    tracemalloc.start()
    found = nearest(queries, gallery, 2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_array_equal(found.rows[:, 0], wanted)
    assert peak < 200e6  # the gallery has 200 MB, its float32 copy 400


def test_votes_are_weighted_and_ties_go_to_the_lower_class():
    found = Neighbours(
        np.array([[0, 1, 2], [3, 4, 0]]), np.float32([[0.9, 0.8, 0.8], [0.5, 0.5, 0.1]])
    )
    labels = np.array([1, 0, 0, 2, 1])
    votes = vote(found, labels, 3, 0.1)
    expected = np.exp((np.array([0.9, 0.8, 0.5, 0.1]) - 1) / 0.1)
    np.testing.assert_allclose(votes[0], [2 * expected[1], expected[0], 0], rtol=1e-5)
    np.testing.assert_allclose(votes[1], [0, expected[2] + expected[3], expected[2]], rtol=1e-5)


def test_recall_counts_the_first_of_the_own_class():
    found = Neighbours(np.array([[0, 1, 2], [2, 1, 0], [1, 2, 0]]), np.ones((3, 3), np.float32))
    gallery, queries = np.array([5, 6, 7]), np.array([5, 6, 8])
    assert first_hits(found, queries, gallery).tolist() == [1, 2, 4]
    recall = class_recall(found, queries, gallery, 4, (1, 2, 50))
    assert recall == {1: 25.0, 2: 50.0, 50: 50.0}  # the fourth query could not be read


def test_alignment_and_uniformity_follow_their_definition():
    rng = np.random.default_rng(3)
    one, other = rng.normal(size=(40, 5)), rng.normal(size=(40, 5))
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (one, other))
    assert alignment(one, other) == pytest.approx(
        np.mean([(x - y) @ (x - y) for x, y in zip(a, b, strict=True)]), rel=1e-5
    )
    pairs = [np.exp(-2 * (a[i] - a[j]) @ (a[i] - a[j])) for i in range(40) for j in range(i)]
    assert uniformity(one) == pytest.approx(np.log(np.mean(pairs)), rel=1e-5)
    assert uniformity(np.ones((3, 4))) == pytest.approx(0, abs=1e-6)
    assert np.isnan(uniformity(one[:1])) and alignment(one, 3 * one) < 1e-12
