"""Checkpoints that are written while training goes on.

Training waits only for a copy in host memory; a thread writes it. (The writer of ``torch.save`` lets
go of Python between its pieces, so that a thread does.) One checkpoint is written at a time.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from slowfast.checkpoint.store import CheckpointStore
from slowfast.utils.logging import get_logger

logger = get_logger(__name__)


class HostCopies:
    """Copies of the tensors of a state in host memory, whose room later states use again."""

    def __init__(self) -> None:
        self._room: dict[tuple, Tensor] = {}

    def of(self, content: Any) -> Any:
        """Return the content with copies in the place of its tensors; the last copies are lost.

        What is one tensor at several places is one in the copy, too.
        """
        copied = self._copy(content, (), {})
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()  # copies into page-locked memory have only begun
        return copied

    def _copy(self, value: Any, path: tuple, shared: dict[tuple, Tensor]) -> Any:
        if isinstance(value, Tensor):
            key = (value.untyped_storage().data_ptr(), value.storage_offset(), value.stride())
            key += (value.shape, value.dtype) if value.numel() else path
            if key not in shared:
                shared[key] = self._copy_tensor(value.detach(), path)
            return shared[key]
        if isinstance(value, dict):
            new = copy.copy(value)  # an OrderedDict of a module carries the versions of its layers
            for name, entry in value.items():
                new[name] = self._copy(entry, (*path, name), shared)
            return new
        if type(value) in (list, tuple):
            return type(value)(self._copy(v, (*path, k), shared) for k, v in enumerate(value))
        return value

    def _copy_tensor(self, tensor: Tensor, path: tuple) -> Tensor:
        # On the meta device: what a copy looks like, dense and channels-last where the tensor is.
        like = torch.empty_like(tensor, device="meta")
        room = self._room.get(path)
        if room is None or _looks(room) != _looks(like):
            room = torch.empty_like(tensor, device="cpu", pin_memory=tensor.is_cuda)
            self._room[path] = room
        return room.copy_(tensor, non_blocking=True)


def _looks(tensor: Tensor) -> tuple:
    return tensor.shape, tensor.dtype, tensor.stride()


class CheckpointSaver:
    """Writes checkpoints into a store, one after the other.

    Args:
        store: where they go.
        background: whether a thread writes a copy of each (the memory of one more checkpoint);
            otherwise training waits.

    Attributes:
        problem: why the newest state is not on the disk, None if it is; after :meth:`wait`.
        failed: how many states could not be written.
    """

    def __init__(self, store: CheckpointStore, background: bool = True) -> None:
        self.store, self.background = store, background
        self.problem: str | None = None
        self.failed = 0
        self._copies = HostCopies()
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None

    def prepare(self, content: dict[str, Any]) -> None:
        """Find the memory for states like this one, beside the training that goes on."""
        if self.background:
            self._begin(lambda: self._copies.of(content))

    def save(self, content: dict[str, Any], epoch: int, step: int = 0) -> None:
        """Begin to write a checkpoint; a full disk is logged and becomes the ``problem``."""
        begin = time.monotonic()
        self.wait()
        if not self.background:
            self._write(content, epoch, step, begin, None)
            return
        content = self._copies.of(content)
        waited = time.monotonic() - begin
        self._begin(lambda: self._write(content, epoch, step, begin, waited))

    def wait(self) -> None:
        """Return once nothing is being written.

        Raises:
            Exception: what ended the writing, but for a disk that is full or not writable.
        """
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._error is not None:
            raise self._error

    def _begin(self, work: Callable[[], Any]) -> None:
        def call() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - is raised where the run waits
                self._error = error

        self._thread = threading.Thread(target=call, name="checkpoint")
        self._thread.start()

    def _write(
        self, content: dict[str, Any], epoch: int, step: int, begin: float, waited: float | None
    ) -> None:
        self.problem = "it was not written"
        try:
            path = self.store.save(content, epoch, step)
        except OSError as error:
            self.problem = str(error)
            self.failed += 1
            logger.error("Checkpoint not saved (%s); the older ones are intact.", error)
            return
        self.problem = None
        seconds = time.monotonic() - begin
        waited = seconds if waited is None else waited
        logger.info("Saved %s in %.1f s; training waited %.2f s.", path, seconds, waited)
