"""Batch normalisation whose statistics are those of several processes (``BN.NORM_TYPE``)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.distributed.nn.functional import all_reduce

from slowfast.utils import distributed as du
from slowfast.utils.errors import ConfigError

PLAIN = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class CpuSyncBatchNorm(nn.BatchNorm3d):
    """What ``nn.SyncBatchNorm`` does on GPUs, and refuses to do on CPUs; any number of dimensions.

    Attributes:
        process_group: the processes that share statistics; None for all.
    """

    process_group = None

    def _check_input_dim(self, x: Tensor) -> None:
        """Take any input."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``(B, C, ...)`` by the statistics of all processes of the group."""
        if not self.training or not du.is_initialized():
            return super().forward(x)
        mean, variance, count = self._statistics(x.float())
        self._track(mean.detach(), variance.detach() * count / (count - 1).clamp(min=1))
        shape = (1, -1) + (1,) * (x.ndim - 2)
        scale = torch.rsqrt(variance + self.eps)
        shift = -mean * scale
        if self.affine:
            scale, shift = scale * self.weight, shift * self.weight + self.bias
        return (x.float() * scale.view(shape) + shift.view(shape)).to(x.dtype)

    def _statistics(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return mean and variance ``(C,)`` over the group, and how many numbers they are of."""
        over = [0, *range(2, x.ndim)]
        count = x.new_full((1,), x.numel() / x.shape[1])
        sums = torch.cat([x.sum(over), x.square().sum(over), count])
        sums = all_reduce(sums, group=self.process_group or dist.group.WORLD)
        total, squares, count = sums.split([x.shape[1], x.shape[1], 1])
        mean = total / count
        return mean, (squares / count - mean.square()).clamp(min=0), count.detach()

    def _track(self, mean: Tensor, variance: Tensor) -> None:
        if not self.track_running_stats:
            return
        self.num_batches_tracked.add_(1)
        share = self.momentum or 1.0 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


def synchronise_batchnorm(model: nn.Module, num_devices: int | None) -> nn.Module:
    """Exchange the batch normalisations of a model for synchronised ones and return it.

    Parameters and their names stay; without several processes nothing changes. All processes must
    call it.

    Args:
        model: before it is wrapped for several processes.
        num_devices: neighbouring processes of a machine that share statistics; None for all
            processes of all machines.

    Raises:
        ConfigError: ``num_devices`` does not divide the processes of a machine.
    """
    found = any(type(module) in PLAIN for module in model.modules())
    if not du.is_initialized() or not found or num_devices == 1:
        return model
    group = _group(num_devices)
    if next(model.parameters()).device.type != "cpu":
        return nn.SyncBatchNorm.convert_sync_batchnorm(model, group)
    for module in model.modules():
        if type(module) in PLAIN:
            module.__class__ = CpuSyncBatchNorm
            module.process_group = group
    return model


def _group(num_devices: int | None):
    local, world = du.get_local_world_size(), du.get_world_size()
    if num_devices is None or num_devices >= world:
        return None
    if local % num_devices:
        raise ConfigError(
            f"BN.NUM_SYNC_DEVICES {num_devices} does not divide the {local} processes of this "
            "machine."
        )
    groups = [
        dist.new_group(list(range(first, first + num_devices)))
        for first in range(0, world, num_devices)
    ]
    return groups[du.get_rank() // num_devices]
