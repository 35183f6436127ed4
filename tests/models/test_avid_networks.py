"""AVID's networks and heads: names, shapes and recorded numbers of every layer."""

import copy
from functools import cache

import pytest
import torch
from oracles.checkpoints import maps_of
from oracles.fills import avid_fill, avid_input, listed
from torch import nn
from torch.nn import functional as F

from slowfast.models.audio import AUDIO_BACKBONES, build_audio_backbone
from slowfast.models.backbones import build_backbone
from slowfast.models.backbones.avid_r2plus1d import AvidR2Plus1D
from slowfast.models.heads import Projection, global_pool
from slowfast.utils.errors import ConfigError

# list of entries: video network, audio network, widths of the head of either
NETWORKS = {
    "r18_nl": ("avid_r2plus1d_18", "avid_conv2d_10", (512, 512, 128)),
    "r18_linear": ("avid_r2plus1d_18", "avid_conv2d_10", (128,)),
    "r18_nohead": ("avid_r2plus1d_18", "avid_conv2d_10", ()),
    "r34_nl": ("avid_r2plus1d_34", "avid_conv2d_10", (512, 512, 128)),
    "small10_nl": ("avid_r2plus1d_small", "avid_conv2d_small", (512, 512, 128)),
}
STAGES = ("conv1", "conv2x", "conv3x", "conv4x", "conv5x")
# The authors numbered the blocks of their public audio network as those of the video network.
BLOCKS = {"conv2x": "block1", "conv3x": "block2", "conv4x": "block3", "conv5x": "block4"}
LAYERS = {"video": dict(zip(STAGES, STAGES, strict=True)), "audio": BLOCKS}
CLOSE = {"rel": 1e-4, "abs": 1e-4}
SECTIONS = ["rule_A_input_A", "rule_B_input_A", "rule_B_input_B"]
FILES = {"r18_nl": "forward_r18", "small10_nl": "forward_small10"}
# Statistics over two smooth samples amplify rounding: this embedding, recorded in float32, lies 3e-4
# from that of the same network in float64, and float32 reaches it on some processors only.
ROUNDED = ("r18_nl", "rule_A_input_A")


def half(modality, name):
    """Return network and head of a modality, under the names of its checkpoints."""
    video, audio, dims = NETWORKS[name]
    network = build_backbone(video) if modality == "video" else build_audio_backbone(audio)
    head = Projection(network.feature_dim, dims)
    return nn.ModuleDict({f"{modality}_model": network, f"{modality}_proj": head})


def embed(model, x):
    """Return what a half computes, and the pooled features before its head."""
    network, head = model.values()
    pooled = global_pool(network(x), network.pooling)
    return head(pooled), pooled


@pytest.fixture(scope="module")
def filled(recorded):
    """Return ``model(modality, name, rule)``: a half, filled by a rule over the full list."""

    @cache
    def model(modality, name, rule):
        content = recorded(f"avid/state_dict_model_{name}.json")
        # The entries of the other half count, but nobody needs their values.
        entries = [
            e if e[0].startswith(modality) else (e[0], [], "int64") for e in content["entries"]
        ]
        state = avid_fill(entries, content["constants"], rule)
        with torch.device("meta"):
            made = half(modality, name)
        own = {k: v for k, v in state.items() if k.startswith(modality)}
        made.load_state_dict(own, assign=True)
        return made.double().eval()

    return model


@pytest.mark.parametrize("name", NETWORKS)
def test_names_shapes_types_and_counts_are_those_of_released_checkpoints(recorded, name):
    content, counts = recorded(f"avid/state_dict_model_{name}.json"), {}
    for modality in ("video", "audio"):
        with torch.device("meta"):
            model = half(modality, name)
        wanted = [entry for entry in content["entries"] if entry[0].startswith(f"{modality}_")]
        assert sorted(listed(model.state_dict())) == sorted(wanted)
        for part, module in model.items():
            own = [entry for entry in wanted if entry[0].startswith(f"{part}.")]
            assert [[f"{part}.{n}", *rest] for n, *rest in listed(module.state_dict())] == own
            counts[part] = sum(p.numel() for p in module.parameters())
    assert counts["video_model"] == content["n_params_video"]
    assert counts["audio_model"] == content["n_params_audio"] == 4_725_696
    assert sum(counts.values()) == content["n_params"]


def check_tensor(got, want):
    assert list(got.shape) == want["shape"]
    assert float(got.double().norm()) == pytest.approx(want["l2"], rel=1e-4)
    assert float(got.double().mean()) == pytest.approx(want["mean"], **CLOSE)
    first, last = got[0].flatten()[:8].tolist(), got[-1].flatten()[-4:].tolist()
    assert first == pytest.approx(want["sample0_first8"], **CLOSE)
    assert last == pytest.approx(want["sample1_last4"], **CLOSE)


def check_rows(got, want):
    for row, expected in zip(got, want, strict=True):
        count = len(expected["first"])
        assert row[:count].tolist() == pytest.approx(expected["first"], **CLOSE)
        assert float(row.double().norm()) == pytest.approx(expected["l2"], rel=1e-4)
        assert float(row.double().mean()) == pytest.approx(expected["mean"], **CLOSE)


@pytest.fixture(params=SECTIONS)
def section(request):
    return request.param


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("modality", LAYERS)
@torch.inference_mode()
def test_every_layer_gives_the_recorded_numbers(recorded, filled, modality, name, section):
    content = recorded(f"avid/{FILES[name]}.json")
    want = content[section]
    x = avid_input(want[f"{modality}_input_shape"], content["constants"], section[-1])
    network, head = filled(modality, name, section[5]).values()
    maps = maps_of(network, x)
    assert list(maps) == ["conv1", *LAYERS[modality].values()][-5:]
    layers = want[f"{modality}_encoder"].get("layers", {})
    assert layers or section != "rule_B_input_B"
    for recorded_name, layer in LAYERS[modality].items():
        if layers:
            check_tensor(maps[layer], layers[recorded_name])
    assert modality == "video" or torch.equal(maps["block4"], network(x))
    pooled = global_pool(list(maps.values())[-1], network.pooling)
    check_rows(pooled, want[f"{modality}_encoder"]["pooled"])
    out, recorded_head = head(pooled), want[f"{modality}_head"]
    check_rows(out, recorded_head["out"])
    unit = F.normalize(out)[:, :4].tolist()
    for row, expected in zip(unit, recorded_head["l2_normalised_first4"], strict=True):
        assert row == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", FILES)
@torch.inference_mode()
def test_a_forward_pass_in_training_gives_the_recorded_numbers(recorded, filled, name, section):
    content = recorded(f"avid/{FILES[name]}.json")
    want = content[section]["train_mode_one_forward"]
    shape = content[section]["audio_input_shape"]
    model = copy.deepcopy(filled("audio", name, section[5])).train()
    out, _ = embed(model, avid_input(shape, content["constants"], section[-1]))
    if (name, section) != ROUNDED:
        check_rows(out, want["audio_head"])
    norm = model["audio_model"].conv1[1]
    running = norm.running_mean[:4].tolist()
    assert running == pytest.approx(want["audio_conv1_running_mean_first4"], rel=1e-4, abs=1e-6)
    assert norm.num_batches_tracked == want["num_batches_tracked"]


@pytest.mark.parametrize(
    ("modality", "name", "shape", "key", "output"),
    [
        ("audio", "r34_nl", (1, 1, 200, 257), "depth34_8x112x112", "audio_head"),
        ("audio", "r18_linear", (2, 1, 200, 257), "linear_head_r18_8x112x112", "audio_head"),
        ("audio", "r18_nohead", (2, 1, 200, 257), "no_head_r18_8x112x112", "audio"),
        ("video", "r18_nohead", (2, 3, 8, 112, 112), "no_head_r18_8x112x112", "video"),
        pytest.param(
            *("video", "r34_nl", (1, 3, 8, 112, 112), "depth34_8x112x112", "video_head"),
            marks=pytest.mark.slow,
        ),
    ],
)
@torch.inference_mode()
def test_other_networks_and_heads_give_the_recorded_numbers(
    recorded, filled, modality, name, shape, key, output
):
    content = recorded("avid/forward_other.json")
    out, _ = embed(filled(modality, name, "B"), avid_input(shape, content["constants"], "B"))
    check_rows(out, content[key][output])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "shape"), [("8x224x224", (8, 224)), ("32x112x112", (32, 112))])
@torch.inference_mode()
def test_larger_clips_give_the_recorded_numbers(recorded, filled, name, shape):
    content = recorded("avid/forward_other.json")
    clip = avid_input([1, 3, shape[0], shape[1], shape[1]], content["constants"], "B")
    maps = maps_of(filled("video", "r18_nl", "B")["video_model"], clip)
    for stage in STAGES:
        assert list(maps[stage].shape) == content[name]["layers"][stage]
    check_rows(global_pool(maps["conv5x"], "max"), content[name]["pooled"])


def test_unknown_depths_are_refused():
    with pytest.raises(ValueError, match="depth 50"):
        AvidR2Plus1D(depth=50)


@pytest.mark.parametrize("name", AUDIO_BACKBONES)
@torch.inference_mode()
def test_strides_and_width_are_as_announced(name):
    model = build_audio_backbone(name).eval()
    t, f = model.strides
    assert model(torch.zeros(1, 1, 64, 96)).shape == (1, model.feature_dim, 64 // t, 96 // f)


def test_the_tiny_network_is_the_published_one_at_a_quarter_of_its_width():
    tiny, large = map(build_audio_backbone, ("avid_conv2d_tiny", "AVID_Conv2D_10"))
    assert list(tiny.state_dict()) == list(large.state_dict())
    assert (tiny.feature_dim, tiny.strides) == (128, large.strides)


def test_unknown_names_list_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'avid_conv2d_10'"):
        build_audio_backbone("avid_conv2d_1")


@pytest.mark.parametrize(("dims", "out_dim"), [((), 6), ((3,), 3), ((5, 4), 4)])
def test_a_projection_tells_its_width(dims, out_dim):
    torch.manual_seed(0)
    head = Projection(6, dims)
    pooled = torch.randn(64, 6)
    assert head.out_dim == out_dim
    assert head(pooled).shape == (64, out_dim)
    assert (head(pooled) < 0).any()
    if not dims:
        assert torch.equal(head(pooled), pooled)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3, 4, 5, 6), (2, 3, 7)])
def test_global_pooling_takes_any_number_of_dimensions(shape):
    features = torch.randn(shape)
    for kind, reduce in (("avg", torch.mean), ("max", torch.amax)):
        want = reduce(features, dim=tuple(range(2, len(shape))))
        torch.testing.assert_close(global_pool(features, kind), want)


def test_of_equal_maxima_one_takes_the_gradient():
    features = torch.ones(1, 1, 2, 2, requires_grad=True)
    global_pool(features, "max").sum().backward()
    assert sorted(features.grad.flatten().tolist()) == [0, 0, 0, 1]


def test_other_poolings_are_refused():
    with pytest.raises(ValueError, match="'sum'"):
        global_pool(torch.zeros(1, 1, 1), "sum")
