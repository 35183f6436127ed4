"""The attentive probe against numbers of V-JEPA 2's own code, and what its start is like."""

import numpy as np
import pytest
import torch
from oracles.fills import fan_in, pyslowfast_hash, rounded
from torch.nn import functional as F

from slowfast.models.heads.attentive_probe import AttentiveProbe, AttentiveProbes


@pytest.fixture(scope="module")
def golden(recorded):
    return recorded("encoders/attentive_probe.json")


def entry(name, shape, i, fill):
    s = pyslowfast_hash(shape, i, fill["seed"])
    if len(shape) >= 3 and shape[0] == 1:
        values = 0.5 * s
    elif len(shape) >= 2:
        values = fill["g"] * s / np.sqrt(fan_in(shape))
    else:
        values = 1 + 0.1 * s if name.endswith(".weight") else 0.1 * s
    return rounded(values.reshape(shape))


@pytest.mark.parametrize("place", [0, 1])
def test_logits_and_gradients_are_those_of_the_original(golden, place):
    case, config = golden["probes"][place], golden["config"]
    probe = AttentiveProbe(config["embed_dim"], config["classes"], config["heads"], case["depth"])
    entries = case["state_dict"]
    assert list(probe.state_dict()) == [name for name, *_ in entries]
    fill = golden["fill"]
    state = {name: entry(name, shape, i, fill) for i, (name, shape, _) in enumerate(entries)}
    probe.double().load_state_dict(state)
    given = golden["input"]
    tokens = rounded(given["amplitude"] * pyslowfast_hash(given["shape"], 0, given["seed"]))
    tokens = tokens.reshape(given["shape"])
    np.testing.assert_allclose(probe.pooler(tokens).detach(), case["pooled"], atol=2e-5)
    logits = probe(tokens)
    np.testing.assert_allclose(logits.detach(), case["logits"], atol=2e-5)
    loss = F.cross_entropy(logits, torch.tensor(given["labels"]))
    assert loss.item() == pytest.approx(case["cross_entropy"], rel=1e-5)
    loss.backward()
    for name, parameter in probe.named_parameters():
        norm = case["gradient_norms"][name]
        assert parameter.grad.norm().item() == pytest.approx(norm, rel=1e-4), name
    assert sum(p.numel() for p in probe.parameters()) == case["parameters"]
    torch.testing.assert_close(probe(tokens[:, torch.randperm(20)]), logits)


def test_probes_begin_alike_and_scaled_by_depth():
    probes = AttentiveProbes(2, 32, 5, heads=4, depth=3, seed=3)
    one, other = (torch.cat([p.flatten() for p in probes.of(k)]) for k in range(2))
    assert len(probes) == 2 and torch.equal(one, other)
    pooler = probes.probes[0].pooler
    first, second = (block.mlp.fc2.weight.std().item() for block in pooler.blocks)
    assert first == pytest.approx(0.02 / 2**0.5, rel=0.1) and second == pytest.approx(0.01, rel=0.1)
    assert pooler.cross_attention_block.mlp.fc2.weight.std().item() == pytest.approx(0.01, rel=0.1)
    assert probes(torch.randn(2, 7, 32)).shape == (2, 2, 5)
