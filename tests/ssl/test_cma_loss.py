"""AVID-CMA's losses, negatives and positive terms against recorded numbers."""

import pytest
import torch
from oracles.ssl_checks import check_gradients, check_rows, close

from slowfast.ssl.negatives import skip_excluded

CASES = [
    "public_1001",
    "posw3_1003",
    "posw10_1_0_0_10",
    "posx_1010",
    "posxw_1011",
    "pos_only_0001",
    "union_1001",
    "no_within_limit_1001",
]
GROUPS = {
    "xModalInst": "instance_cross",
    "wModalInst": "instance_within",
    "xModalPos": "positive_cross",
    "wModalPos": "positive_within",
}
TERMS = {"inst-": "", "pos-": "pos_"}


@pytest.fixture
def run(recorded, make_criterion, recorded_embeddings):
    """Return ``run(case)``: the case, criterion, embeddings and what the criterion returned."""
    content = recorded("avid/loss_cma.json")
    inputs = content["inputs"]

    def run(name):
        case = content[name]
        criterion = make_criterion(
            inputs,
            {ours: case["coeffs_raw"][theirs] for theirs, ours in GROUPS.items()},
            within=case["num_negatives_within"] or 10**6,
            num_positives=case["pos_k"],
        )
        criterion.partition.fill_(case["Z_preset"])
        index = torch.tensor(inputs["y"])
        criterion.positives[index] = torch.tensor(case["positive_idx"], dtype=torch.int32)
        embeddings = recorded_embeddings(inputs)
        negatives = torch.tensor(case["negatives_after_skipping_positives"])
        return case, criterion, embeddings, criterion(*embeddings, index, negatives)

    return run


@pytest.mark.parametrize("name", CASES)
def test_terms_and_total_are_those_recorded(run, name):
    case, _, _, (losses, metrics) = run(name)
    close(sum(losses.values()), case["total"])
    for term, value in case["terms"].items():
        kind, pair = term.split("-")
        close(metrics[f"loss_{TERMS[kind + '-']}{pair}"], value)
    assert len(case["terms"]) == sum(key.startswith("loss_") for key in metrics)


@pytest.mark.parametrize("name", CASES)
def test_gradients_and_banks_are_those_recorded(run, name):
    case, criterion, (video, audio), (losses, _) = run(name)
    sum(losses.values()).backward()
    check_gradients(video.grad, case["grad_video_emb"])
    check_gradients(audio.grad, case["grad_audio_emb"])
    check_rows(criterion.video_bank, case["memory_after"]["view1_first4"])
    check_rows(criterion.audio_bank, case["memory_after"]["view2_first4"])


@pytest.mark.parametrize("name", CASES)
def test_draws_skip_positives_as_the_released_code_does(run, name):
    case, *_ = run(name)
    draws = torch.tensor(case["raw_draws_in_0_to_N_minus_posk"])
    positives = torch.tensor(case["positive_idx"])
    wanted = torch.tensor(case["negatives_after_skipping_positives"])
    assert torch.equal(skip_excluded(draws, positives), wanted)


def test_instance_terms_within_a_modality_contrast_with_own_memories(
    recorded, make_criterion, recorded_embeddings
):
    """The released code computes the cross-modal terms again here and returns zero."""
    inputs = recorded("avid/loss_avid.json")["inputs"]
    case = recorded("avid/loss_avid.json")["self"]
    weights = {"instance_within": 1.0}
    criterion = make_criterion(inputs, weights, num_positives=8)
    criterion.partition.fill_(case["Z_after"])
    index, negatives = torch.tensor(case["y"]), torch.tensor(case["negatives"])
    losses, metrics = criterion(*recorded_embeddings(inputs), index, negatives)
    close(metrics["loss_v2v"], case["terms"]["v2v"])
    close(sum(losses.values()), case["total"])


@pytest.mark.parametrize("legacy", [False, True])
def test_an_instance_is_its_own_negative_only_in_legacy_mode(legacy, recorded, make_criterion):
    inputs = recorded("avid/loss_cma.json")["inputs"]
    criterion = make_criterion(
        inputs, {"instance_cross": 1.0}, num_positives=60, self_is_negative=legacy
    )
    index = torch.tensor([10, 20])
    others = [[row for row in range(64) if row != own][:60] for own in (10, 20)]
    criterion.positives[index] = torch.tensor(others, dtype=torch.int32)
    torch.manual_seed(0)
    drawn = torch.cat([criterion.draw_negatives(index) for _ in range(40)], dim=1)
    for row, own, positives in zip(drawn.tolist(), (10, 20), others, strict=True):
        assert not set(row) & set(positives)
        assert (own in row) == legacy
        assert set(row) == set(range(64)) - set(positives) - (set() if legacy else {own})
