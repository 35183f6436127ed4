"""Synchronised normalisation: two processes with half a batch each are like one with all of it."""

import pytest
import torch
from torch import nn
from warm import found_by_ranks

from slowfast.models.sync_batchnorm import synchronise_batchnorm

WORKER = """
from torch import nn
from slowfast.models.sync_batchnorm import synchronise_batchnorm

devices = int(words[0])
torch.manual_seed(0)
network = nn.Sequential(nn.Conv3d(3, 4, 1), nn.BatchNorm3d(4), nn.ReLU(), nn.Conv3d(4, 2, 1))
names = list(network.state_dict())
network = synchronise_batchnorm(network, devices or None)
assert list(network.state_dict()) == names
clips = torch.randn(4, 3, 2, 5, 5)[2 * rank : 2 * rank + 2].requires_grad_()
network(clips).square().sum().backward()
found = [clips.grad, *network.state_dict().values()]
network.eval()(clips)
"""


def one_process():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv3d(3, 4, 1), nn.BatchNorm3d(4), nn.ReLU(), nn.Conv3d(4, 2, 1))
    clips = torch.randn(4, 3, 2, 5, 5).requires_grad_()
    network(clips).square().sum().backward()
    return [clips.grad, *network.state_dict().values()]


@pytest.mark.slow
def test_statistics_and_gradients_are_those_of_the_whole_batch(tmp_path):
    whole = one_process()
    parts = found_by_ranks(WORKER, tmp_path, 2)
    gradient = torch.cat([part[0] for part in parts])
    torch.testing.assert_close(gradient, whole[0], rtol=1e-4, atol=1e-5)
    for part in parts:
        for found, want in zip(part[1:], whole[1:], strict=True):
            torch.testing.assert_close(found, want, rtol=1e-5, atol=1e-6)


def test_one_process_keeps_its_layers():
    network = nn.Sequential(nn.BatchNorm3d(3))
    assert synchronise_batchnorm(network, 4) is network
    assert type(network[0]) is nn.BatchNorm3d
