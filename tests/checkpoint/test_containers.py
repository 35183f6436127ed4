"""Checkpoints as people save them: in any container, wrapped, pickled whole, in safetensors."""

import argparse
import json
import struct

import pytest
import torch
from oracles.checkpoints import severe_layout, write
from torch import nn
from torchvision.models.video import r2plus1d_18

from slowfast.checkpoint import load_pretrained
from slowfast.models.backbones import build_backbone
from slowfast.utils.errors import CheckpointError

LAST = "layer4.1.conv2.0.0.weight"


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return r2plus1d_18(num_classes=7)


@pytest.fixture(scope="module")
def state(network):
    return network.state_dict()


@pytest.fixture
def load(tmp_path, state):
    """Return ``load(content, method, **options)``: its report, once the weights have arrived."""

    def check(content, method="auto", **options):
        backbone = build_backbone("r2plus1d_18")
        path = tmp_path / "a.pth"
        torch.save(content, path)
        report = load_pretrained(backbone, path, method, "r2plus1d_18", **options)
        assert backbone.state_dict()[LAST].equal(state[LAST])
        return report

    return check


def begun(state, beginning):
    return {beginning + name: tensor for name, tensor in state.items()}


CONTAINERS = {
    "model": lambda s: {"model": s, "optimizer": {}, "args": argparse.Namespace(lr=1), "epoch": 3},
    "state_dict": lambda s: {"state_dict": s},
    "model_state_dict": lambda s: {"model_state_dict": s, "epoch": 3},
    "net": lambda s: {"net": s, "acc": 0.3},
    "student": lambda s: {"student": s},
    "DeepSpeed": lambda s: {"module": begun(s, "module."), "ds_config": {}, "dp_world_size": 2},
    "nested": lambda s: {"state": {"model": s}, "epoch": 3},
    "average": lambda s: {"n_averaged": torch.tensor(3), **begun(s, "module.")},
    "wrapped": lambda s: begun(s, "module."),
    "compiled": lambda s: begun(s, "_orig_mod."),
    "wrapped, then compiled": lambda s: begun(s, "_orig_mod.module."),
    "compiled, then wrapped": lambda s: begun(s, "module._orig_mod."),
    "Lightning": lambda s: {"state_dict": begun(s, "model."), "pytorch-lightning_version": "2.1"},
    "net.": lambda s: begun(s, "net."),
    "encoder.": lambda s: {"model": begun(s, "module.encoder.")},
    "backbone.": lambda s: begun(s, "backbone."),
    "two": lambda s: {"state_dict": begun(s, "model.net.")},
}


@pytest.mark.parametrize(
    ("name", "method"),
    [
        *((name, "auto") for name in CONTAINERS),
        *((name, "supervised") for name in ("model", "state_dict", "model_state_dict", "net")),
        *(("DeepSpeed", "supervised"), ("encoder.", "supervised")),
    ],
)
def test_tensors_are_found_wherever_scripts_put_them(load, state, name, method):
    report = load(CONTAINERS[name](state), method)
    assert report.method == "supervised" and report.complete and len(report.loaded) == 222
    assert set(report.ignored.values()) - {"number of averaged models"} == {"classifier"}
    assert name != "model" or report.beside["optimizer"] == "optimizer"


@pytest.mark.parametrize("other", ["ema", "student", "model_ema"])
def test_of_several_the_user_chooses(load, state, other):
    zeros = {name: torch.zeros_like(tensor) for name, tensor in state.items()}
    content = {"model": state, other: zeros}
    with pytest.raises(CheckpointError, match=f"model, {other}. Choose by CHECKPOINT.AT"):
        load(content)
    assert load(content, at="model").complete
    with pytest.raises(CheckpointError, match=rf"AT 'nothing'.*{other} \(224 tensors"):
        load(content, at="nothing")


def test_the_key_may_lead_to_an_entry_of_an_entry(load, state):
    content = {"ema": {"model": state, "decay": 0.9}, "raw": {"model": state}}
    with pytest.raises(CheckpointError, match=r"ema\.model, raw\.model"):
        load(content)
    assert load(content, at="ema.model").complete
    with pytest.raises(CheckpointError, match=r"no tensors under CHECKPOINT\.AT 'ema\.net'"):
        load(content, at="ema.net")


class Wrapped(nn.Module):
    def __init__(self, module):
        super().__init__()
        self.module = module
        self.register_buffer("passing", torch.zeros(3), persistent=False)


WHOLE = {
    "alone": lambda network: network,
    "wrapped": Wrapped,
    "in a dict": lambda network: {"model": network, "epoch": 3},
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_network_pickled_whole_is_read_without_running_its_code(load, network, name, monkeypatch):
    monkeypatch.setattr(Wrapped, "__setstate__", pytest.fail)
    assert load(WHOLE[name](network)).complete


def written(path, state, **changes):
    """Write a file of safetensors."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    types = {torch.float32: "F32", torch.int64: "I64"}
    for name, tensor in state.items():
        numbers = tensor.numpy().tobytes()
        offsets = [len(data), len(data) + len(numbers)]
        entry = {"dtype": types[tensor.dtype], "shape": list(tensor.shape), "data_offsets": offsets}
        header[name] = {**entry, **changes}
        data += numbers
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def test_safetensors_are_read(state, tmp_path):
    backbone = build_backbone("r2plus1d_18")
    assert load_pretrained(backbone, written(tmp_path / "a.safetensors", state)).complete
    assert backbone.state_dict()[LAST].equal(state[LAST])


@pytest.mark.parametrize(
    "changes",
    [
        *({"shape": [10**12]}, {"shape": [-3]}, {"shape": ["x"]}, {"shape": 3}),
        *({"data_offsets": [0, 10**9]}, {"data_offsets": [-4, 8]}, {"data_offsets": [8]}),
        *({"dtype": "F128"}, {"dtype": None}),
    ],
)
def test_safetensors_that_claim_what_they_do_not_hold_are_refused(tmp_path, changes):
    path = written(tmp_path / "a.safetensors", {"stem.0.weight": torch.zeros(3)}, **changes)
    with pytest.raises(CheckpointError, match=r"a\.safetensors"):
        load_pretrained(build_backbone("r2plus1d_18"), path)


@pytest.mark.usefixtures("light_files")
class TestHeads:
    """Heads decide nothing where the video network is whole."""

    def load(self, tmp_path, content, method="auto"):
        return load_pretrained(build_backbone("r2plus1d_18"), write(tmp_path, content), method)

    def test_one_unknown_head_does_no_harm(self, recorded, tmp_path):
        content = severe_layout(recorded("severe/ckpt_rspnet.json"))
        content["model"]["new_idea.weight"] = torch.zeros(3)
        report = self.load(tmp_path, content)
        assert report.method == "rspnet" and report.ignored["new_idea.weight"] == "unknown"

    @pytest.mark.parametrize("method", ["auto", "SeLaVi"])
    def test_selavi_with_one_clustering_has_no_number(self, recorded, tmp_path, method):
        content = severe_layout(recorded("severe/ckpt_selavi.json"))
        content["model"] = {
            name.replace("mlp_v0.", "mlp_v.").replace("mlp_a0.", "mlp_a."): tensor
            for name, tensor in content["model"].items()
            if "mlp_v1." not in name and "mlp_a1." not in name
        }
        report = self.load(tmp_path, content, method)
        assert report.method == "selavi" and "unknown" not in report.ignored.values()

    def test_gdt_saved_alone_is_taken_and_called_by_both_names(self, recorded, tmp_path):
        content = severe_layout(recorded("severe/ckpt_gdt.json"))["model"]
        report = self.load(tmp_path, content)
        assert report.method == "gdt" and "named as by stica too" in " ".join(report.notes)
