import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from slowfast.engine.precision import Precision, check_conv3d, patch_cpu_bf16_conv3d
from slowfast.models.backbones import build_backbone
from slowfast.utils.errors import ConfigError

CPU = torch.device("cpu")


def test_convolutions_of_this_machine_pass():
    check_conv3d(CPU, torch.bfloat16)


@pytest.mark.parametrize("what", ["values", "gradients"])
def test_wrong_convolutions_are_refused_before_training(monkeypatch, what):
    right = F.conv3d

    def wrong(clip, weight, **options):
        result = right(clip, weight, **options)
        if clip.dtype != torch.bfloat16:
            return result
        if what == "values":
            return torch.where(torch.arange(result.shape[-1]) < 2, 0, result)
        return result + 0.2 * (result - result.detach())

    monkeypatch.setattr(F, "conv3d", wrong)
    with pytest.raises(ConfigError, match=f"wrong {what} in torch.bfloat16 .*AMP_DTYPE float16"):
        Precision(True, "bfloat16", CPU).prepare(nn.Conv3d(1, 1, 3))
    Precision(False, "bfloat16", CPU).prepare(nn.Conv3d(1, 1, 3))


def gradients(conv, x, amp):
    conv.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=amp):
        y = conv(x)
    y.float().square().sum().backward()
    return conv.weight.grad.clone()


@pytest.mark.parametrize("frames", [1, 2, 3, 8])
@pytest.mark.parametrize("kernel", [(3, 1, 1), (3, 3, 3)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
def test_bfloat16_gradients_are_right(frames, kernel, layout):
    torch.manual_seed(0)
    padding = tuple(k // 2 for k in kernel)
    conv = nn.Conv3d(64, 64, kernel, padding=padding, bias=False).to(memory_format=layout)
    x = torch.randn(2, 64, frames, 7, 7).contiguous(memory_format=layout)
    wanted = gradients(conv, x, amp=False)
    patch_cpu_bf16_conv3d(conv)
    for _ in range(3):
        found = gradients(conv, x, amp=True)
        assert (found - wanted).norm() <= 0.02 * wanted.norm()


def test_mending_changes_neither_numbers_nor_names():
    plain = build_backbone("avid_r2plus1d_tiny").eval()
    mended = copy.deepcopy(plain)
    assert patch_cpu_bf16_conv3d(mended) > 0
    assert list(mended.state_dict()) == list(plain.state_dict())
    clip = torch.randn(1, 3, 8, 32, 32)
    torch.testing.assert_close(mended(clip), plain(clip))
