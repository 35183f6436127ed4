"""Process groups: who am I, and exchanging tensors and objects between processes.

Every function works without a process group too, as if there were one process.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn.modules.batchnorm import _NormBase

from slowfast.utils.errors import SlowFastError
from slowfast.utils.meeting import Meeting

T = TypeVar("T")

LETTING_GO_SECONDS = 0.05

_meeting: Meeting | None = None
_place = ""
_beside: dist.ProcessGroup | None = None  # for what must not wait for devices


def is_initialized() -> bool:
    """Tell whether several processes work together."""
    return dist.is_available() and dist.is_initialized()


def get_world_size() -> int:
    """Return the number of processes."""
    return dist.get_world_size() if is_initialized() else 1


def get_rank() -> int:
    """Return the number of this process among all."""
    return dist.get_rank() if is_initialized() else 0


def get_local_rank() -> int:
    """Return the number of this process on its machine."""
    return int(os.environ.get("LOCAL_RANK", 0)) if is_initialized() else 0


def get_local_world_size() -> int:
    """Return the number of processes on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", get_world_size())) if is_initialized() else 1


def is_root_proc() -> bool:
    """Tell whether this is process 0 of all."""
    return get_rank() == 0


def is_master_proc(num_gpus: int = 0) -> bool:
    """Tell whether this is the first process of its machine (``num_gpus`` is not needed)."""
    return get_local_rank() == 0


def launched_by_torchrun() -> bool:
    """Tell whether the environment decides rank and world size."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


def init_process_group(backend: str, timeout_seconds: float) -> None:
    """Join the group that the environment describes.

    Args:
        backend: ``gloo`` or ``nccl``.
        timeout_seconds: after which a missing process is an error.

    Raises:
        TrainingError: other processes did not come; it names them.
        RuntimeError: the group could not be made.
    """
    global _meeting, _beside
    _meeting = Meeting.of_environment(timeout_seconds)
    _meeting.wait_for_all(timeout_seconds)
    dist.init_process_group(
        backend,
        store=_meeting.store,
        rank=_meeting.rank,
        world_size=_meeting.size,
        timeout=timedelta(seconds=timeout_seconds),
    )
    _beside = dist.new_group(backend="gloo", timeout=timedelta(seconds=timeout_seconds))


def meeting() -> Meeting | None:
    """Return where the processes left marks for each other, None for a process alone."""
    return _meeting


def stand(place: str) -> None:
    """Note where this process stands in the run, for messages about others that do not come."""
    global _place
    _place = place


def place() -> str:
    """Return what :func:`stand` noted last."""
    return _place


def destroy_process_group() -> None:
    """Leave the group, if there is one."""
    global _beside
    if is_initialized():
        # Threads of gloo may still need Python to let go of the last tensors, and torch 2.6 waits
        # for those threads without letting anybody use Python.
        time.sleep(LETTING_GO_SECONDS)
        dist.destroy_process_group()
        _beside = None


def synchronize() -> None:
    """Wait for all processes."""
    if is_initialized():
        dist.barrier()


def all_reduce(tensors: list[Tensor], average: bool = True) -> list[Tensor]:
    """Sum (or average) each tensor over the processes, in place."""
    if is_initialized():
        for tensor in tensors:
            dist.all_reduce(tensor)
            if average:
                tensor.div_(get_world_size())
    return tensors


def all_gather(tensors: list[Tensor]) -> list[Tensor]:
    """Concatenate equal-shaped tensors of all processes along the first dimension."""
    if not is_initialized():
        return list(tensors)
    gathered = []
    for tensor in tensors:
        parts = [torch.empty_like(tensor) for _ in range(get_world_size())]
        dist.all_gather(parts, tensor.contiguous())
        gathered.append(torch.cat(parts))
    return gathered


def all_gather_unaligned(data: Any) -> list[Any]:
    """Return the picklable objects of all processes, in rank order."""
    if not is_initialized():
        return [data]
    parts: list[Any] = [None] * get_world_size()
    dist.all_gather_object(parts, data)
    return parts


def gather_objects(data: Any) -> list[Any] | None:
    """Return the picklable objects of all processes, in rank order, in process 0; else None."""
    if not is_initialized():
        return [data]
    parts: list[Any] | None = [None] * get_world_size() if is_root_proc() else None
    dist.gather_object(data, parts, dst=0)
    return parts


def on_root(compute: Callable[[], T]) -> T:
    """Return, in every process, what a function returns in process 0, where alone it is called.

    Raises:
        SlowFastError: as the function, in every process.
    """
    outcome: tuple[Any, SlowFastError | None] | None = None
    if is_root_proc():
        try:
            outcome = (compute(), None)
        except SlowFastError as error:
            outcome = (None, error)
    result, failure = broadcast_object(outcome)
    if failure is not None:
        raise failure
    return result


def broadcast_object(data: Any) -> Any:
    """Return what process 0 holds."""
    if not is_initialized():
        return data
    holder = [data]
    dist.broadcast_object_list(holder, src=0)
    return holder[0]


def broadcast_statistics(module: torch.nn.Module) -> None:
    """Give every process the running statistics of process 0.

    Other buffers, such as memory banks, are equal by themselves, and large.
    """
    if not is_initialized():
        return
    for layer in module.modules():
        if isinstance(layer, _NormBase):
            for buffer in layer.buffers(recurse=False):
                dist.broadcast(buffer, src=0)


class LateVote:
    """Agrees on a number without anybody waiting: what is handed in now is known at the next call.

    The processes exchange numbers while they take a step, and beside their devices.
    """

    def __init__(self) -> None:
        self._open: tuple[Tensor, dist.Work] | None = None

    def largest(self, number: int) -> int:
        """Return the largest number that any process handed in at the call before, 0 at the first.

        All must call it equally often. A process alone gets its own number.
        """
        if not is_initialized():
            return number
        before, ballot = self._open, torch.tensor(number)
        work = dist.all_reduce(ballot, dist.ReduceOp.MAX, group=_beside, async_op=True)
        self._open = ballot, work
        if before is None:
            return 0
        ballot, work = before
        work.wait()
        return int(ballot)
