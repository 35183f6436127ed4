"""Starting a backbone from a file: every tensor of both sides, or nothing."""

import pytest
import torch

from slowfast.checkpoint.pretrained import load_pretrained
from slowfast.models.backbones import build_backbone
from slowfast.utils.errors import CheckpointError


def run_file(tmp_path, backbone, **content):
    state = {f"backbone.{name}": tensor for name, tensor in backbone.state_dict().items()}
    torch.save({"model_state": {**state, "head.weight": torch.zeros(2)}, **content}, tmp_path / "a")
    return tmp_path / "a"


def test_every_tensor_of_a_run_is_loaded(tmp_path):
    source, target = (build_backbone("avid_r2plus1d_tiny") for _ in range(2))
    report = load_pretrained(target, run_file(tmp_path, source), "slowfast")
    assert len(report.loaded) == len(source.state_dict())
    for name, tensor in source.state_dict().items():
        assert torch.equal(tensor, target.state_dict()[name])


@pytest.mark.parametrize(
    ("theirs", "ours", "message"),
    [
        ("avid_r2plus1d_34", "avid_r2plus1d_18", "too many"),
        ("avid_r2plus1d_18", "avid_r2plus1d_34", "missing"),
        ("avid_r2plus1d_10", "avid_r2plus1d_tiny", "of another shape"),
    ],
)
def test_another_depth_or_width_is_refused_whole(tmp_path, theirs, ours, message):
    target = build_backbone(ours)
    before = {name: tensor.clone() for name, tensor in target.state_dict().items()}
    with pytest.raises(CheckpointError, match=rf"[1-9]\d* {message}"):
        load_pretrained(target, run_file(tmp_path, build_backbone(theirs)), "slowfast")
    for name, tensor in target.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_networks_that_only_their_names_tell_apart_are_told_apart(tmp_path):
    source = build_backbone("avid_r2plus1d_small")
    path = run_file(tmp_path, source, cfg="MODEL:\n  ARCH: avid_r2plus1d_small\n")
    with pytest.raises(CheckpointError, match=r"MODEL\.ARCH avid_r2plus1d_small; this run has"):
        load_pretrained(build_backbone("avid_r2plus1d_10"), path, "slowfast", "avid_r2plus1d_10")
