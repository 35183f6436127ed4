"""The part of a report about zero-shot classes."""

import numpy as np
import pytest

from slowfast.visualization.zero_shot_report import nearest_rows, sections, similarity_figure


@pytest.fixture
def found():
    rng = np.random.default_rng(0)

    def unit(count):
        rows = rng.normal(size=(count, 8))
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    embeddings = unit(5)
    return {
        "embedding": embeddings,
        "label": np.array([0, 1, 2, 0, 1]),
        "valid": np.array([True, True, True, False, True]),
        "path": np.array([f"a/{k}.mp4" for k in range(5)]),
        "class_names": np.array(["run <fast>", "swim", "fly"]),
        "class_vectors": np.concatenate([embeddings[:1], unit(2)]),
        "model_choice": np.str_("last epoch"),
        "train_names": np.array(["walk", "sprint"]),
        "train_vectors": unit(2),
        "train_kept": np.array([True, False]),
    }


def test_it_says_what_was_chosen_left_out_and_found(found):
    page = "".join(sections(found))
    assert "Tested: the last epoch." in page and "1 in all" in page
    assert "run &lt;fast&gt; (1.00)" in page and "3.mp4" not in page and "4.mp4" in page


def test_without_training_classes_there_is_no_map(found):
    for name in ("train_names", "train_vectors", "train_kept"):
        del found[name]
    page = "".join(sections(found))
    assert "Training classes" not in page and "Nearest names" in page


def test_nothing_readable_has_no_names(found):
    found["valid"][:] = False
    assert "Nearest names" not in "".join(sections(found))


def test_the_nearest_pairs_are_drawn_and_half_of_them_may_be_left_out():
    rng = np.random.default_rng(0)
    scores = rng.uniform(-1, 1, (200, 80))
    kept = np.arange(200) % 2 == 0
    rows, columns = nearest_rows(scores, kept)
    assert (len(rows), len(columns)) == (50, 60) and (~kept[rows]).sum() == 25
    best = scores.max(axis=1)
    assert best[rows[:25]].min() >= np.sort(best[~kept])[-25]
    assert (
        similarity_figure(scores[:3, :4], ["a", "b", "c"], list("wxyz"), kept[:3])[:4] == b"\x89PNG"
    )
