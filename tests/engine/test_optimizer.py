import pytest
import torch
from torch import nn

from slowfast.config import get_cfg
from slowfast.engine.optimizer import (
    construct_optimizer,
    get_param_groups,
    load_optimizer,
    phase_at,
    set_lr,
    total_epochs,
)
from slowfast.engine.state import seed_step
from slowfast.models.freezing import Freezer
from slowfast.utils.errors import ConfigError


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv3d(3, 4, 1), nn.BatchNorm3d(4))
        self.head = nn.Linear(4, 2)

    def parts(self):
        return {"video_backbone": self.backbone, "head": self.head}


def sizes(groups):
    return sorted(
        (g["weight_decay"], g["lr_scale"], sum(p.numel() for p in g["params"])) for g in groups
    )


def test_normalisation_layers_have_their_own_weight_decay():
    cfg = get_cfg()
    cfg.merge_from_list(["SOLVER.WEIGHT_DECAY", 0.1, "BN.WEIGHT_DECAY", 0.0])
    assert sizes(get_param_groups(Small(), cfg)) == [(0.0, 1.0, 8), (0.1, 1.0, 16 + 10)]


def test_biases_can_be_spared():
    cfg = get_cfg()
    cfg.merge_from_list(["SOLVER.WEIGHT_DECAY", 0.1, "SOLVER.ZERO_WD_1D_PARAM", True])
    assert sizes(get_param_groups(Small(), cfg)) == [(0.0, 1.0, 6), (0.0, 1.0, 8), (0.1, 1.0, 20)]


def test_the_backbone_learns_at_its_own_scale():
    cfg = get_cfg()
    cfg.SOLVER.BACKBONE_LR_SCALE = 0.1
    model = Small()
    optimizer = construct_optimizer(model, cfg)
    set_lr(optimizer, 0.5)
    rate = {id(p): g["lr"] for g in optimizer.param_groups for p in g["params"]}
    assert {round(rate[id(p)], 9) for p in model.backbone.parameters()} == {0.05}
    assert {rate[id(p)] for p in model.head.parameters()} == {0.5}


@pytest.mark.parametrize("method", ["sgd", "adam", "adamw"])
def test_every_parameter_is_in_one_group_and_moves(method):
    cfg = get_cfg()
    cfg.SOLVER.OPTIMIZING_METHOD = method
    model = Small()
    optimizer = construct_optimizer(model, cfg)
    listed = [id(p) for g in optimizer.param_groups for p in g["params"]]
    assert sorted(listed) == sorted(id(p) for p in model.parameters())
    before = [p.detach().clone() for p in model.parameters()]
    features = model.backbone(torch.randn(2, 3, 2, 2, 2)).mean((2, 3, 4))
    (model.head(features) - 1).square().sum().backward()
    optimizer.step()
    moved = [not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True)]
    assert sum(moved) >= len(moved) - 1  # the convolution's bias is undone by the normalisation


def test_nothing_to_train_is_an_error():
    model = Small().requires_grad_(False)
    with pytest.raises(ConfigError, match=r"MODEL\.FREEZE"):
        get_param_groups(model, get_cfg())


def stepped(model, *words):
    """Return an optimizer by these keys that has taken a step."""
    cfg = get_cfg()
    cfg.merge_from_list(list(words))
    optimizer = construct_optimizer(model, cfg)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    return optimizer


CHANGES = {
    "weight_decay": ("SOLVER.WEIGHT_DECAY", 0.5, "sgd"),
    "momentum": ("SOLVER.MOMENTUM", 0.5, "sgd"),
    "dampening": ("SOLVER.DAMPENING", 0.5, "sgd"),
    "nesterov": ("SOLVER.NESTEROV", True, "sgd"),
    "betas": ("SOLVER.BETAS", (0.5, 0.6), "adam"),
    "lr_scale": ("SOLVER.BACKBONE_LR_SCALE", 0.0, "adamw"),
}


@pytest.mark.parametrize("setting", CHANGES)
def test_a_resumed_optimizer_has_the_settings_of_the_config(setting):
    key, value, method = CHANGES[setting]
    common = ["SOLVER.OPTIMIZING_METHOD", method, "SOLVER.NESTEROV", False]
    common += ["SOLVER.BACKBONE_LR_SCALE", 0.5]
    old, new = (stepped(Small(), *common, *more) for more in ((), (key, value)))
    gathered = old.state_dict()["state"]
    load_optimizer(new, old.state_dict())
    assert value in [group[setting] for group in new.param_groups]
    torch.testing.assert_close(new.state_dict()["state"], gathered)
    new.step()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["SOLVER.OPTIMIZING_METHOD", "adamw"], r"SOLVER\.OPTIMIZING_METHOD must stay"),
        (["SOLVER.ZERO_WD_1D_PARAM", True], r"SOLVER\.ZERO_WD_1D_PARAM"),
        (["SOLVER.BACKBONE_LR_SCALE", 0.5], r"SOLVER\.BACKBONE_LR_SCALE"),
    ],
)
def test_another_optimizer_is_refused_by_key(words, message):
    old = stepped(Small())
    with pytest.raises(ValueError, match=message):
        load_optimizer(stepped(Small(), *words), old.state_dict())


def test_adam_may_become_adamw():
    old = stepped(Small(), "SOLVER.OPTIMIZING_METHOD", "adam")
    new = stepped(Small(), "SOLVER.OPTIMIZING_METHOD", "adamw")
    load_optimizer(new, old.state_dict())
    assert all(g.get("decoupled_weight_decay", True) for g in new.param_groups)
    new.step()


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
        self.head = nn.Linear(3, 2)

    def parts(self):
        return {"video_backbone": self.backbone, "head": self.head}

    def forward(self, x):
        return self.head(self.backbone(x))


def cfg_with(epochs: int):
    cfg = get_cfg()
    cfg.TRAIN.CLASSIFIER_WARMUP_EPOCHS, cfg.SOLVER.MAX_EPOCH = epochs, 4
    return cfg


def test_the_main_schedule_starts_when_the_classifier_is_warm():
    cfg = cfg_with(5)
    assert total_epochs(cfg) == 9
    assert phase_at(cfg, 4).learning_rate(None, 0.0) == cfg.TRAIN.CLASSIFIER_WARMUP_LR
    assert phase_at(cfg, 5).first_epoch == 5
    assert phase_at(cfg, 5).learning_rate(lambda epoch: epoch + 0.5, 0.0) == 0.5


def test_only_the_classifier_learns_while_statistics_move():
    model, cfg = Model(), cfg_with(1)
    optimizer = phase_at(cfg, 0).prepare(model, cfg)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    model(torch.randn(8, 3)).square().sum().backward()
    optimizer.step()
    changed = {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    assert {"head.weight", "head.bias", "backbone.1.running_mean"} <= changed
    assert not any(k.startswith("backbone.0") for k in changed)


def test_what_is_frozen_for_good_stays_frozen_after_the_warmup():
    model, cfg = Model(), cfg_with(1)
    Freezer(model.backbone, "bn_parameters")
    phase_at(cfg, 0).prepare(model, cfg)
    phase_at(cfg, 1).prepare(model, cfg)
    learned = {name for name, p in model.named_parameters() if p.requires_grad}
    assert learned == {"backbone.0.weight", "backbone.0.bias", "head.weight", "head.bias"}


def test_random_numbers_follow_from_the_position_alone():
    def draw(*position):
        seed_step(*position)
        return torch.rand(3).tolist()

    first = draw(1, 5, 0)
    assert draw(1, 5, 0) == first
    assert len({tuple(draw(*p)) for p in ((1, 5, 0), (1, 6, 0), (1, 5, 1), (2, 5, 0))}) == 4
