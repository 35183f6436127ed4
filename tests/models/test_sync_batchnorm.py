"""Synchronised normalisation: two processes with half a batch each are like one with all of it."""

import pytest
import torch
from torch import nn
from warm import run_ranks_of

from slowfast.models.sync_batchnorm import synchronise_batchnorm

WORKER = """
import os, sys
import torch
import torch.distributed as dist
from torch import nn
from slowfast.models.sync_batchnorm import synchronise_batchnorm
from slowfast.utils import distributed as du

folder, rank, devices = sys.argv[1], int(os.environ["RANK"]), int(sys.argv[2])
dist.init_process_group("gloo")
torch.manual_seed(0)
network = nn.Sequential(nn.Conv3d(3, 4, 1), nn.BatchNorm3d(4), nn.ReLU(), nn.Conv3d(4, 2, 1))
names = list(network.state_dict())
network = synchronise_batchnorm(network, devices or None)
assert list(network.state_dict()) == names
clips = torch.randn(4, 3, 2, 5, 5)[2 * rank : 2 * rank + 2].requires_grad_()
network(clips).square().sum().backward()
torch.save([clips.grad, *network.state_dict().values()], f"{folder}/{rank}.pt")
network.eval()(clips)
du.destroy_process_group()
"""


def one_process():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv3d(3, 4, 1), nn.BatchNorm3d(4), nn.ReLU(), nn.Conv3d(4, 2, 1))
    clips = torch.randn(4, 3, 2, 5, 5).requires_grad_()
    network(clips).square().sum().backward()
    return [clips.grad, *network.state_dict().values()]


def two_processes(folder, devices):
    run_ranks_of(WORKER, folder, folder, devices)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.slow
def test_statistics_and_gradients_are_those_of_the_whole_batch(tmp_path):
    whole = one_process()
    parts = two_processes(tmp_path, 2)
    gradient = torch.cat([part[0] for part in parts])
    torch.testing.assert_close(gradient, whole[0], rtol=1e-4, atol=1e-5)
    for part in parts:
        for found, want in zip(part[1:], whole[1:], strict=True):
            torch.testing.assert_close(found, want, rtol=1e-5, atol=1e-6)


def test_one_process_keeps_its_layers():
    network = nn.Sequential(nn.BatchNorm3d(3))
    assert synchronise_batchnorm(network, 4) is network
    assert type(network[0]) is nn.BatchNorm3d
