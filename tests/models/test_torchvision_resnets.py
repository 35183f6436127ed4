"""torchvision's video ResNets as backbones: names, shapes and recorded features."""

import pytest
import torch
from oracles.checkpoints import assert_recorded_features
from oracles.fills import listed, severe_fill

from slowfast.models.backbones import build_backbone


@pytest.mark.parametrize("rule", ["sine", "hash"])
def test_names_and_features_are_the_recorded_ones(recorded, rule):
    content = recorded("severe/ckpt_scratch.json")
    with torch.device("meta"):
        model = build_backbone("R2Plus1D_18")
    own = [entry for entry in content["entries"] if not entry[0].startswith("fc.")]
    assert listed(model.state_dict()) == own
    state = severe_fill(content["entries"], content["fill"], rule)
    own = {k: v for k, v in state.items() if not k.startswith("fc.")}
    model.load_state_dict(own, assign=True)
    assert_recorded_features(model, content, rule)


def test_depth_34_has_stages_of_3_4_6_3_blocks():
    model = build_backbone("r2plus1d_34")
    stages = (model.layer1, model.layer2, model.layer3, model.layer4)
    assert [len(stage) for stage in stages] == [3, 4, 6, 3]
