"""Features by name: parsed, taken from the right layer in one pass, pooled as they say."""

import pytest
import torch
from oracles.checkpoints import maps_of
from torch.nn import functional as F

from slowfast.config import load_cfg
from slowfast.models.audio import build_audio_backbone
from slowfast.models.backbones import build_backbone
from slowfast.models.feature_maps import Taps, parse_feature, parse_features
from slowfast.tasks.frozen import build_frozen
from slowfast.utils.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("video", ("video", "", "", 1)),
        ("video.conv2x:max12", ("video", "conv2x", "max", 12)),
        ("audio.block4:avg", ("audio", "block4", "avg", 1)),
        ("video.conv5x.0:map", ("video", "conv5x.0", "map", 1)),
    ],
)
def test_a_name_has_parts(text, parts):
    found = parse_feature(text)
    assert (found.modality, found.layer, found.pooling, found.side) == parts
    assert ":" not in found.file and found.is_tokens == text.endswith("map")


@pytest.mark.parametrize(
    "text", ["", "text", "video:max0", "audio:time", "video.log_mel", "video..x"]
)
def test_what_is_not_a_name_is_refused(text):
    with pytest.raises(ConfigError):
        parse_features([text], "PROBE.FEATURES")


def test_layers_of_one_pass_are_pooled_as_their_names_say():
    network = build_backbone("avid_r2plus1d_tiny").eval()
    names = "video video:avg video.conv2x:max3 video.conv4x:avg2 video.conv4x:map video:time"
    features = parse_features(names.split(), "x")
    clip, found, passes = torch.randn(2, 3, 8, 64, 64), {}, []
    network.conv1.register_forward_hook(lambda *_: passes.append(1))
    with Taps(network, features).into(found), torch.no_grad():
        network(clip)
    assert len(passes) == 1
    with torch.no_grad():
        maps = maps_of(network, clip)
    last, fourth = maps["conv5x"], maps["conv4x"]
    expected = {
        "video": last.amax((2, 3, 4)),
        "video:avg": last.mean((2, 3, 4)),
        "video.conv2x:max3": F.adaptive_max_pool3d(maps["conv2x"], (1, 3, 3)).flatten(1),
        "video.conv4x:avg2": F.adaptive_avg_pool3d(fourth, (1, 2, 2)).flatten(1),
        "video.conv4x:map": fourth.flatten(2).transpose(1, 2),
        "video:time": last.mean((3, 4)).transpose(1, 2),
    }
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value)
    found.clear()
    network(clip)
    assert not found  # no tap is left behind


def test_the_grid_of_audio_has_no_time_of_its_own():
    network = build_audio_backbone("avid_conv2d_tiny").eval()
    found, levels = {}, torch.randn(2, 1, 100, 65)
    with Taps(network, [parse_feature("audio.block2:avg6")]).into(found), torch.no_grad():
        network(levels)
    expected = F.adaptive_avg_pool2d(maps_of(network, levels)["block2"], (6, 6)).flatten(1)
    torch.testing.assert_close(found["audio.block2:avg6"], expected)


def test_frozen_networks_do_not_move():
    words = ["MODEL.ARCH", "avid_r2plus1d_tiny", "AUDIO.ARCH", "avid_conv2d_tiny"]
    cfg = load_cfg(overrides=[*words, "MODEL.MODEL_NAME", "VSSL", "AUDIO.DURATION", "0.5"])
    model = build_frozen(cfg, parse_features(["video", "audio", "audio.log_mel"], "x"))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    batch = {
        "video": torch.randint(0, 256, (2, 3, 3, 8, 32, 32), dtype=torch.uint8),
        "audio": torch.randn(2, 3, 12_000),
    }
    found = model.train()(batch)
    assert {name: tuple(x.shape[:2]) for name, x in found.items()} == dict.fromkeys(found, (2, 3))
    assert found["audio.log_mel"].shape[2] == 120 and not model.networks["video"].training
    assert not any(p.requires_grad for p in model.parameters())
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
