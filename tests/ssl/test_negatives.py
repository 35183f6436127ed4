import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from slowfast.ssl.negatives import sample_negatives, skip_excluded
from slowfast.utils.errors import ConfigError


def test_the_recorded_rules_of_skipping(recorded):
    content = recorded("avid/alias.json")
    assert len(content["cma_skip_examples"]) == 8
    for example in content["cma_skip_examples"]:
        excluded = torch.tensor([sorted(example["pos"])])
        found = skip_excluded(torch.tensor([[example["u"]]]), excluded)
        assert found.item() == example["negative"]


@given(st.data())
def test_draws_are_the_remaining_instances_in_order(data):
    count = data.draw(st.integers(2, 40))
    excluded = data.draw(st.sets(st.integers(0, count - 1), max_size=count - 1))
    rows = torch.tensor([sorted(excluded)], dtype=torch.int64).reshape(1, -1)
    draws = torch.arange(count - len(excluded)).unsqueeze(0)
    left = [row for row in range(count) if row not in excluded]
    assert skip_excluded(draws, rows).squeeze(0).tolist() == left


def test_negatives_are_uniform_over_all_but_the_instance(recorded):
    uniform = recorded("avid/alias.json")["tables"]["uniform_63"]["empirical_200k_seed0"]
    torch.manual_seed(0)
    own = torch.tensor([[17]])
    drawn = sample_negatives(own, 200_000, 64).squeeze(0)
    counts = torch.bincount(drawn, minlength=64) / len(drawn)
    assert counts[17] == 0
    others = counts[torch.arange(64) != 17]
    # As even as the recorded draws of the published alias sampler, with a little room.
    assert others.min() > uniform["min"] - 5e-4
    assert others.max() < uniform["max"] + 5e-4


def test_the_same_seed_draws_the_same_negatives():
    own = torch.arange(5)[:, None]
    torch.manual_seed(3)
    first = sample_negatives(own, 7, 100)
    torch.manual_seed(3)
    assert torch.equal(first, sample_negatives(own, 7, 100))


def test_nothing_left_to_draw_from_is_an_error():
    with pytest.raises(ConfigError, match="leave no negative"):
        sample_negatives(torch.tensor([[0, 1, 2]]), 4, 3)
