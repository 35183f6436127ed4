"""Starting a backbone from a file: every tensor of both sides, or nothing."""

import json

import pytest
import torch
import torchvision
from oracles.checkpoints import severe_content, severe_layout, write

from slowfast.checkpoint import load_pretrained
from slowfast.checkpoint.networks import load_model_state
from slowfast.models.backbones import build_backbone
from slowfast.models.heads import BasicHead
from slowfast.models.vssl import VSSL
from slowfast.utils.errors import CheckpointError

pytestmark = pytest.mark.usefixtures("light_files")


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


def test_a_pyslowfast_file_of_severes_network_is_read(tmp_path):
    source, target = build_backbone("r2plus1d_18"), build_backbone("r2plus1d_18")
    stages = dict(stem=0, layer1=1, layer2=2, layer3=3, layer4=4)
    state = {
        f"encoder.{stages[name.split('.')[0]]}.{name.split('.', 1)[1]}": tensor
        for name, tensor in source.state_dict().items()
    }
    head = {"head.projection.weight": torch.zeros(80, 512)}
    report = load_pretrained(
        target, write(tmp_path, {"epoch": 19, "model_state": {**state, **head}, "cfg": "{}"})
    )
    assert report.method == "pyslowfast"
    assert report.ignored == {"head.projection.weight": "classifier"}
    assert torch.equal(source.layer3[0].conv1[0][0].weight, target.layer3[0].conv1[0][0].weight)


def test_a_whole_torchvision_network_may_keep_its_classifier(recorded, tmp_path):
    network = torchvision.models.video.r2plus1d_18()
    fc = network.fc.weight.clone()
    path = write(tmp_path, severe_layout(recorded("severe/ckpt_selavi.json")))
    assert len(load_pretrained(network, path).loaded) == 222
    assert torch.equal(network.fc.weight, fc)
    path = write(tmp_path, severe_layout(recorded("severe/ckpt_supervised.json")))
    assert len(load_pretrained(network, path).loaded) == 224
    assert not network.fc.weight.any()


def test_2d_kernels_are_stretched_where_asked(tmp_path):
    images = torchvision.models.resnet18()
    backbone = build_backbone("r3d_18")
    report = load_pretrained(backbone, write(tmp_path, images.state_dict()), inflate=True)
    kernel = backbone.layer2[0].conv1[0].weight
    assert torch.allclose(kernel.sum(2), images.layer2[0].conv1.weight)
    assert torch.equal(kernel[:, :, 0], kernel[:, :, 2])
    assert torch.equal(
        backbone.layer2[0].downsample[0].weight[:, :, 0], images.layer2[0].downsample[0].weight
    )
    assert report.notes == ["20 kernels stretched over time"]
    assert set(report.ignored.values()) == {"classifier"}


def test_red_and_blue_are_exchanged_where_asked(recorded, tmp_path):
    content = severe_content(recorded("severe/ckpt_supervised.json"))
    backbone = build_backbone("r2plus1d_18")
    report = load_pretrained(backbone, write(tmp_path, content), reverse_channels=True)
    assert torch.equal(backbone.stem[0].weight, content["stem.0.weight"].flip(1))
    assert report.notes == ["red and blue exchanged in stem.0.weight"]


def test_half_precision_is_read_and_reported(tmp_path):
    source = build_backbone("r2plus1d_18")
    half = {k: v.half() if v.is_floating_point() else v for k, v in source.state_dict().items()}
    target = build_backbone("r2plus1d_18")
    report = load_pretrained(target, write(tmp_path, half))
    assert target.stem[0].weight.dtype == torch.float32
    assert torch.equal(target.stem[0].weight, source.stem[0].weight.half().float())
    assert report.notes == ["stored as float16"]


@pytest.mark.parametrize("bare", [True, False])
def test_wrapper_and_container_may_be_missing(recorded, tmp_path, bare):
    state = severe_layout(recorded("severe/ckpt_avid_cma.json"))["model"]
    if bare:
        state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    report = load_pretrained(build_backbone("r2plus1d_18"), write(tmp_path, state), "AVID-CMA")
    assert len(report.loaded) == 222


def test_unknown_tensors_beside_a_complete_backbone_are_named(recorded, tmp_path):
    content = severe_layout(recorded("severe/ckpt_selavi.json"))
    content["model"]["module.extra.weight"] = torch.zeros(664, 512)
    report = load_pretrained(build_backbone("r2plus1d_18"), write(tmp_path, content), "selavi")
    assert report.ignored["module.extra.weight"] == "unknown"
    assert report.notes == ["unknown to SeLaVi: module.extra.weight"]


def test_the_report_counts_reasons_and_is_kept_as_json(recorded, tmp_path):
    path = write(tmp_path, severe_layout(recorded("severe/ckpt_moco.json")))
    report = load_pretrained(build_backbone("r2plus1d_18"), path, "MoCo")
    assert str(report) == (
        "222 backbone tensors loaded (222 renamed), 0 missing, 0 of another shape, 0 too many; "
        "left out: 2 queue of negatives, 2 projection head, 224 momentum encoder"
    )
    saved = json.loads(report.save(tmp_path).read_text())
    assert saved["method"] == "moco" and len(saved["sha256"]) == 64
    assert saved["renamed"]["module.encoder_q.stem.0.weight"] == "stem.0.weight"
    assert saved["beside"] == {"epoch": "bookkeeping"}


def vssl():
    return VSSL(build_backbone("r2plus1d_18"), BasicHead(512, 3), (8, 32, 32))


def test_a_changed_network_is_kept_by_runs_and_by_runs_that_start_from_them(recorded, tmp_path):
    path = write(tmp_path, severe_content(recorded("severe/ckpt_tclr.json")))
    first, second, third = vssl(), vssl(), vssl()
    clip = torch.randn(1, 3, 8, 32, 32)
    with torch.inference_mode():
        assert first.backbone(clip).shape == (1, 512, 1, 2, 2)
        report = load_pretrained(first, path, "TCLR")
        assert first.backbone(clip).shape == (1, 512, 2, 2, 2)
        assert first.map_size == (2, 2, 2)
        assert report.notes == ["layers changed to those of TCLR"]
        load_model_state(second, first.state_dict())
        run = write(tmp_path, {"model_state": second.state_dict(), "cfg": "{}"}, "run.pyth")
        assert load_pretrained(third, run).method == "slowfast"
        expected = first.eval()([clip])
        assert torch.equal(second.eval()([clip]), expected)
        third.head.load_state_dict(first.head.state_dict())
        assert torch.equal(third.eval()([clip]), expected)


def test_changed_layers_learn_as_much_as_those_they_replace(recorded, tmp_path):
    path = write(tmp_path, severe_layout(recorded("severe/ckpt_tclr.json")))
    model = VSSL(build_backbone("r2plus1d_18"), BasicHead(512, 3), (8, 32, 32), "backbone")
    load_pretrained(model, path)
    assert not any(p.requires_grad for p in model.backbone.parameters())


def test_counters_of_batches_may_be_absent(tmp_path):
    state = torchvision.models.video.r2plus1d_18(num_classes=3).state_dict()
    state = {k: v for k, v in state.items() if not k.endswith("batches_tracked")}
    report = load_pretrained(build_backbone("r2plus1d_18"), write(tmp_path, state))
    assert len(report.loaded) == 185
    assert report.notes == ["without num_batches_tracked, which batch norm can do without"]
