import json
from pathlib import Path

import pytest
import torch
from oracles.fills import severe_fill, severe_map
from torch import nn

from slowfast.config import get_cfg
from slowfast.models.backbones import BACKBONES, build_backbone
from slowfast.models.build import build_model
from slowfast.models.freezing import Freezer
from slowfast.models.heads import BasicHead
from slowfast.models.losses import LOSSES, get_loss_func
from slowfast.utils.errors import ConfigError

HEAD = json.loads((Path(__file__).parents[1] / "fixtures/severe/basic_head.json").read_text())


def filled_head(rule: str) -> BasicHead:
    head = BasicHead(512, 157, activation="sigmoid")
    constants = {**HEAD["fill"], "hash_seed": HEAD["hash_seed"]}
    head.load_state_dict(severe_fill(HEAD["state_dict_entries"], constants, rule))
    return head.double()


SHAPES = {"7x7": (2, 512, 4, 7, 7), "8x9": (1, 512, 4, 8, 9)}
# PySlowFast's training head flattens positions into the class axis; here they are averaged.
SCORED = sorted(name for name in HEAD["cases"] if "flattened" not in name)


@pytest.mark.parametrize("name", SCORED)
def test_head_equals_pyslowfasts(name):
    case = HEAD["cases"][name]
    shape = next(shape for size, shape in SHAPES.items() if size in name)
    rule = "hash" if name.startswith("hash") else "sine"
    features = severe_map(shape, rule, HEAD["c"], HEAD["hash_seed"])
    head = filled_head(rule).train("train" in name)
    want = torch.tensor(case["out"]).double()
    torch.testing.assert_close(head(features, (4, 7, 7)), want, rtol=1e-4, atol=1e-5)


def small_cfg(**model):
    cfg = get_cfg()
    cfg.MODEL.MODEL_NAME, cfg.MODEL.ARCH, cfg.MODEL.NUM_CLASSES = "VSSL", "avid_r2plus1d_tiny", 5
    cfg.DATA.NUM_FRAMES, cfg.DATA.TRAIN_CROP_SIZE = 8, 32
    for key, value in model.items():
        cfg.MODEL[key] = value
    return cfg


def test_scores_are_logits_in_training_and_probabilities_in_testing():
    model = build_model(small_cfg(DROPOUT_RATE=0.0))
    clip = [torch.randn(2, 3, 8, 32, 32)]
    assert model.train()(clip).shape == (2, 5)
    scores = model.eval()(clip)
    torch.testing.assert_close(scores.sum(1), torch.ones(2))


def test_logits_can_be_asked_for_in_testing():
    cfg = small_cfg()
    cfg.TEST.ENSEMBLE_ON = "logits"
    scores = build_model(cfg).eval()([torch.randn(2, 3, 8, 32, 32)])
    assert not torch.allclose(scores.sum(1), torch.ones(2))


@pytest.mark.parametrize("arch", sorted(set(BACKBONES) - {"c3d"}))  # of one size
def test_every_backbone_says_its_width_and_strides(arch):
    backbone = build_backbone(arch)
    with torch.no_grad():
        features = backbone.eval()(torch.randn(1, 3, 8, 64, 64))
    t, h, w = backbone.strides
    assert features.shape == (1, backbone.feature_dim, 8 // t, 64 // h, 64 // w)


def test_an_unknown_backbone_names_the_nearest():
    with pytest.raises(ConfigError, match="r2plus1d_18"):
        build_backbone("r2plus1d18")


def states(model, kind=nn.BatchNorm3d):
    return {layer.training for layer in model.backbone.modules() if isinstance(layer, kind)}


def step(model):
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    model.train()
    model([torch.randn(4, 3, 8, 32, 32)]).square().sum().backward()
    optimizer.step()


def changed(before, model):
    after = model.state_dict()
    return {name for name, value in before.items() if not torch.equal(value, after[name])}


@pytest.mark.parametrize("mode", ["none", "bn_parameters", "bn_statistics", "backbone"])
def test_what_is_frozen_stays_and_the_rest_learns(mode):
    torch.manual_seed(0)
    model = build_model(small_cfg(FREEZE=mode))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    step(model)
    moved = changed(before, model)
    norms = {n for n in before if "bn" in n or n.startswith("backbone.conv1.1")}
    statistics = {n for n in norms if "running" in n}
    parameters = {n for n in norms if n.endswith(("weight", "bias"))}
    convolutions = {n for n in before if n.startswith("backbone") and n not in norms}
    assert {"head.projection.weight", "head.projection.bias"} <= moved
    assert bool(moved & statistics) == (mode in ("none", "bn_parameters"))
    assert bool(moved & parameters) == (mode in ("none", "bn_statistics"))
    assert bool(moved & convolutions) == (mode != "backbone")


def test_a_frozen_trunk_stays_in_eval_mode_through_train_and_eval_calls():
    model = build_model(small_cfg(FREEZE="backbone"))
    model.train().eval()
    model.train()
    assert states(model, nn.Module) == {False}
    assert model.head.training


def test_pyslowfasts_frozen_bn_switch_freezes_statistics():
    assert states(build_model(small_cfg(FROZEN_BN=True)).train()) == {False}


def test_an_unknown_freeze_mode_lists_the_modes():
    with pytest.raises(ConfigError, match="bn_statistics"):
        Freezer(nn.Linear(2, 2), "bn")


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_losses_take_a_reduction(name):
    scores, targets = torch.rand(4, 3), torch.rand(4, 3)
    loss = get_loss_func(name)(reduction="mean")(scores, targets)
    each = get_loss_func(name)(reduction="none")(scores, targets)
    torch.testing.assert_close(loss, each.mean())


def test_soft_targets_equal_hard_ones_when_one_hot():
    logits, labels = torch.randn(6, 4), torch.randint(0, 4, (6,))
    hard = get_loss_func("cross_entropy")(reduction="mean")(logits, labels)
    soft = get_loss_func("soft_cross_entropy")(reduction="mean")
    torch.testing.assert_close(soft(logits, nn.functional.one_hot(labels, 4).float()), hard)


def test_an_unknown_loss_names_the_nearest():
    with pytest.raises(ConfigError, match="cross_entropy"):
        get_loss_func("cross_entrop")


def test_gdts_recipe_starts_from_an_orthogonal_classifier():
    cfg = get_cfg()
    cfg.merge_from_file(Path(__file__).parents[2] / "configs/benchmark/hmdb51/gdt-32.yaml")
    head = build_model(cfg).head.projection
    weight = head.weight.detach()
    torch.testing.assert_close(weight @ weight.T, torch.eye(51), atol=1e-5, rtol=0)
    assert not head.bias.any()
