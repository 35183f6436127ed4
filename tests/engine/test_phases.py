import torch
from torch import nn

from slowfast.config import get_cfg
from slowfast.engine.phases import phase_at, total_epochs
from slowfast.engine.state import seed_step
from slowfast.models.freezing import Freezer


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
