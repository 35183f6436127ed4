import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.frame_ap import average_precision

from slowfast.evaluation import ava
from slowfast.evaluation.ava import Boxes, evaluate, evaluate_files, image_keys
from slowfast.evaluation.ava.__main__ import main
from slowfast.evaluation.average_precision import ranking
from slowfast.evaluation.predictions import save_predictions
from slowfast.utils.errors import SlowFastError

SQUARE, BESIDE = [0.1, 0.1, 0.5, 0.5], [0.5, 0.1, 0.9, 0.5]
NOTHING = Boxes([], np.empty((0, 4)), [], [])


def table(*rows):
    """Return boxes from rows (key, box, label[, score])."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    return Boxes(*columns)


def pbtxt(labels):
    return "".join(f'item {{\n  name: "{name}"\n  id: {label}\n}}\n' for label, name in labels)


@pytest.fixture(scope="module")
def severe(recorded, tmp_path_factory):
    """Return what the SEVERE benchmark's evaluator found, and the files it read."""
    known, folder = recorded("severe/ava_eval.json"), tmp_path_factory.mktemp("ava")
    for name in ("gt", "det", "excluded"):
        (folder / name).write_text("\n".join(known[f"{name}_csv"]) + "\n")
    (folder / "labels").write_text(pbtxt(known["labelmap"]))
    files = {
        "ground_truth": folder / "gt",
        "detections": folder / "det",
        "label_map": folder / "labels",
        "excluded": folder / "excluded",
    }
    return known, files


@pytest.fixture(scope="module")
def severe_tables(severe):
    _, files = severe
    return {name: getattr(ava, f"read_{name}")(path) for name, path in files.items()}


def assert_recorded(result, recorded, labels=None):
    for label, wanted in recorded.items():
        if labels is None or int(label) in labels:
            wanted = np.nan if wanted is None else wanted
            assert result.per_class[int(label)] == pytest.approx(wanted, abs=1e-9, nan_ok=True)


def test_severe_files_give_the_recorded_numbers(severe):
    known, files = severe
    result = evaluate_files(**files)
    assert result.mean_ap == pytest.approx(known["mAP_stable_sort"], abs=1e-9)
    assert_recorded(result, {row["id"]: row["ap_stable_sort"] for row in known["per_class"]})
    assert result.match_order == "input"
    assert [result.class_names[row["id"]] for row in known["per_class"]] == [
        row["name"] for row in known["per_class"]
    ]


def test_matching_by_score_is_another_measure_and_the_result_says_so(severe):
    known, files = severe
    result = evaluate_files(**files, match_order="score")
    wanted = known["NOT_the_original__mAP_if_detections_are_score_sorted_before_matching"]
    # The recorded number broke ties by an unstable sort.
    assert result.mean_ap == pytest.approx(wanted, abs=2e-3)
    assert result.match_order == result.as_dict()["match_order"] == "score"


def test_scores_of_all_classes_give_the_recorded_numbers(severe, severe_tables):
    known = severe[0]["from_arrays"]
    videos = [known["video_idx_to_name"][video] for video, _ in known["metadata"]]
    keys = image_keys(videos, [second for _, second in known["metadata"]])
    found = Boxes.from_scores(keys, np.array(known["ori_boxes"])[:, 1:], known["preds"])
    result = evaluate(**{**severe_tables, "detections": found})
    assert result.mean_ap == pytest.approx(known["mAP"], abs=1e-9)
    assert_recorded(result, known["per_class"])


def test_every_fourth_second_gives_the_recorded_numbers(severe, severe_tables):
    known, truth = severe[0]["mini_val_every_4th_second"], severe_tables["ground_truth"]
    found = severe_tables["detections"]
    few = truth.select([int(key[-4:]) % 4 == 0 for key in truth.keys])
    result = evaluate(**{**severe_tables, "ground_truth": few})
    assert result.mean_ap == pytest.approx(known["mAP"], abs=1e-3)  # ties, as above
    scores = {label: found.scores[found.labels == label] for label in result.per_class}
    untied = {label for label, own in scores.items() if len(set(own)) == len(own)}
    assert len(untied) >= 30
    assert_recorded(result, known["per_class"], untied)


def named(result):
    """Return mAP and APs under the names of PySlowFast's log."""
    at = f"@{result.iou_threshold:g}IOU"
    names = {result.class_names[label]: ap for label, ap in result.per_class.items()}
    each = {f"PascalBoxes_PerformanceByCategory/AP{at}/{k}": ap for k, ap in names.items()}
    return {f"PascalBoxes_Precision/mAP{at}": result.mean_ap, **each}


@pytest.mark.parametrize("which", ["result_with_exclusion", "result_no_exclusion"])
def test_pyslowfast_files_give_the_recorded_numbers(recorded, tmp_path, which):
    known = recorded("slowfast/ava_eval.json")
    (tmp_path / "gt").write_text("\n".join(known["gt_csv"]))
    (tmp_path / "det").write_text("\n".join(known["det_csv"]))
    names = {entry["id"]: entry["name"] for entry in known["categories"]}
    result = evaluate(
        ava.read_ground_truth(tmp_path / "gt"),
        ava.read_detections(tmp_path / "det"),
        names,
        known["excluded_keys"] if which == "result_with_exclusion" else (),
    )
    assert named(result) == pytest.approx(known[which], abs=1e-9)


corners = st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.4, 0.6])


@st.composite
def problems(draw):
    """Return rows of ground truth and detections: few places, so that much overlaps and ties."""
    truth, found = [], []
    for _ in range(draw(st.integers(0, 8))):
        x, y = draw(corners), draw(corners)
        box = [x, y, x + draw(corners), y + draw(corners)]
        truth.append((draw(st.sampled_from("abc")), box, draw(st.integers(1, 3))))
    for _ in range(draw(st.integers(0, 14))):
        x, y = draw(corners), draw(corners)
        box = [x, y, x + draw(corners) - draw(st.sampled_from([0, 0, 0.2])), y + draw(corners)]
        score = draw(st.sampled_from([0.1, 0.2, 0.3, 0.4]))
        found.append((draw(st.sampled_from("abcd")), box, draw(st.integers(1, 3)), score))
    return truth, found


@given(problems(), st.sampled_from(ava.MATCH_ORDERS), st.sampled_from([0.3, 0.5]))
def test_any_problem_gives_what_one_detection_at_a_time_gives(problem, order, threshold):
    truth, found = problem
    names = {label: str(label) for label in (1, 2, 3)}
    result = evaluate(
        table(*truth) if truth else Boxes([], np.empty((0, 4)), []),
        table(*found) if found else NOTHING,
        names,
        iou_threshold=threshold,
        match_order=order,
        with_confusions=True,
    )
    wanted = [
        average_precision(truth, found, label, threshold, order == "score") for label in names
    ]
    assert list(result.per_class.values()) == pytest.approx(wanted, abs=1e-9, nan_ok=True)
    known = [value for value in wanted if not np.isnan(value)]
    mean = np.mean(known) if known else np.nan
    assert result.mean_ap == pytest.approx(mean, abs=1e-9, nan_ok=True)


@given(st.lists(st.sampled_from([-1.0, -0.0, 0.0, 0.5, 0.7])))
def test_a_ranking_is_that_of_a_stable_sort(scores):
    scores = np.array(scores)
    assert ranking(scores).tolist() == np.argsort(scores, kind="stable")[::-1].tolist()


@given(problems(), st.randoms(use_true_random=False))
def test_the_order_of_key_frames_decides_only_ties(problem, random):
    truth, found = problem
    found = [(*row[:3], row[3] + 1e-3 * number) for number, row in enumerate(found)]
    if truth and found:
        frames = sorted({row[0] for row in found})
        random.shuffle(frames)
        moved = sorted(found, key=lambda row: frames.index(row[0]))
        before, after = (evaluate(table(*truth), table(*rows)) for rows in (found, moved))
        assert before.per_class == pytest.approx(after.per_class)


def test_a_second_detection_of_a_box_is_wrong():
    truth = table(("v,0902", SQUARE, 1), ("v,0903", SQUARE, 1))
    rows = [("v,0902", SQUARE, 1, 0.9), ("v,0902", SQUARE, 1, 0.8), ("v,0903", SQUARE, 1, 0.7)]
    assert evaluate(truth, table(*rows)).mean_ap == pytest.approx((1 + 2 / 3) / 2)


def test_who_stands_first_finds_the_box_unless_the_score_decides():
    truth = table(("v,0902", SQUARE, 1))
    found = table(("v,0902", SQUARE, 1, 0.1), ("v,0902", SQUARE, 1, 0.9))
    assert evaluate(truth, found).mean_ap == 0.5
    assert evaluate(truth, found, match_order="score").mean_ap == 1


def test_a_detection_asks_only_for_the_box_it_covers_best():
    near = [0.1, 0.1, 0.5, 0.45]
    truth = table(("v,0902", SQUARE, 1), ("v,0902", near, 1))
    found = table(("v,0902", SQUARE, 1, 0.9), ("v,0902", SQUARE, 1, 0.8))
    assert evaluate(truth, found).mean_ap == 0.5


def test_equal_scores_are_ranked_by_key_frames_in_order_of_appearance_the_last_one_first():
    truth = table(("b,0002", SQUARE, 1))
    rows = [("a,0001", BESIDE, 1, 0.5), ("b,0002", SQUARE, 1, 0.5), ("a,0001", SQUARE, 1, 0.5)]
    assert evaluate(truth, table(*rows)).mean_ap == 1
    assert evaluate(truth, table(*rows[1:], rows[0])).mean_ap == pytest.approx(1 / 3)


def test_an_overlap_of_exactly_the_threshold_is_enough():
    truth, found = table(("v,1", [0, 0, 1, 1], 1)), table(("v,1", [0, 0, 1, 0.5], 1, 0.5))
    assert evaluate(truth, found).mean_ap == 1
    assert evaluate(truth, found, iou_threshold=0.51).mean_ap == 0


def test_classes_without_ground_truth_have_no_ap_and_missed_ones_have_zero():
    truth = table(("v,0902", SQUARE, 1), ("v,0902", SQUARE, 2))
    found = table(("v,0902", SQUARE, 1, 0.9), ("v,0902", SQUARE, 3, 0.9))
    result = evaluate(truth, found, {1: "sit", 2: "stand", 3: "run"})
    assert result.per_class == pytest.approx({1: 1, 2: 0, 3: np.nan}, nan_ok=True)
    assert result.mean_ap == 0.5
    assert result.as_dict()["classes"][-1] == {
        "id": 3, "name": "run", "ap": None, "ground_truth": 0, "detections": 1
    }  # fmt: skip


def test_without_any_ground_truth_the_mean_is_not_a_number():
    truth, found = table(("v,0902", SQUARE, 1)), table(("v,0902", SQUARE, 1, 0.9))
    result = evaluate(truth, found, excluded=["v,0902"])
    assert np.isnan(result.mean_ap)
    assert json.dumps(result.as_dict(), allow_nan=False)


def test_without_a_label_map_the_classes_of_the_ground_truth_count():
    truth = table(("v,0902", SQUARE, 7))
    result = evaluate(truth, table(("v,0902", SQUARE, 7, 0.9), ("v,0902", SQUARE, 9, 0.9)))
    assert result.class_names == {7: "7"}
    assert result.counts["detections_of_other_classes"] == 1


def test_what_is_left_out_is_counted_by_reason():
    truth = table(("v,0902", SQUARE, 1), ("v,0903", SQUARE, 1), ("v,0902", SQUARE, 2))
    rows = [
        ("v,0902", SQUARE, 1, 0.9),
        ("v,902", [0.3, 0.3, 0.3, 0.4], 1, 0.95),
        ("v,0902", [0.3, 0.3, 0.4, 0.2], 1, 0.95),
        ("v,0902", SQUARE, 5, 0.9),
        ("v,0903", SQUARE, 1, 0.9),
        ("w,0001", SQUARE, 1, 0.1),
    ]
    result = evaluate(truth, table(*rows), {1: "sit"}, excluded=["v,903"])
    assert result.mean_ap == 1
    assert result.counts == {
        "keyframes": 1,
        "ground_truth": 1,
        "detections": 2,
        "ground_truth_excluded": 1,
        "ground_truth_of_other_classes": 1,
        "detections_excluded": 1,
        "detections_of_other_classes": 1,
        "detections_without_area": 2,
        "detections_on_frames_without_ground_truth": 1,
    }


def test_curves_hold_every_hit():
    truth = table(("v,0902", SQUARE, 1), ("v,0902", BESIDE, 1))
    rows = [("v,0902", SQUARE, 1, 0.9), ("v,0902", SQUARE, 1, 0.8), ("v,0902", BESIDE, 1, 0.7)]
    curve = evaluate(truth, table(*rows)).curves[1]
    assert curve.recall.tolist() == [0.5, 1]
    assert curve.precision == pytest.approx([1, 2 / 3])


def test_false_alarms_are_told_by_what_the_person_really_does():
    truth = table(
        ("v,0902", SQUARE, 1), ("v,0902", BESIDE, 2), ("v,0902", BESIDE, 3), ("v,0903", SQUARE, 1)
    )
    found = table(
        ("v,0902", BESIDE, 1, 0.9),  # really 2 and 3
        ("v,0902", SQUARE, 2, 0.8),  # really 1
        ("v,0902", BESIDE, 2, 0.7),  # right, but not among the one best of class 2
        ("v,0903", SQUARE, 1, 0.6),  # right
        ("v,0903", SQUARE, 3, 0.2),  # really 1
    )
    result = evaluate(truth, found, with_confusions=True)
    mistaken = result.confusions
    assert mistaken.counts.tolist() == [[0, 1, 1], [1, 0, 0], [1, 0, 0]]
    assert mistaken.false_alarms.tolist() == [1, 1, 1]
    assert mistaken.prevalence == pytest.approx([2 / 3, 1 / 3, 1 / 3])
    assert mistaken.worst(2) == [(0, 1), (0, 2)]


def test_a_detection_that_comes_twice_is_no_confusion():
    truth = table(("v,1", SQUARE, 1), ("v,1", SQUARE, 2), ("v,1", BESIDE, 1))
    found = table(("v,1", SQUARE, 1, 0.9), ("v,1", SQUARE, 1, 0.8))
    assert not evaluate(truth, found, with_confusions=True).confusions.counts.any()


def test_numbers_that_are_not_finite_are_refused():
    with pytest.raises(SlowFastError, match=r"1 of 1 rows have scores .* row 0 on v,0902"):
        table(("v,0902", SQUARE, 1, np.nan))
    with pytest.raises(SlowFastError, match="boxes that are not finite"):
        table(("v,0902", [0, 0, np.inf, 1], 1))


def test_a_ground_truth_box_that_ends_before_it_begins_is_refused():
    with pytest.raises(SlowFastError, match="ends before it begins"):
        evaluate(table(("v,1", [0.5, 0, 0.4, 1], 1)), NOTHING)


@pytest.mark.parametrize(
    "wrong",
    [{"match_order": "file"}, {"iou_threshold": 0}, {"iou_threshold": 50}, {"excluded": "a.csv"}],
)
def test_arguments_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=str(next(iter(wrong)))):
        evaluate(table(("v,1", SQUARE, 1)), NOTHING, **wrong)


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match=r"labels has the shape \(1,\), expected \(2,\)"):
        Boxes(["v,1", "v,2"], [SQUARE, SQUARE], [1])


def run(capsys, *words):
    status = main([str(word) for word in words])
    return status, *capsys.readouterr()


def test_the_command_prints_writes_and_draws(severe, tmp_path, capsys):
    _, files = severe
    (tmp_path / "few").write_text(pbtxt([(7, "jump"), (10, "run $1"), (12, "stand"), (14, "walk")]))
    words = ["--ground-truth", files["ground_truth"], "--detections", files["detections"]]
    words += ["--label-map", tmp_path / "few", "--excluded", files["excluded"]]
    words += ["--json", tmp_path / "numbers" / "out.json", "--plots", tmp_path / "plots"]
    status, out, _ = run(capsys, *words)
    numbers = json.loads((tmp_path / "numbers" / "out.json").read_text())
    assert status == 0
    assert f"frame-mAP@0.5: {numbers['mean_ap']:.4f}" in out
    assert "match order: input" in out
    assert "of 4" in out
    assert numbers["classes"][-1]["name"] == "jump"
    assert numbers["classes"][-1]["ap"] is None
    drawn = sorted(path.name for path in (tmp_path / "plots").iterdir())
    assert drawn == ["average_precision.png", "confusions.png", "precision_recall.png"]
    assert all(path.read_bytes()[:4] == b"\x89PNG" for path in (tmp_path / "plots").iterdir())


def test_the_command_draws_also_where_there_is_nothing_to_see(tmp_path, capsys):
    (tmp_path / "gt").write_text("v,1,0,0,1,1,3,0\n")
    (tmp_path / "det").write_text("w,1,0,0,1,1,3,0.5\n")
    (tmp_path / "out").write_text("v,1\n")
    words = ["--ground-truth", tmp_path / "gt", "--detections", tmp_path / "det"]
    status, out, _ = run(capsys, *words, "--excluded", tmp_path / "out", "--plots", tmp_path / "p")
    assert status == 0
    assert "nan" in out
    assert "are the names the same?" in out


def test_an_error_of_the_command_is_one_message(severe, tmp_path, capsys):
    _, files = severe
    (tmp_path / "det").write_text("v,902,0,0,1,1,3\n")
    words = ["--ground-truth", files["ground_truth"], "--detections", tmp_path / "det"]
    status, out, err = run(capsys, *words)
    assert (status, out) == (1, "")
    assert err.startswith(f"error: {tmp_path / 'det'}, line 1: 7 fields, expected 8")
    assert err.count("\n") == 1


def test_the_command_evaluates_a_run_as_the_run_did(tmp_path, capsys):
    predictions = {
        "true_key": np.array(["v,0001", "v,0002"]),
        "true_box": np.array([SQUARE, SQUARE]),
        "true_label": np.array([3, 3]),
        "box_key": np.array(["v,0001", "v,0002"]),
        "box": np.array([SQUARE, SQUARE]),
        "box_scores": np.array([[0.1, 0.2, 0.9], [0.1, 0.2, 0.8]]),
        "class_ids": np.array([1, 3]),
        "class_names": np.array(["run", "sit"]),
        "excluded": np.array(["v,0002"]),
    }
    path = tmp_path / "run/predictions/test.npz"
    save_predictions(path, predictions)
    for place in (tmp_path / "run", path):
        status, out, err = run(capsys, place, "--json", tmp_path / "out.json")
        assert (status, err) == (0, "")
        assert out.startswith("1 key frames are excluded, as in the run")
    numbers = json.loads((tmp_path / "out.json").read_text())
    assert numbers["mean_ap"] == 1 and numbers["counts"]["detections_excluded"] == 3
    path.write_bytes(path.read_bytes()[:300])
    status, _, err = run(capsys, path)
    assert status == 1 and f"error: {path}: no readable predictions" in err


def test_the_command_says_what_it_counts_that_a_run_does_not(severe, capsys):
    _, files = severe
    words = ["--ground-truth", files["ground_truth"], "--detections", files["detections"]]
    status, _, err = run(capsys, *words)
    assert status == 0
    assert "warning: without --excluded" in err and "warning: without --label-map" in err
    words += ["--label-map", files["label_map"], "--excluded", files["excluded"]]
    assert run(capsys, *words)[2] == ""


@pytest.mark.parametrize("words", [[], ["run", "--detections", "a.csv"], ["--detections", "a.csv"]])
def test_the_command_takes_a_run_or_files(words, capsys):
    with pytest.raises(SystemExit):
        main(words)
    assert "run" in capsys.readouterr().err
