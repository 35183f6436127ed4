"""The zero-shot network against the recorded outputs, losses and layouts."""

import numpy as np
import pytest
import torch
from oracles.checkpoints import write, zero_shot_content

from slowfast.checkpoint.pretrained import load_pretrained
from slowfast.models.backbones import build_backbone
from slowfast.models.zero_shot import ZeroShot, vector_loss
from slowfast.utils.errors import ConfigError

NUMBERS = "zeroshot/network_r2plus1d_18_r3d_18_gain6.json"


def released(folder, recorded, network, gain):
    content = zero_shot_content(recorded(f"zeroshot/state_dict_{network}.json"), gain)
    return write(folder, content, "a.pth.tar")


def clips(shape):
    return torch.arange(int(np.prod(shape)), dtype=torch.float64).mul(0.01).sin().view(shape)


@pytest.fixture(scope="module")
def filled(request, recorded, tmp_path_factory):
    path = released(tmp_path_factory.mktemp(request.param), recorded, request.param, 6.0)
    model = ZeroShot(build_backbone(request.param), 300)
    report = load_pretrained(model, path, "zero_shot", head=True)
    assert report.complete and "head.weight" in report.loaded
    return request.param, model.double().eval()


@pytest.mark.parametrize(
    ("filled", "case"),
    [("r3d_18", "single_clip"), ("r2plus1d_18", "batch2_clips2")],
    indirect=["filled"],
)
@torch.inference_mode()
def test_a_released_file_computes_the_recorded_vectors(filled, recorded, case):
    name, model = filled
    want = recorded(NUMBERS)[name][case]
    views = want["input_shape"][1]
    video = clips(want["input_shape"]).float().double().flatten(0, 1)
    seen = []
    hook = model.regressor.register_forward_pre_hook(lambda _, given: seen.extend(given))
    found = model([video], views)
    hook.remove()
    expected = torch.tensor(want["output"], dtype=torch.float64).view(want["output_shape"])
    torch.testing.assert_close(found, expected, rtol=0, atol=5e-4)
    first = seen[0].flatten()[:8].tolist()
    assert first == pytest.approx(want["visual_embedding"]["first8"], rel=5e-3, abs=0.05)


@pytest.mark.parametrize("filled", ["r3d_18"], indirect=True)
def test_the_loss_is_the_recorded_one_and_twice_the_cosine_distance(filled, recorded):
    name, model = filled
    want = recorded(NUMBERS)[name]["loss"]
    with torch.no_grad():
        found = model([clips(want["input_shape"]).float().double().flatten(0, 1)])
    targets = torch.arange(600, dtype=torch.float64).mul(0.13).add(0.5).sin().view(2, 300)
    targets = torch.nn.functional.normalize(targets, dim=1)
    loss = vector_loss(found, targets)
    assert loss.item() == pytest.approx(want["mse"], rel=1e-4)
    cosines = (found * targets).sum(dim=1)
    assert cosines.tolist() == pytest.approx(want["cosines"], abs=5e-4)
    whole = vector_loss(found, targets, "per_sample_sum")
    assert whole.item() == pytest.approx((2 - 2 * cosines).mean().item())
    assert whole.item() == pytest.approx(300 * loss.item())


@torch.inference_mode()
def test_c3d_computes_the_recorded_vectors(recorded, tmp_path):
    path = released(tmp_path, recorded, "c3d", 1.0)
    model = ZeroShot(build_backbone("c3d"), 300)
    report = load_pretrained(model, path, "zero_shot", "c3d", head=True)
    assert "layers that are not used" in report.ignored.values()
    path.unlink()
    want = recorded("zeroshot/network_c3d.json")["c3d"]["single_clip"]
    found = model.eval()([clips(want["input_shape"]).float().flatten(0, 1)])
    torch.testing.assert_close(found.flatten(), torch.tensor(want["output"]), rtol=0, atol=1e-5)
    with pytest.raises(ConfigError, match="16 x 112 x 112"):
        model([torch.zeros(1, 3, 8, 112, 112)])


def test_sizes_are_the_published_ones():
    with torch.device("meta"):
        sizes = {n: ZeroShot(build_backbone(n), 300) for n in ("r2plus1d_18", "r3d_18", "c3d")}
    counts = {name: sum(p.numel() for p in model.parameters()) for name, model in sizes.items()}
    unused = 4096 * 4096 + 4096 + 487 * 4096 + 487  # fc7 and fc8
    assert counts == {
        "r2plus1d_18": 31_454_025,
        "r3d_18": 33_320_172,
        "c3d": 81_220_115 - unused,
    }


def test_a_frozen_backbone_stays_as_it_is_batch_statistics_included():
    torch.manual_seed(0)
    model = ZeroShot(build_backbone("avid_r2plus1d_tiny"), 5, freeze="backbone").train()
    before = {k: v.clone() for k, v in model.backbone.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1.0)
    vector_loss(model([torch.randn(2, 3, 8, 32, 32)]), torch.randn(2, 5)).backward()
    optimizer.step()
    assert all(torch.equal(before[k], v) for k, v in model.backbone.state_dict().items())
    assert model.regressor.weight.grad.abs().sum() > 0
