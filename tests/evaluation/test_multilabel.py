"""Charades' mean average precision against recorded numbers."""

import numpy as np
import pytest

from slowfast.evaluation import multilabel
from slowfast.evaluation.multilabel import mean_average_precision


@pytest.fixture(scope="module")
def case(recorded):
    return recorded("severe/charades_eval.json")


def multi_hot(positives, num_classes):
    labels = np.zeros((len(positives), num_classes))
    for row, classes in enumerate(positives):
        labels[row, classes] = 1
    return labels


def test_mean_and_every_class_are_the_recorded_ones(case):
    labels = multi_hot(case["positives"], case["num_classes"])
    mean, per_class = mean_average_precision(case["preds"], labels)
    want = np.array([np.nan if ap is None else ap for ap in case["per_class_ap"]])
    assert mean == pytest.approx(case["mAP"], abs=1e-9)
    np.testing.assert_allclose(per_class, want, rtol=0, atol=1e-9)
    assert np.flatnonzero(np.isnan(per_class)).tolist() == case["classes_without_positives"]


def test_views_are_joined_by_the_largest_score_as_recorded(case):
    views = case["ensemble"]
    scores = np.array(views["clip_preds_3dec"], dtype=float)
    labels = multi_hot(case["positives"][: views["num_videos"]], case["num_classes"])
    joined = multilabel.combine_views(scores, "max")
    found, _ = mean_average_precision(joined, labels)
    want = views["results"]["max"]
    recorded = want["mAP"] if isinstance(want, dict) else want
    assert found == pytest.approx(recorded, abs=1e-6)


def test_summed_views_are_not_lost_in_a_huge_start_value(case):
    # The reference adds to -1e10 in single precision, where every score vanishes.
    scores = np.array(case["ensemble"]["clip_preds_3dec"], dtype=np.float32)
    joined = multilabel.combine_views(scores, "sum")
    np.testing.assert_allclose(joined, scores.astype(float).sum(1), rtol=1e-6)


def test_no_positive_at_all_is_undefined_where_pyslowfast_says_zero(case):
    mean, per_class = mean_average_precision(np.ones((3, 4)), np.zeros((3, 4)))
    assert case["all_negative_labels_result"] == 0
    assert np.isnan(mean) and np.isnan(per_class).all()
    result = multilabel.evaluate(np.ones((3, 4)), np.zeros((3, 4)))
    assert "no class has a positive video" in multilabel.report(result)


def test_equal_scores_are_one_step():
    labels = np.array([[1], [0], [0], [1]])
    mean, _ = mean_average_precision(np.full((4, 1), 0.3), labels)
    assert mean == pytest.approx(0.5)


def test_the_weighted_mean_counts_positives():
    labels = np.array([[1, 0], [1, 1], [0, 0], [0, 0]])
    scores = np.array([[0.9, 0.9], [0.8, 0.1], [0.1, 0.2], [0.2, 0.3]])
    result = multilabel.evaluate(scores, labels)
    np.testing.assert_allclose(result.per_class, [1.0, 0.25])
    assert result.mean == pytest.approx(0.625)
    assert result.weighted == pytest.approx((2 * 1.0 + 0.25) / 3)


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        (np.ones((2, 3)), np.ones((2, 2)), "expected one"),
        (np.ones((2, 3)), np.full((2, 3), 0.5), "0 or 1"),
        (np.full((2, 3), np.nan), np.ones((2, 3)), "finite"),
    ],
)
def test_wrong_tables_are_refused(scores, labels, message):
    with pytest.raises(ValueError, match=message):
        mean_average_precision(scores, labels)


def test_the_command_prints_a_table_best_class_first(tmp_path, capsys):
    labels = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 0, 0]])
    scores = np.array([[0.9, 0.9, 0], [0.8, 0.1, 0], [0.1, 0.2, 0], [0.2, 0.3, 0]])
    np.savetxt(tmp_path / "s.csv", scores, delimiter=",")
    np.save(tmp_path / "l.npy", labels)
    words = ["--scores", str(tmp_path / "s.csv"), "--labels", str(tmp_path / "l.npy")]
    assert multilabel.main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "mAP 62.50 %, weighted by positives 75.00 %"
    assert [line.split()[-1] for line in lines[1:]] == ["0", "1", "2"]
    np.savez(tmp_path / "t.npz", scores=scores, labels=labels, class_names=["a", "b", "c"])
    assert multilabel.main(["--scores", str(tmp_path / "t.npz")]) == 0
    assert "2 positives  a" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["nowhere.npz", "text.csv", "other.npz"])
def test_the_command_names_a_wrong_file(tmp_path, capsys, name):
    (tmp_path / "text.csv").write_text("a,b\n")
    np.savez(tmp_path / "other.npz", logits=np.ones(3))
    assert multilabel.main(["--scores", str(tmp_path / name)]) == 1
    assert f"{name}: no table of scores" in capsys.readouterr().err
