"""Looking into checkpoints and converting them, as users do it."""

import json

import pytest
import torch
from oracles.checkpoints import severe_content, severe_layout, write

from slowfast.checkpoint import load_pretrained
from slowfast.models.backbones import build_backbone

pytestmark = pytest.mark.usefixtures("light_files")


@pytest.fixture
def tool(run_tool):
    return run_tool("import_checkpoint")


def test_looking_tells_structure_format_network_and_report(tool, recorded, tmp_path):
    path = write(tmp_path, severe_layout(recorded("severe/ckpt_selavi.json")))
    done = tool("--ckpt", path)
    assert done.returncode == 0
    for text in (
        "holds     model (236 tensors: module.video_network.base.stem.0.weight, ...)",
        "format    selavi\n",
        "network   r2plus1d_18\n",
        "222 backbone tensors loaded",
        "6 audio branch, 8 projection head",
        "crop 112",
    ):
        assert text in done.stdout


def test_looking_at_what_two_methods_may_have_made_says_so(tool, recorded, tmp_path):
    path = write(tmp_path, severe_layout(recorded("severe/ckpt_moco.json")))
    done = tool("--ckpt", path)
    assert done.returncode == 1
    assert "format    moco or video_moco" in done.stderr
    assert tool("--ckpt", path, "--method", "MoCo").returncode == 0


@pytest.mark.parametrize(
    ("layout", "method"), [("slowfast", "slowfast"), ("torchvision", "supervised")]
)
def test_a_converted_file_holds_the_same_network(layout, method, tool, recorded, tmp_path):
    path = write(tmp_path, severe_content(recorded("severe/ckpt_rspnet.json")))
    out = tmp_path / "new.pth"
    licence = ("--licence", "CC0", "--source", "a friend")
    done = tool("--ckpt", path, "--out", out, "--to", layout, *licence)
    assert done.returncode == 0
    first, second = build_backbone("r2plus1d_18"), build_backbone("r2plus1d_18")
    original = load_pretrained(first, path, "RSPNet")
    report = load_pretrained(second, out)
    assert report.method == method
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name]), name
    known = json.loads((tmp_path / "new.pth.json").read_text())
    assert known["sha256"] == original.sha256 and known["file"] == "checkpoint.pth"
    assert (known["licence"], known["source"], known["title"]) == ("CC0", "a friend", "RSPNet")
    assert known["inputs"]["mean"] == [0.485, 0.456, 0.406]
    if layout == "slowfast":
        assert report.inputs == original.inputs
        assert f"licence {known['licence']}" in tool("--ckpt", out).stdout


def test_torchvision_names_are_refused_for_networks_it_has_not(tool, recorded, tmp_path):
    path = write(tmp_path, severe_layout(recorded("severe/ckpt_tclr.json")))
    done = tool("--ckpt", path, "--out", "new.pth", "--to", "torchvision")
    assert done.returncode == 1
    assert "torchvision has no network with the layers of TCLR" in done.stderr
    assert not (tmp_path / "new.pth").exists()
    assert tool("--ckpt", path, "--out", "new.pyth").returncode == 0
    backbone = build_backbone("r2plus1d_18")
    assert "layers changed" in load_pretrained(backbone, tmp_path / "new.pyth").notes[0]


def test_tensors_that_fit_several_networks_need_a_name(tool, tmp_path):
    state = build_backbone("avid_r2plus1d_10").state_dict()
    path = write(tmp_path, {"model": {f"video_model.{k}": v for k, v in state.items()}})
    done = tool("--ckpt", path)
    assert done.returncode == 1
    assert "fit avid_r2plus1d_10, avid_r2plus1d_small alike; say which by --arch" in done.stderr
    for arch in ("avid_r2plus1d_small", "avid_r2plus1d_10"):
        assert f"network   {arch}\n" in tool("--ckpt", path, "--arch", arch).stdout


def test_a_folder_is_tabulated(run_tool, recorded, tmp_path):
    listing = run_tool("list_checkpoints")
    (tmp_path / "sub").mkdir()
    write(tmp_path, severe_layout(recorded("severe/ckpt_moco.json")), "a.pth.tar")
    write(tmp_path, severe_layout(recorded("severe/ckpt_tubelet_contrast_r3d.json")), "sub/b.pth")
    (tmp_path / "c.pth").write_bytes(b"<!DOCTYPE html>")
    write(tmp_path, {"net": {"x": torch.zeros(1)}}, "d.pt")
    done = listing(tmp_path)
    rows = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert "moco or video_moco" in rows["a.pth.tar"] and "r2plus1d_18" in rows["a.pth.tar"]
    assert "tubelet_contrast_r3d  r3d_18" in rows["sub/b.pth"]
    assert "a web page" in rows["c.pth"]
    assert "not known" in rows["d.pt"]
    assert rows["d.pt"] in listing(tmp_path / "d.pt").stdout
    assert listing(tmp_path / "nowhere").returncode == 1
