"""The head of action detection against recorded numbers."""

import pytest
import torch
from oracles.fills import severe_fill, severe_map

from slowfast.models.heads import RoIHead
from slowfast.utils.errors import ConfigError


@pytest.fixture(scope="module")
def case(recorded):
    return recorded("severe/roi_head.json")


def head(case, rule, aligned, seed):
    module = RoIHead(512, 80, stride=16, aligned=aligned, dropout=0.5)
    fill = {**case["fill"], "hash_seed": seed}
    module.load_state_dict(severe_fill(case["state_dict_entries"], fill, rule))
    return module.double().eval()


def feature_map(case, rule, seed):
    features = case["feature_map"]
    return severe_map(features["shape"], rule, features["c"], seed)


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("rule", ["sine", "hash"])
@torch.inference_mode()
def test_scores_are_the_recorded_ones(case, rule, aligned):
    seed = case["hash_variants"]["seed"]
    variants = case["hash_variants" if rule == "hash" else "variants"]
    want = variants[f"aligned_{aligned}"]["output_sigmoid"]
    boxes = torch.tensor(case["boxes"])
    found = head(case, rule, aligned, seed)(feature_map(case, rule, seed), boxes)
    torch.testing.assert_close(found, torch.tensor(want).double(), rtol=1e-5, atol=1e-5)


@torch.inference_mode()
def test_any_number_of_frames_is_averaged(case):
    module = head(case, "hash", True, 3)
    features, boxes = feature_map(case, "hash", 3), torch.tensor(case["boxes"])
    longer = features.repeat(1, 1, 2, 1, 1)
    torch.testing.assert_close(module(longer, boxes), module(features, boxes))


def test_scores_are_activated_in_training_too(case):
    module = head(case, "hash", True, 3).train()
    found = module(feature_map(case, "hash", 3), torch.tensor(case["boxes"]))
    assert 0 <= float(found.detach().min()) and float(found.detach().max()) <= 1


def test_no_box_gives_no_score_and_no_gradient(case):
    module = head(case, "hash", True, 3)
    features = feature_map(case, "hash", 3).requires_grad_()
    found = module(features, torch.zeros(0, 5))
    assert found.shape == (0, 80)
    found.sum().backward()
    assert not features.grad.any()


def test_an_unknown_activation_is_refused():
    with pytest.raises(ConfigError, match=r"MODEL\.HEAD_ACT 'tanh'"):
        RoIHead(8, 3, activation="tanh")
