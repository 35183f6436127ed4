"""Checkpoints that do not fit: each refused whole, with its own reason and cure."""

import functools

import pytest
import torch
from oracles.checkpoints import METHODS, severe_layout, write

from slowfast.checkpoint import load_pretrained
from slowfast.models.backbones import build_backbone
from slowfast.utils.errors import CheckpointError

pytestmark = pytest.mark.usefixtures("light_files")


cached_backbone = functools.cache(build_backbone)


@pytest.fixture
def backbone():
    return cached_backbone("r2plus1d_18")


@pytest.fixture
def content(recorded):
    return lambda method: severe_layout(recorded(f"severe/ckpt_{method}.json"))


@pytest.fixture
def refused(backbone, tmp_path):
    """Return ``message(content, method)``: why a file is refused, the network left as it was."""

    def message(what, method="auto", network=backbone):
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        with pytest.raises(CheckpointError) as caught:
            load_pretrained(network, write(tmp_path, what), method, "r2plus1d_18")
        after = network.state_dict()
        assert list(after) == list(before)
        assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
        return str(caught.value)

    return message


def test_a_wrong_method_name_gets_suggestions(refused, content):
    found = refused(content("moco"), "mocco")
    assert "'mocco' is not a known format" in found
    assert "Did you mean 'moco'" in found


def test_another_network_is_named(refused, content):
    found = refused(content("tubelet_contrast_r3d"), "tubelet_contrast_r3d")
    assert "needs MODEL.ARCH r3d_18; this run has r2plus1d_18" in found
    assert "needs MODEL.ARCH r3d_18" in refused(content("tubelet_contrast_r3d"))


@pytest.mark.parametrize(
    "key",
    ["module.encoder_q.stem.0.weight", "module.encoder_q.layer4.1.conv2.1.num_batches_tracked"],
)
def test_a_removed_tensor_is_named(refused, content, key):
    what = content("moco")
    del what["state_dict"][key]
    found = refused(what, "moco")
    assert "1 missing, 0 of another shape, 0 too many" in found
    assert key.removeprefix("module.encoder_q.") in found


def test_a_changed_shape_is_named_with_both_shapes(refused, content):
    what = content("moco")
    what["state_dict"]["module.encoder_q.stem.1.bias"] = torch.zeros(46)
    found = refused(what, "moco")
    assert "0 missing, 1 of another shape" in found
    assert "stem.1.bias 46 instead of 45" in found


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("place", ["4.2.", "5.1."])
def test_a_tensor_of_a_larger_network_is_named(method, place, recorded, tmp_path):
    case = recorded(f"severe/ckpt_{method}.json")
    what = severe_layout(case)
    tensors = next((what[key] for key in ("state_dict", "model") if key in what), what)
    name = next(n.replace("4.1.", place) for n in case["rename"] if "4.1." in n)
    tensors[name] = torch.zeros(3)
    with pytest.raises(CheckpointError, match="1 too many") as caught:
        load_pretrained(cached_backbone(case["backbone"]), write(tmp_path, what), method)
    assert name in str(caught.value)


@pytest.mark.parametrize("method", ["moco", "supervised", "gdt", "tclr"])
def test_a_doubled_wrapper_is_recognised_as_such(refused, content, method):
    what = content(method)
    at = next((key for key in ("state_dict", "model") if key in what), None)
    names = what[at] if at else what
    doubled = {"module.module." + k.removeprefix("module."): v for k, v in names.items()}
    found = refused({at: doubled} if at else doubled, method)
    assert "begin with 'module.' twice" in found


@pytest.mark.parametrize(
    ("theirs", "given"),
    [
        ("rspnet", "moco"),
        ("selavi", "gdt"),
        ("gdt", "selavi"),
        ("tubelet_contrast", "ctp"),
        ("ctp", "tubelet_contrast"),
        ("supervised", "pretext_contrast"),
        ("pretext_contrast", "supervised"),
        ("avid_cma", "avid_release"),
        ("tclr", "supervised"),
        ("ctp", "slowfast"),
    ],
)
def test_a_file_of_another_method_is_called_by_its_name(refused, content, theirs, given):
    found = refused(content(theirs), given)
    assert f"(MODEL.INIT_METHOD {given})" in found
    assert f"Set MODEL.INIT_METHOD {theirs}." in found


def test_auto_refuses_where_two_fit(refused, content):
    found = refused(content("moco"))
    assert "those of moco and of video_moco" in found


def test_auto_says_what_an_unknown_file_holds(refused):
    found = refused({"net": {"a.weight": torch.zeros(1), "b": torch.zeros(2)}, "step": 3})
    assert "net (2 tensors: a.weight, ...); step (int)" in found


def test_a_file_without_the_tensors_of_the_method_says_what_it_holds(refused):
    found = refused({"state_dict": {"x": torch.zeros(1)}}, "moco")
    assert "no tensor of MoCo's video network" in found
    assert "state_dict (1 tensors: x, ...)" in found


def test_2d_kernels_name_the_key_that_stretches_them(refused):
    with torch.device("meta"):
        import torchvision

        state = torchvision.models.resnet18().state_dict()
    zeros = {name: torch.zeros(tensor.shape) for name, tensor in state.items()}
    found = refused(zeros, network=build_backbone("r3d_18"))
    assert "CHECKPOINT.INFLATE True stretches them over time, for MODEL.ARCH r3d_18" in found
    assert "kernels stretched" not in found


@pytest.mark.parametrize("key", ["layer4.0.conv1.0.weight", "layer4.0.conv2.0.0.weight"])
def test_a_tensor_removed_from_a_changed_network_is_the_one_named(refused, content, key):
    what = content("tclr")
    del what["state_dict"][f"module.0.{key}"]
    assert "1 missing, 0 of another shape, 0 too many" in refused(what, "tclr")
    assert f"first: {key}" in refused(what, "TCLR")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(refused, content, value):
    what = content("rspnet")
    kernel = torch.zeros(45, 3, 1, 7, 7)
    kernel[3, 1] = value
    what["model"]["encoder_q.encoder.base_network.0.0.weight"] = kernel
    assert "stem.0.weight holds what no weight can be" in refused(what, "rspnet")


def test_scratch_is_nothing_to_load(refused, content):
    assert "nothing to load" in refused(content("moco"), "Scratch")
