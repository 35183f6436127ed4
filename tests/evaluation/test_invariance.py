"""What is ignored and what is told, on embeddings that are known to do either."""

import numpy as np
import pytest

from slowfast.evaluation.invariance import Space, direction_auc, measure, share_nearer

VIDEOS, CLIPS, SIZE = 12, 3, 64
EDGES = [0.0, 1.5, 3.0]


def vectors(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal((*shape, SIZE))


START = np.broadcast_to(np.arange(CLIPS, dtype=float), (VIDEOS, CLIPS))
PER_VIDEO = np.repeat(vectors(VIDEOS, 1), CLIPS, axis=1)
PER_CLIP = vectors(VIDEOS, CLIPS)


def test_embeddings_of_whole_videos_ignore_everything():
    found = measure(Space(PER_VIDEO, PER_VIDEO, PER_VIDEO, START), EDGES)
    for step in ("reversal", "shift"):
        assert found[step]["kept"] == pytest.approx(1)
        assert found[step]["auc"] == pytest.approx(0.5)
    assert [row["distance"] for row in found["curve"]] == [1, 2]
    assert [row["pairs"] for row in found["curve"]] == [4 * VIDEOS, 2 * VIDEOS]


def test_embeddings_of_single_clips_tell_everything():
    found = measure(Space(PER_CLIP, PER_CLIP, vectors(VIDEOS, CLIPS, seed=1), START), EDGES)
    for step in ("reversal", "shift"):
        assert abs(found[step]["kept"]) < 0.1
        assert found[step]["auc"] == 1
    against = measure(Space(PER_CLIP, PER_CLIP, -PER_CLIP, START), EDGES)
    assert against["reversal"]["kept"] < -0.9


def test_a_direction_is_told_apart_from_a_shift():
    turn = vectors(1, 1, seed=2)
    space = Space(PER_VIDEO + turn, PER_VIDEO + turn, PER_VIDEO - turn, START)
    found = measure(space, EDGES)
    assert found["shift"]["kept"] == pytest.approx(1)
    assert found["reversal"]["kept"] < 0.2 and found["reversal"]["auc"] == 1


def test_own_similarity_and_that_of_other_videos_are_plain_means():
    space = Space(PER_CLIP, PER_VIDEO, PER_VIDEO, START)
    found = measure(space, EDGES)["reversal"]
    unit = [x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (PER_CLIP, PER_VIDEO)]
    own, other = [], []
    for a in range(VIDEOS):
        for i in range(CLIPS):
            own.append(unit[0][a, i] @ unit[1][a, i])
            other += [
                unit[0][a, i] @ unit[1][b, j] for b in range(VIDEOS) if b != a for j in range(CLIPS)
            ]
    assert found["own"] == pytest.approx(np.mean(own))
    assert found["other"] == pytest.approx(np.mean(other))


def test_a_network_that_knows_nothing_has_nothing_to_keep():
    constant = np.ones_like(PER_CLIP)
    found = measure(Space(constant, constant, constant, START, same=True), EDGES)
    assert found["reversal"]["kept"] is None and found["reversal"]["auc"] is None


def test_the_direction_is_learned_from_other_videos():
    turn = 0.5 * vectors(1, 1, seed=2)
    assert direction_auc(PER_CLIP + turn, PER_CLIP - turn) > 0.95
    assert 0.3 < direction_auc(vectors(40, 3), vectors(40, 3, seed=3)) < 0.7
    assert direction_auc(PER_CLIP[:3], PER_CLIP[:3]) is None


def test_equal_similarities_count_half():
    assert share_nearer(np.array([1.0, 0.0, 2.0]), np.array([0.0, 0.0, 3.0])) == 0.5
