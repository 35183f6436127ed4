"""torchvision's video ResNets as backbones: names, shapes and recorded features."""

import pytest
import torch
from oracles.fills import severe_fill, severe_input

from slowfast.models.backbones import build_backbone
from slowfast.utils.errors import ConfigError


def entries_of_backbone(content):
    return [entry for entry in content["entries"] if not entry[0].startswith("fc.")]


def test_names_and_shapes_are_torchvisions(recorded):
    content = recorded("severe/ckpt_scratch.json")
    state = build_backbone("r2plus1d_18").state_dict()
    got = [
        [key, list(value.shape), str(value.dtype).removeprefix("torch.")]
        for key, value in state.items()
    ]
    assert got == entries_of_backbone(content)


@pytest.mark.parametrize(("rule", "section"), [("sine", "features"), ("hash", "features_hash")])
@torch.inference_mode()
def test_features_are_the_recorded_ones(recorded, rule, section):
    content = recorded("severe/ckpt_scratch.json")
    want = content[section]
    state = severe_fill(content["entries"], content["fill"], rule)
    model = build_backbone("r2plus1d_18").double().eval()
    model.load_state_dict({k: v for k, v in state.items() if not k.startswith("fc.")})
    out = model(severe_input((1, 3, 8, 112, 112), content["fill"], rule))
    pooled = out.double().mean((2, 3, 4))[0]
    assert list(out.shape) == want["feature_map_shape"]
    assert float(out.double().norm()) == pytest.approx(want["feature_map_l2"], rel=1e-4)
    assert pooled[:16].tolist() == pytest.approx(want["pooled_first16"], rel=1e-4, abs=1e-4)
    assert float(pooled.norm()) == pytest.approx(want["pooled_l2"], rel=1e-4)


def test_depth_34_has_stages_of_3_4_6_3_blocks():
    model = build_backbone("r2plus1d_34")
    stages = (model.layer1, model.layer2, model.layer3, model.layer4)
    assert [len(stage) for stage in stages] == [3, 4, 6, 3]


@torch.inference_mode()
def test_strides_and_width_are_as_announced():
    model = build_backbone("R2Plus1D_18").eval()
    out = model(torch.zeros(1, 3, 8, 32, 32))
    t, h, w = model.strides
    assert out.shape == (1, model.feature_dim, 8 // t, 32 // h, 32 // w)


def test_unknown_backbones_are_refused_with_a_suggestion():
    with pytest.raises(ConfigError, match="r2plus1d_18"):
        build_backbone("r2plus1d18")
