"""Branches, the encoder that joins them, and the parts of every model."""

import pytest
import torch
from torch import nn

from slowfast.config import get_cfg
from slowfast.engine.optimizer import get_param_groups, phase_at
from slowfast.models.build import build_model
from slowfast.models.heads import Projection
from slowfast.models.multimodal import Branch, MultiModalEncoder
from slowfast.models.parts import backbones_of, parts_of, prefix_of
from slowfast.ssl.base import SSL_METHODS, build_ssl_model
from slowfast.utils.errors import ConfigError


class Backbone(nn.Conv2d):
    feature_dim, pooling = 6, "max"

    def __init__(self):
        super().__init__(1, 6, 3)


class Items:
    labels = [-1] * 40

    def __len__(self):
        return 40


def tiny_cfg(name="AVID", *words):
    cfg = get_cfg()
    cfg.merge_from_list(["MODEL.MODEL_NAME", name, "MODEL.ARCH", "avid_r2plus1d_tiny", *words])
    cfg.merge_from_list(["AUDIO.ARCH", "avid_conv2d_tiny", "SSL.PROJECTION", "[16,8]"])
    cfg.merge_from_list(["SSL.CHECKPOINT", "somewhere"] if name == "AVID_CMA" else [])
    return cfg


@pytest.fixture
def encoder():
    branches = {m: Branch(Backbone(), Projection(6, [5, 4])) for m in ("video", "audio")}
    return MultiModalEncoder(branches)


def test_the_encoder_names_its_tensors_as_checkpoints_do(encoder):
    names = [name.partition(".")[0] for name in encoder.state_dict()]
    order = ("video_backbone", "audio_backbone", "video_projection", "audio_projection")
    assert tuple(dict.fromkeys(names)) == order
    assert tuple(encoder.parts()) == order


def test_a_branch_is_called_alone_and_in_steps(encoder):
    x = torch.randn(2, 1, 8, 8)
    branch = encoder.branches["video"]
    features = branch.backbone(x)
    assert features.shape == (2, 6, 6, 6)
    assert torch.equal(branch.pool(features), features.amax((2, 3)))
    alone = branch(x)
    assert torch.equal(alone, branch.projection(branch.pool(features)))
    assert torch.equal(encoder({"video": x, "audio": x})["video"], alone)
    assert encoder.dim == branch.dim == alone.shape[1]


def test_loaded_and_moved_weights_are_those_of_the_branches(encoder):
    state = {name: torch.zeros_like(tensor) for name, tensor in encoder.state_dict().items()}
    encoder.load_state_dict(state)
    encoder.double()
    found = encoder.branches["audio"](torch.randn(2, 1, 8, 8).double())
    assert found.dtype == torch.float64
    assert not found.any()


@pytest.mark.parametrize("name", ["AVID", "AVID_CMA"])
def test_methods_name_their_parts(name):
    with torch.device("meta"):
        model = build_ssl_model(tiny_cfg(name), Items())
    assert set(parts_of(model)) == set(model.encoder.parts())
    assert backbones_of(model) == [model.encoder.video_backbone, model.encoder.audio_backbone]
    assert prefix_of(model, "audio_backbone") == "encoder.audio_backbone."
    assert model.modalities == ("video", "audio")


def test_the_supervised_network_names_its_parts():
    cfg = tiny_cfg("VSSL", "MODEL.NUM_CLASSES", "3")
    model = build_model(cfg)
    assert parts_of(model) == {"video_backbone": model.backbone, "head": model.head}
    assert prefix_of(model, "video_backbone") == "backbone."
    bare = nn.Linear(2, 2)
    assert parts_of(bare) == {"video_backbone": bare}


def test_the_scale_of_backbones_acts_on_methods_too():
    cfg = tiny_cfg("AVID", "SOLVER.BACKBONE_LR_SCALE", "0.1")
    model = build_ssl_model(cfg, Items())
    scales = {id(p): g["lr_scale"] for g in get_param_groups(model, cfg) for p in g["params"]}
    assert {scales[id(p)] for p in model.encoder.audio_backbone.parameters()} == {0.1}
    assert {scales[id(p)] for p in model.encoder.audio_projection.parameters()} == {1.0}


def test_a_key_that_cannot_act_on_a_model_is_an_error():
    cfg = tiny_cfg("AVID", "SOLVER.BACKBONE_LR_SCALE", "0.1")
    with pytest.raises(ConfigError, match=r"BACKBONE_LR_SCALE 0.1: Linear names no backbone"):
        get_param_groups(nn.Linear(2, 2), cfg)
    for key, value in (("FREEZE", "backbone"), ("FROZEN_BN", True)):
        cfg = tiny_cfg("AVID", f"MODEL.{key}", str(value))
        with pytest.raises(ConfigError, match=f"MODEL.{key} {value!r} cannot act on AVID"):
            build_ssl_model(cfg, Items())
    cfg = tiny_cfg("AVID", "TRAIN.CLASSIFIER_WARMUP_EPOCHS", "1")
    model = build_ssl_model(cfg, Items())
    with pytest.raises(ConfigError, match="CLASSIFIER_WARMUP_EPOCHS: AVID has no classifier"):
        phase_at(cfg, 0).prepare(model, cfg)


def test_methods_are_found_without_a_list():
    assert set(SSL_METHODS) >= {"AVID", "AVID_CMA"}
