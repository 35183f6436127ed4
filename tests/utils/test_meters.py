"""PySlowFast's meters: the numbers and lines that the original gives, and what ours refuse."""

import json
import logging
from pathlib import Path

import pytest
import torch

from slowfast.config import get_cfg
from slowfast.utils.errors import SlowFastError
from slowfast.utils.logging import log_json_stats
from slowfast.utils.meters import TestMeter, TrainMeter, ValMeter, get_map

FIXTURES = Path(__file__).parents[1] / "fixtures"
RECORDED = json.loads((FIXTURES / "slowfast/meters.json").read_text())
TIMES = ("dt", "dt_data", "dt_net", "eta", "gpu_mem", "RAM", "time_diff")
# Two views of each of three videos. By sum: classes 0, 1, 2; by max: classes 1, 1, 2.
SCORES = torch.tensor(
    [[0.5, 0.0, 0.1], [0.4, 0.6, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0, 0.2, 0.8], [0, 0, 1.0]]
)
LABELS = torch.tensor([0, 0, 1, 1, 0, 0])


@pytest.fixture
def lines(caplog):
    """Return the logged stats so far, times masked."""
    caplog.set_level(logging.INFO)

    def read():
        stats = [json.loads(r.getMessage().removeprefix("json_stats: ")) for r in caplog.records]
        return [{k: "*" if k in TIMES else v for k, v in row.items()} for row in stats]

    return read


def recorded_scores(videos, clips, classes):
    flat = torch.arange(videos * clips * classes, dtype=torch.float64)
    return (0.7 * flat + 0.3).sin().abs().float().view(videos * clips, classes)


@pytest.mark.parametrize("case", RECORDED["test_meter"], ids=lambda c: str(c["ensemble_method"]))
def test_views_are_joined_as_recorded(case, lines):
    videos, clips, classes = case["num_videos"], case["num_clips"], case["num_cls"]
    several, method = case["multi_label"], case["ensemble_method"]
    meter = TestMeter(videos, clips, classes, 3, several, method)
    labels = torch.tensor(case["labels"]).repeat_interleave(clips, dim=0)
    scores = recorded_scores(videos, clips, classes)
    for k, rows in enumerate(torch.arange(videos * clips).split(8)):
        meter.iter_tic()
        meter.data_toc()
        meter.update_stats(scores[rows], labels[rows], rows)
        meter.iter_toc()
        meter.log_iter_stats(k)
    found = meter.finalize_metrics()
    assert [row.get("cur_iter") for row in lines()] == ["1", "2", "3", None]
    if several and method == "sum":  # there PySlowFast loses the scores in float32
        assert meter.video_preds[0].tolist() == pytest.approx(scores[:clips].sum(0).tolist())
        return
    assert meter.video_preds[0].tolist() == pytest.approx(case["video_preds_row0"], abs=1e-6)
    assert found == meter.stats == case["stats"] == lines()[-1]


@pytest.mark.parametrize("task", ["", "ssl"])
def test_training_and_validation_log_the_recorded_lines(task, lines):
    cfg = get_cfg()
    cfg.TASK, cfg.LOG_PERIOD, cfg.SOLVER.MAX_EPOCH = task, 2, 3
    train, val = TrainMeter(4, cfg), ValMeter(4, cfg)
    errors = [(50.0, 20.0), (40.0, 10.0), (30.0, 5.0), (10.0, 0.0)]
    for k, (one, five) in enumerate(errors):
        train.iter_tic()
        train.data_toc()
        train.update_stats(one, five, [3.0, 1.5, 1.0, 0.5][k], 0.1, 1.25, 8)
        train.iter_toc()
        train.log_iter_stats(0, k)
    train.log_epoch_stats(0)
    for k, (one, five) in enumerate(errors[:2]):
        val.iter_tic()
        val.update_stats(one, five, 8)
        val.iter_toc()
        val.log_iter_stats(0, k)
    val.log_epoch_stats(0)
    want = [row["line_masked"] for row in RECORDED["train_val_lines"] if row["task"] == task]
    assert lines() == want


def test_the_line_of_a_log_is_that_of_pyslowfast(caplog):
    caplog.set_level(logging.INFO)
    log_json_stats({"z": 0.0, "b": 1.234567, "a": "x", "n": 3, "neg": -0.5})
    assert caplog.messages == [RECORDED["log_json_stats_example"]]


def test_a_validation_of_several_labels_gives_a_map_and_remembers_the_least_errors(lines):
    cfg = get_cfg()
    meter = ValMeter(1, cfg)
    for error in (40.0, 30.0, 35.0):
        meter.update_stats(error, error, 4)
        found = meter.log_epoch_stats(0)
        meter.reset()
    assert (found["top1_err"], found["min_top1_err"]) == (35.0, 30.0)
    cfg.DATA.MULTI_LABEL = True
    meter = ValMeter(1, cfg)
    labels = torch.tensor([[1.0, 0, 0], [0, 1, 0], [1, 1, 0]])
    meter.update_predictions(
        torch.tensor([[0.9, 0.1, 0.5], [0.5, 0.8, 0.1], [0.4, 0.3, 0.2]]), labels
    )
    # Class 0 ranks 1, -, 2 of positives at places 1 and 3; class 1 is perfect; class 2 has none.
    assert meter.log_epoch_stats(0) == {"map": pytest.approx((5 / 6 + 1) / 2)}
    assert get_map(labels, labels) == 1.0


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [5, 2, 0, 4, 1, 3]])
@pytest.mark.parametrize(("method", "top1"), [("sum", "66.67"), ("max", "33.33")])
def test_views_are_joined_in_any_order(order, method, top1):
    meter = meter_of(order, method)
    views = SCORES.view(3, 2, 3)
    want = views.sum(1) if method == "sum" else views.amax(1)
    torch.testing.assert_close(meter.video_preds, want)
    found = meter.finalize_metrics((1, 3))
    assert found == {"split": "test_final", "top1_acc": top1, "top3_acc": "100.00"}


def meter_of(order, method="sum"):
    meter = TestMeter(3, 2, 3, 2, ensemble_method=method)
    for rows in torch.tensor(order).split(4):
        meter.update_stats(SCORES[rows], LABELS[rows], rows)
    return meter


def test_max_keeps_scores_below_zero():
    meter = TestMeter(1, 2, 2, 1, ensemble_method="max")
    meter.update_stats(
        torch.tensor([[-3.0, -1.0], [-2.0, -4.0]]), torch.tensor([0, 0]), torch.arange(2)
    )
    assert meter.video_preds.tolist() == [[-2.0, -1.0]]


def test_a_view_that_is_missing_or_read_twice_is_refused():
    with pytest.raises(SlowFastError, match=r"videos \[2\] do not have 2 clips"):
        meter_of([0, 1, 2, 3, 4]).finalize_metrics((1,))
    with pytest.raises(SlowFastError, match=r"videos \[0\] do not have 2 clips"):
        meter_of([0, 1, 2, 3, 4, 5, 0]).finalize_metrics((1,))


def test_views_of_one_video_have_one_label():
    meter = TestMeter(1, 2, 3, 1)
    with pytest.raises(SlowFastError, match="video 0: its clips carry different labels"):
        meter.update_stats(SCORES[:2], torch.tensor([0, 1]), torch.arange(2))
