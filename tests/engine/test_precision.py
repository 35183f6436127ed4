import pytest
import torch
from torch.nn import functional as F

from slowfast.engine.precision import Precision, check_conv3d
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
        Precision(True, "bfloat16", CPU).prepare(torch.nn.Conv3d(1, 1, 3))
    Precision(False, "bfloat16", CPU).prepare(torch.nn.Conv3d(1, 1, 3))
