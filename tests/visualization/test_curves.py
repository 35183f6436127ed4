"""Which numbers of a run are drawn together."""

import math

import pytest

from slowfast.visualization import figures
from slowfast.visualization.curves import chance_of, find_panels


def train(step, **numbers):
    return {"_type": "train_iter", "step": step, "epoch": "1/2", "iter": "1/9", **numbers}


def contents(rows):
    return {panel.title: [series.label for series in panel.series] for panel in find_panels(rows)}


def test_numbers_with_the_same_beginning_share_a_panel():
    rows = [
        train(k, loss=3.0 + k, loss_v2a=1.0, loss_pos_a2v=2.0, margin_v2a=0.1, margin_a2v=0.2)
        for k in (1, 2)
    ]
    assert contents(rows) == {
        "loss": ["loss"],
        "loss_*": ["loss_v2a", "loss_pos_a2v"],
        "margin_*": ["margin_v2a", "margin_a2v"],
    }


def test_names_that_no_method_of_ours_uses_are_drawn_too():
    rows = [train(k, temperature=0.1, codes_used=7, codes_new=3) for k in (1, 2)]
    assert contents(rows) == {
        "temperature": ["temperature"],
        "codes_*": ["codes_used", "codes_new"],
    }


def test_accuracies_of_training_and_validation_share_a_panel():
    rows = [
        train(4, loss=1.0, top1_err=60.0),
        {"_type": "val_epoch", "step": 4, "epoch": 1, "top1_acc": 50.0, "top5_acc": 90.0},
    ]
    assert contents(rows) == {
        "loss": ["loss"],
        "accuracy, %": ["top1_acc, validation", "top5_acc, validation", "top1_acc, training"],
    }
    assert find_panels(rows)[1].series[2].points == [(4, 40.0)]


def test_numbers_of_the_epoch_start_stand_apart_from_losses_of_a_similar_name():
    start = {"_type": "epoch_start", "step": 2, "epoch": 2}
    rows = [
        {**start, "step": 0, "positive_purity": 0.3},
        *(train(k, loss=9.0, positive_cross=4.0, positive_within=5.0) for k in (1, 2)),
        {**start, "positive_overlap": 0.5, "positive_purity": 0.4},
    ]
    groups = [[s.label for s in panel.series] for panel in find_panels(rows)]
    assert groups == [
        ["loss"],
        ["positive_cross", "positive_within"],
        ["positive_purity", "positive_overlap"],
    ]
    assert find_panels(rows)[-1].series[0].points == [(0, 0.3), (2, 0.4)]


def test_what_the_loop_adds_comes_last_and_counts_are_left_out():
    rows = [
        train(
            k, lr=0.1, grad_norm=1.0, bank_cosine=0.5, loss=2.0, dt=1.0, dt_data=0.5, gpu_mem_gib=0
        )
        for k in (1, 2)
    ]
    rows += [{"_type": "val_epoch", "step": 2, "epoch": 1, "num_videos": 5, "chance_r1": 20.0}]
    rows += [{"_type": "train_epoch", "step": 2, "epoch": "1/1", "loss": 2.0}]
    assert contents(rows) == {
        "loss": ["loss"],
        "bank_cosine": ["bank_cosine"],
        "learning rate": ["lr"],
        "norm of the gradient": ["grad_norm"],
        "seconds per step": ["dt", "dt_data"],
    }


def test_a_term_that_is_the_whole_loss_is_drawn_once_and_named():
    rows = [train(k, instance_cross=1.0 / k, loss_v2a=1.0 / k, loss=1.0 / k) for k in (1, 2)]
    assert contents(rows) == {
        "loss (= instance_cross)": ["loss"],
        "loss_v2a": ["loss_v2a"],
    }


def test_a_number_of_training_and_validation_says_where_each_curve_comes_from():
    rows = [train(1, loss=2.0), {"_type": "val_epoch", "step": 1, "epoch": 1, "loss": 3.0}]
    assert contents(rows) == {"loss": ["loss, training", "loss, validation"]}


def test_a_number_that_was_not_finite_leaves_a_gap_and_one_that_never_was_is_not_drawn():
    rows = [train(1, loss=None, lost=None), train(2, loss=1.0, lost=None)]
    (panel,) = find_panels(rows)
    assert panel.title == "loss"
    assert math.isnan(panel.series[0].points[0][1])


def test_chance_grows_with_the_number_of_files_looked_at():
    measures = {"retrieval_r1": 3.0, "chance_r1": 12.5}
    assert [chance_of(f"retrieval_r{k}", measures) for k in (1, 5, 10)] == [12.5, 62.5, 100.0]
    assert chance_of("a2v_r1", measures) == 12.5
    assert chance_of("loss", measures) is None
    measures = {"map": 40.0, "weighted_map": 41.0, "chance_map": 20.0}
    assert [chance_of(key, measures) for key in ("map", "weighted_map")] == [20.0, None]
    assert chance_of("retrieval_r1", {}) is None
    measures = {"ucf/top1_acc": 30.0, "ucf/chance_top1": 12.5, "ucf/half_top1_acc": 40.0}
    assert [chance_of(f"ucf/top{k}_acc", measures) for k in (1, 5)] == [12.5, 62.5]
    assert chance_of("ucf/half_top1_acc", measures) is None


def test_retrieval_panels_know_their_chance():
    row = {"_type": "val_epoch", "step": 5, "epoch": 1, "chance_r1": 2.0}
    (panel,) = find_panels([{**row, "v2a_r1": 1.0, "v2a_r5": 4.0, "v2a_r10": 9.0}])
    assert panel.title == "frames → audio R@*, %"
    assert [series.chance for series in panel.series] == [2.0, 10.0, 20.0]


@pytest.mark.parametrize("count", [1, 3, 9])
def test_any_number_of_curves_can_be_drawn(count):
    rows = [train(k, **{f"loss_{name}": k for name in "abcdefghi"[:count]}) for k in range(4)]
    png = figures.learning_curves(find_panels(rows), 3)
    assert png.startswith(b"\x89PNG")
