"""PySlowFast's meter of views: joined scores, accuracies and the two mistakes it refuses."""

import pytest
import torch

from slowfast.utils.errors import SlowFastError
from slowfast.utils.meters import TestMeter

# Two views of each of three videos. By sum: classes 0, 1, 2; by max: classes 1, 1, 2.
SCORES = torch.tensor(
    [[0.5, 0.0, 0.1], [0.4, 0.6, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0, 0.2, 0.8], [0, 0, 1.0]]
)
LABELS = torch.tensor([0, 0, 1, 1, 0, 0])


def meter_of(order, method="sum"):
    meter = TestMeter(3, 2, 3, method)
    for rows in torch.tensor(order).split(4):
        meter.update_stats(SCORES[rows], LABELS[rows], rows)
    return meter


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [5, 2, 0, 4, 1, 3]])
@pytest.mark.parametrize(("method", "top1"), [("sum", 200 / 3), ("max", 100 / 3)])
def test_views_are_joined_in_any_order(order, method, top1):
    meter = meter_of(order, method)
    views = SCORES.view(3, 2, 3)
    want = views.sum(1) if method == "sum" else views.amax(1)
    torch.testing.assert_close(meter.video_preds, want)
    assert meter.finalize_metrics((1, 3)) == pytest.approx({"top1_acc": top1, "top3_acc": 100.0})


def test_max_keeps_scores_below_zero():
    meter = TestMeter(1, 2, 2, "max")
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
    meter = TestMeter(1, 2, 3)
    with pytest.raises(SlowFastError, match="video 0: its clips carry different labels"):
        meter.update_stats(SCORES[:2], torch.tensor([0, 1]), torch.arange(2))
