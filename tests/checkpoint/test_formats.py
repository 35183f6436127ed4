"""Every format, rebuilt from its recorded layout: recognised, loaded, and computing alike."""

import pytest
import torch
from oracles.checkpoints import (
    METHODS,
    assert_recorded_features,
    gdt_content,
    severe_content,
    severe_layout,
    tensors,
    write,
    zero_shot_content,
)
from oracles.fills import gdt_input

from slowfast.checkpoint import load_pretrained
from slowfast.checkpoint.formats import FORMATS, find_format
from slowfast.models.backbones import build_backbone

pytestmark = pytest.mark.usefixtures("light_files", "without_draws")

SPELLINGS = {
    "Supervised": "supervised",
    "MoCo": "moco",
    "Video_MoCo": "video_moco",
    "VideoMoCo": "video_moco",
    "SeLaVi": "selavi",
    "GDT": "gdt",
    "avid_cma": "avid_cma",
    "AVID-CMA": "avid_cma",
    "RSPNet": "rspnet",
    "CTP": "ctp",
    "CtP": "ctp",
    "TCLR": "tclr",
    "tclr": "tclr",
    "Pretext_Contrast": "pretext_contrast",
    "pretext-contrast": "pretext_contrast",
    "tubelet_contrast": "tubelet_contrast",
    "tubelet_contrast_r3d": "tubelet_contrast_r3d",
    "torchvision": "supervised",
}


@pytest.fixture
def without_draws(monkeypatch):
    """Let networks begin with zeros, which takes less time: here a file replaces all of them."""
    for name in ("kaiming_uniform_", "kaiming_normal_"):
        monkeypatch.setattr(torch.nn.init, name, lambda tensor, **_: tensor.data.zero_())


@torch.inference_mode()
def feature_map(backbone, clip):
    return backbone.double().eval()(clip)


@pytest.mark.parametrize("rule", ["sine", "hash"])
@pytest.mark.parametrize("method", METHODS)
def test_a_rebuilt_checkpoint_computes_the_recorded_features(method, rule, recorded, tmp_path):
    case = recorded(f"severe/ckpt_{method}.json")
    path = write(tmp_path, severe_content(case, rule))
    backbone = build_backbone(case["backbone"])
    report = load_pretrained(backbone, path, case["fork_config_init_method"] or method)
    assert_recorded_features(backbone, case, rule)
    assert report.loaded == list(backbone.state_dict())
    assert not (report.missing or report.mismatched or report.surplus)
    assert len(report.loaded) + len(report.ignored) == case["num_entries"]


@pytest.mark.parametrize("method", [m for m in METHODS if "moco" not in m])
def test_auto_recognises_a_layout(method, recorded, tmp_path):
    case = recorded(f"severe/ckpt_{method}.json")
    path = write(tmp_path, severe_layout(case))
    report = load_pretrained(build_backbone(case["backbone"]), path)
    assert report.method == method


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_method_is_found_however_it_is_spelt(spelling):
    assert find_format(spelling)[0] == SPELLINGS[spelling]


@pytest.mark.parametrize("variant", ["av_gdt", "vid_text_gdt", "stica"])
def test_a_gdt_or_stica_release_computes_the_recorded_features(variant, recorded, tmp_path):
    path = write(tmp_path, gdt_content(recorded(f"gdt/state_dict_{variant}.json")))
    backbone = build_backbone("r2plus1d_18")
    report = load_pretrained(backbone, path)
    assert report.method == ("stica" if variant == "stica" else "gdt")
    want = recorded(f"gdt/hash_forward_{variant}.json")
    found = feature_map(backbone, gdt_input(want["input_video"], 900001))
    if variant == "stica":
        first = want["feature_map"]["first16"]
        assert float(found.norm()) == pytest.approx(want["feature_map"]["l2"], rel=1e-5)
        assert found.flatten()[:16].tolist() == pytest.approx(first, abs=1e-5)
        return
    pooled = found.mean((2, 3, 4))
    first = want["video_pooled"]["all"]["first16"]
    assert float(pooled.norm()) == pytest.approx(want["video_pooled"]["all"]["l2"], rel=1e-5)
    assert pooled.flatten()[:16].tolist() == pytest.approx(first, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("variant", ["stica_gap", "stica_pos_qkv"])
def test_every_stica_layout_is_recognised(variant, recorded, tmp_path):
    entries = recorded(f"gdt/state_dict_{variant}.json")["entries"]
    path = write(tmp_path, {"state_dict": tensors(entries, None, ())})
    report = load_pretrained(build_backbone("r2plus1d_18"), path)
    assert report.method == "stica"
    assert variant == "stica_gap" or "transformer pooling" in report.ignored.values()


@pytest.mark.parametrize("network", ["r2plus1d_18", "r3d_18"])
def test_the_zero_shot_release_computes_the_recorded_features(network, recorded, tmp_path):
    content = zero_shot_content(recorded(f"zeroshot/state_dict_{network}.json"), gain=6.0)
    backbone = build_backbone(network)
    report = load_pretrained(backbone, write(tmp_path, content))
    assert report.method == "zero_shot"
    assert list(report.ignored.values()) == ["classifier"] * 2
    want = recorded("zeroshot/network_r2plus1d_18_r3d_18_gain6.json")[network]["single_clip"]
    count = 3 * 16 * 112 * 112
    clip = torch.sin(0.01 * torch.arange(count, dtype=torch.float64)).float().double()
    found = feature_map(backbone, clip.view(1, 3, 16, 112, 112)).mean((2, 3, 4))[0]
    full = torch.tensor(want["visual_embedding_full"], dtype=torch.float64)
    assert float((found - full).abs().max() / full.abs().max()) < 5e-3


def test_every_format_has_a_title_and_inputs_or_knows_them_from_the_file():
    for name in FORMATS:
        rule = FORMATS.get(name)
        assert rule.title
        assert rule.inputs is not None
