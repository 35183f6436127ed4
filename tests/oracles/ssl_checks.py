"""Comparisons and an encoder that several tests of the self-supervised losses share."""

import copy

import torch
from torch import nn


def close(found, wanted, rtol=1e-4, atol=1e-6):
    torch.testing.assert_close(
        torch.as_tensor(found).detach().double(),
        torch.as_tensor(wanted).double(),
        rtol=rtol,
        atol=atol,
    )


def check_gradients(gradient, recorded):
    """Compare a gradient ``(B, D)`` with its recorded norms and first numbers."""
    if recorded is None or gradient is None:
        assert gradient is None or not gradient.any()
        return
    close(gradient.norm(), recorded["l2"])
    close(gradient[0, :8], recorded["row0_first8"], atol=1e-5)
    close(gradient.norm(dim=1), recorded["row_l2"])


def check_rows(bank, recorded):
    """Compare rows of a memory bank with their recorded first numbers."""
    assert recorded
    for row, wanted in recorded.items():
        close(bank.rows[int(row), : len(wanted)], wanted, atol=1e-6)


class TwoMaps(nn.Module):
    """A linear map each of video and audio, with the same layers behind both."""

    def __init__(self, video: int, audio: int, width: int, *layers: nn.Module) -> None:
        super().__init__()
        self.video = nn.Sequential(nn.Linear(video, width), *copy.deepcopy(layers))
        self.audio = nn.Sequential(nn.Linear(audio, width), *copy.deepcopy(layers))

    def forward(self, inputs):
        return {name: getattr(self, name)(inputs[name]) for name in ("video", "audio")}
