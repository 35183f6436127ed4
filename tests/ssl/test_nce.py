import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from slowfast.ssl.nce import estimate_partition, infonce_loss, nce_loss


def by_definition(positive, negative, partition):
    """The published sum, term by term, in float64."""
    total = 0.0
    noise = negative.shape[1] * partition
    for own, others in zip(positive.tolist(), negative.tolist(), strict=True):
        data = [-math.log(math.exp(s) / (math.exp(s) + noise)) for s in own]
        rest = [-math.log(noise / (math.exp(s) + noise)) for s in others]
        total += sum(data) / len(data) + sum(rest)
    return total / len(positive)


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 6), st.floats(0.01, 50), st.integers(0))
def test_nce_is_the_published_formula(batch, positives, negatives, partition, seed):
    generator = torch.Generator().manual_seed(seed % 2**31)
    positive = 5 * torch.randn(batch, positives, generator=generator, dtype=torch.float64)
    negative = 5 * torch.randn(batch, negatives, generator=generator, dtype=torch.float64)
    found = nce_loss(positive, negative, partition).item()
    assert found == pytest.approx(by_definition(positive, negative, partition), rel=1e-9)


def test_nce_survives_scores_whose_exponential_overflows():
    loss = nce_loss(torch.tensor([[1000.0]]), torch.tensor([[-1000.0, 900.0]]), 2.0)
    assert loss.item() == pytest.approx(900 - math.log(4.0))


def test_no_gradient_flows_through_the_partition():
    partition = torch.tensor(2.0, requires_grad=True)
    scores = torch.zeros(2, 1, requires_grad=True)
    nce_loss(scores, torch.zeros(2, 3), partition).backward()
    assert partition.grad is None
    assert scores.grad.abs().sum() > 0


def test_infonce_is_the_cross_entropy_of_each_positive():
    positive, negative = torch.randn(3, 2), torch.randn(3, 5)
    wanted = [
        torch.nn.functional.cross_entropy(
            torch.cat([positive[:, [p]], negative], 1), torch.zeros(3, dtype=torch.int64)
        )
        for p in range(2)
    ]
    torch.testing.assert_close(infonce_loss(positive, negative), sum(wanted) / 2)


def test_infonce_ignores_negatives_of_minus_infinity():
    positive, negative = torch.randn(3, 1), torch.randn(3, 5)
    padded = torch.cat([negative, torch.full((3, 2), float("-inf"))], 1)
    torch.testing.assert_close(infonce_loss(positive, padded), infonce_loss(positive, negative))


def test_the_partition_of_random_unit_vectors_is_near_its_expectation():
    rows = torch.nn.functional.normalize(torch.randn(4000, 128, generator=torch.manual_seed(0)))
    scores = rows[:2000] @ rows[2000:].T / 0.07
    # E[exp(s)] = exp(1 / (2 * 128 * 0.07^2)) for Gaussian directions
    assert estimate_partition(scores).item() == pytest.approx(2.219, rel=0.02)
