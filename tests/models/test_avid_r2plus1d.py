"""AVID's video network: names, shapes and recorded numbers of every stage."""

from functools import cache

import pytest
import torch
from oracles.checkpoints import check_rows, check_tensor, described, maps_of
from oracles.fills import avid_fill, avid_input

from slowfast.models.backbones import build_backbone

PREFIX = "video_model."
NETWORKS = {
    "r18_nl": "avid_r2plus1d_18",
    "r34_nl": "avid_r2plus1d_34",
    "small10_nl": "avid_r2plus1d_small",
}
STAGES = ("conv1", "conv2x", "conv3x", "conv4x", "conv5x")


@pytest.mark.parametrize("name", NETWORKS)
def test_names_shapes_and_types_are_those_of_released_checkpoints(recorded, name):
    content = recorded(f"avid/state_dict_model_{name}.json")
    entries = [entry for entry in content["entries"] if entry[0].startswith(PREFIX)]
    assert described(build_backbone(NETWORKS[name]).state_dict(), PREFIX) == entries


@pytest.mark.parametrize("name", NETWORKS)
def test_parameter_counts_are_published(recorded, name):
    content = recorded(f"avid/state_dict_model_{name}.json")
    count = sum(p.numel() for p in build_backbone(NETWORKS[name]).parameters())
    assert count == content["n_params_video"]


@pytest.fixture(scope="module")
def filled(recorded):
    """Return ``network(name, rule)``, filled by a rule over the full list of entries."""

    @cache
    def network(name, rule):
        content = recorded(f"avid/state_dict_model_{name}.json")
        state = avid_fill(content["entries"], content["constants"], rule)
        model = build_backbone(NETWORKS[name]).double().eval()
        model.load_state_dict(
            {key.removeprefix(PREFIX): v for key, v in state.items() if key.startswith(PREFIX)}
        )
        return model

    return network


def pool(feature_map):
    return torch.amax(feature_map, (2, 3, 4))


SECTIONS = ["rule_A_input_A", "rule_B_input_A", "rule_B_input_B"]


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize(
    ("name", "file"), [("r18_nl", "forward_r18"), ("small10_nl", "forward_small10")]
)
@torch.inference_mode()
def test_every_stage_gives_the_recorded_numbers(recorded, filled, name, file, section):
    content = recorded(f"avid/{file}.json")
    case = content[section]
    clip = avid_input(case["video_input_shape"], content["constants"], section[-1])
    want = case["video_encoder"]
    maps = maps_of(filled(name, section[5]), clip)
    if "layers" in want:
        for stage in STAGES:
            check_tensor(maps[stage], want["layers"][stage])
    check_rows(pool(maps["conv5x"]), want["pooled"])


@torch.inference_mode()
def test_the_headless_network_gives_the_recorded_numbers(recorded, filled):
    content = recorded("avid/forward_other.json")
    clip = avid_input([2, 3, 8, 112, 112], content["constants"], "B")
    pooled = pool(filled("r18_nl", "B")(clip))
    check_rows(pooled, content["no_head_r18_8x112x112"]["video"])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "shape"), [("8x224x224", (8, 224)), ("32x112x112", (32, 112))])
@torch.inference_mode()
def test_larger_clips_give_the_recorded_numbers(recorded, filled, name, shape):
    content = recorded("avid/forward_other.json")
    clip = avid_input([1, 3, shape[0], shape[1], shape[1]], content["constants"], "B")
    maps = maps_of(filled("r18_nl", "B"), clip)
    for stage in STAGES:
        assert list(maps[stage].shape) == content[name]["layers"][stage]
    check_rows(pool(maps["conv5x"]), content[name]["pooled"])


@pytest.mark.slow
@torch.inference_mode()
def test_depth_34_gives_the_recorded_head_output(recorded, filled):
    content = recorded("avid/forward_other.json")
    entries = recorded("avid/state_dict_model_r34_nl.json")
    state = avid_fill(entries["entries"], content["constants"], "B")
    clip = avid_input([1, 3, 8, 112, 112], content["constants"], "B")
    out = pool(filled("r34_nl", "B")(clip))
    for layer in (0, 2, 4):
        name = f"video_proj.projection.{layer}"
        out = out @ state[f"{name}.weight"].double().T + state[f"{name}.bias"]
        out = out.relu() if layer < 4 else out
    check_rows(out, content["depth34_8x112x112"]["video_head"])
