"""Copies to the device beside its work, not behind it."""

from __future__ import annotations

import torch

from slowfast.engine.state import HOST_KEYS, batch_to_device
from slowfast.tasks.base import Batch


class SideStream:
    """Copies batches to a device on a stream of its own.

    The host queues a step and goes on, so the next batch is copied, from pinned memory, while the
    device still computes; a step waits for its own batch alone. Batches are neither taken earlier
    than before nor kept, so that a resumed run reads the same ones. Devices without streams copy
    at once.

    Args:
        device: to copy to.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    def copy(self, batch: Batch) -> Batch:
        """Return a batch on the device, ready for what is queued from now on."""
        if self._stream is None:
            return batch_to_device(batch, self.device)
        with torch.cuda.stream(self._stream):
            moved = batch_to_device(batch, self.device)
        work = torch.cuda.current_stream(self.device)
        work.wait_stream(self._stream)
        for key, value in moved.items():
            if isinstance(value, torch.Tensor) and key not in HOST_KEYS:
                value.record_stream(work)  # its memory is not given away before that is done
        return moved
