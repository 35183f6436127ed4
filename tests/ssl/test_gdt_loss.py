"""GDT's grammar and loss: the recorded numbers of the release, a slow oracle, several processes."""

import math
from dataclasses import asdict

import pytest
import torch
from oracles.gdt_loss import embeddings, gdt_total
from warm import found_by_ranks

from slowfast.ssl.gdt_loss import gdt_loss, gdt_terms
from slowfast.ssl.transformations import HYPOTHESES, find_hypothesis, parse_steps, remote_views
from slowfast.utils.errors import ConfigError

NUMBERS = range(1, 10)
# Recorded run: (world, whether the lists of negatives grow).
RUNS = {
    "world1_patched": (1, "clean"),
    "world2_dedup": (2, "clean"),
    "world2_original": (2, "released"),
    "world3_original": (3, "released"),
}


@pytest.fixture(scope="module")
def numbers(recorded):
    return recorded("gdt/loss_gdt.json")


def views_of(numbers, rank, count):
    """Return the recorded float32 embeddings of one process in float64, wanting gradients."""
    found = embeddings(numbers, rank, count)
    return {view: tuple(e.requires_grad_() for e in pair) for view, pair in found.items()}


def others_of(numbers, rank, world, count):
    ranks = [embeddings(numbers, other, count) for other in range(world) if other != rank]
    if not ranks:
        return {}
    return {
        view: tuple(torch.cat([other[view][m] for other in ranks]) for m in (0, 1))
        for view in ("", "R", "2", "2R")
    }


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("run", RUNS)
def test_totals_terms_and_gradients_are_the_recorded_ones(numbers, number, run):
    world, negatives = RUNS[run]
    count = numbers["batch_per_rank"][f"world{world}"]
    recorded = numbers["hypotheses"][str(number)]
    assert find_hypothesis(number).name == recorded["name"]
    for rank, wanted in enumerate(recorded[run]):
        views = views_of(numbers, rank, count)
        remote = others_of(numbers, rank, world, count)
        losses = gdt_loss(views, number, numbers["temperature"], negatives, remote)
        total = sum(losses.values())
        assert total.item() == pytest.approx(wanted["total"], abs=3e-6)
        terms = gdt_terms(views, find_hypothesis(number), 0.07, negatives, remote)
        assert len(terms) == len(recorded["term_order"])
        for term, label, want in zip(terms, recorded["term_order"], wanted["terms"], strict=True):
            tags = ["va"[modality] + view for view, modality in (term.query, term.key)]
            assert label.partition(":")[2].split(" ")[0] == "->".join(tags)
            assert label.startswith(term.block.kind)
            assert term.loss.item() == pytest.approx(want["loss"], abs=3e-6)
            extra = want["n_pos_columns"] + want["n_extra_negatives"] - 1
            assert term.num_negatives == extra
        total.backward()
        for tag, norm in wanted["grad_l2"].items():
            grad = views[tag[1:]]["va".index(tag[0])].grad
            if norm is None or grad is None:
                assert not norm and grad is None
                continue
            assert float(grad.norm()) == pytest.approx(norm, abs=1e-6)
            first = torch.tensor(wanted["grad_first4"][tag]).double()
            torch.testing.assert_close(grad.flatten()[:4], first, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("negatives", ["clean", "global"])
def test_loops_over_single_scores_give_the_same_loss(numbers, number, negatives):
    views, remote = embeddings(numbers, 1, 3), others_of(numbers, 1, 3, 3)
    got = sum(gdt_loss(views, number, 0.2, negatives, remote).values())
    want = gdt_total(views, find_hypothesis(number), 0.2, negatives, remote)
    assert float(got) == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("number", NUMBERS)
def test_global_negatives_and_hypothesis_1_do_not_see_how_a_batch_is_divided(numbers, number):
    negatives = "clean" if number == 1 else "global"
    whole = sum(gdt_loss(embeddings(numbers, 0, 6), number, 0.07, negatives, {}).values())
    halves = [
        sum(
            gdt_loss(
                embeddings(numbers, rank, 3),
                number,
                0.07,
                negatives,
                others_of(numbers, rank, 2, 3),
            ).values()
        )
        for rank in (0, 1)
    ]
    assert float(sum(halves) / 2) == pytest.approx(float(whole), rel=1e-12)


def test_released_lists_grow_as_recorded():
    recorded = {6: [2, 2, 4, 2], 7: [2, 3, 2, 3, 5], 8: [2, 3, 2, 5, 2], 9: [2, 3, 4, 2, 4, 6]}
    for number, counts in recorded.items():
        blocks = find_hypothesis(number).blocks
        assert list(map(len, remote_views(blocks, grow=True))) == counts
        assert set(map(len, remote_views(blocks, grow=False))) == {2}


def test_the_table_names_views_and_blocks():
    table = find_hypothesis("v_reversal_i_shift").table()
    for words in ("shift        invariant", "views (4): '', 'R', '2', '2R'", "(5, 20 terms)"):
        assert words in table
    assert "0.200 x inv('R', '2R')  inv_shift_R" in table


def test_views_are_those_that_a_hypothesis_needs():
    found = [hypothesis.views for hypothesis in HYPOTHESES]
    every = ("", "R", "2", "2R")
    assert found == [("",), *[("", "R")] * 2, *[("", "2")] * 2, *[every] * 4]
    assert [hypothesis.num_terms for hypothesis in HYPOTHESES] == [2, 4, 8, 4, 8, 16, 20, 20, 24]


def test_steps_spell_out_the_published_hypotheses():
    for hypothesis in HYPOTHESES:
        steps = [f"{step}={role}" for step, role in asdict(hypothesis).items()]
        assert parse_steps([*steps, "modality = invariant"]) == hypothesis
    assert parse_steps(["shift=variant"]) == find_hypothesis(4)


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        (["shifts=variant"], "Did you mean 'shift'"),
        (["shift"], "write shift=variant"),
        (["shift=variant", "shift=off"], "named twice"),
        (["modality=variant"], "modality is always invariant"),
    ],
)
def test_steps_that_make_no_sense_are_refused(steps, says):
    with pytest.raises(ConfigError, match=says):
        parse_steps(steps)


def test_unknown_hypotheses_negatives_and_missing_views_are_refused(numbers):
    views = embeddings(numbers, 0, 2)
    with pytest.raises(ConfigError, match="Did you mean 'v_shift'"):
        gdt_loss(views, "v_shft")
    with pytest.raises(ConfigError, match="choose one of clean, released, global"):
        gdt_loss(views, 2, negatives="clear")
    with pytest.raises(ConfigError, match=r"needs the views \['R'\]"):
        gdt_loss({"": views[""]}, 2)


def test_variance_and_invariance_pull_apart(numbers):
    """A network that ignores the reversal loses log 2 where it should tell, and nothing otherwise."""
    video = torch.eye(4).double()
    same = {"": (video, video), "R": (video, video)}
    variant = sum(gdt_loss(same, 2, 0.01, remote={}).values())
    invariant = sum(gdt_loss(same, 3, 0.01, remote={}).values())
    assert float(variant) == pytest.approx(math.log(2), abs=1e-6)
    assert float(invariant) == pytest.approx(0, abs=1e-6)


WORKER = """
from oracles.gdt_loss import embeddings
from slowfast.ssl.gdt_loss import gdt_loss

numbers = json.loads(Path(tests, "fixtures/gdt/loss_gdt.json").read_text())
found = {}
for number in (1, 7):
    for key_gradient in (False, True):
        views = embeddings(numbers, rank, 3)
        views = {v: tuple(e.requires_grad_() for e in pair) for v, pair in views.items()}
        loss = sum(gdt_loss(views, number, 0.07, "global", key_gradient=key_gradient).values())
        loss.backward()
        found[f"{number} {key_gradient}"] = (loss.detach(), views[""][0].grad)
"""


def test_two_processes_gather_and_equal_one_with_the_whole_batch(tmp_path, numbers):
    two = found_by_ranks(WORKER, tmp_path)
    for number in (1, 7):
        for key_gradient in (False, True):
            views = views_of(numbers, 0, 6)
            loss = sum(gdt_loss(views, number, 0.07, "global", {}, key_gradient).values())
            loss.backward()
            halves = [half[f"{number} {key_gradient}"] for half in two]
            mean = (halves[0][0] + halves[1][0]) / 2
            torch.testing.assert_close(mean, loss.detach())
            # DistributedDataParallel averages the gradients of the processes.
            grad = torch.cat([half[1] for half in halves]) / 2
            torch.testing.assert_close(grad, views[""][0].grad)
