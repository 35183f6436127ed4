"""Where a run stands, how random numbers follow from it, and how its batches get to the device."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from slowfast.checkpoint.networks import check_finite, model_state_of
from slowfast.checkpoint.store import saved_cfg
from slowfast.tasks.base import Batch
from slowfast.utils.draws import seed_together
from slowfast.utils.errors import CheckpointError

# What a run's checkpoint must hold to be resumed: name -> type.
NEEDED = {
    "progress": Mapping,
    "optimizer_state": Mapping,
    "scaler_state": Mapping,
    "hooks": Mapping,
    "cfg": str,
}


@dataclass
class Progress:
    """The position of a run.

    Attributes:
        epoch: whole epochs done.
        step: optimizer steps done in the current epoch.
        global_step: optimizer steps done in all.
    """

    epoch: int = 0
    step: int = 0
    global_step: int = 0


def check_resumable(path: Path, state: dict[str, Any]) -> None:
    """Raise a CheckpointError if a file does not hold what a run of this package saves."""
    model_state_of(state, path)
    wrong = [name for name, kind in NEEDED.items() if not isinstance(state.get(name), kind)]
    if "progress" not in wrong and not _is_progress(state["progress"]):
        wrong.append("progress")
    if "cfg" not in wrong and saved_cfg(state) is None:
        wrong.append("cfg")
    if wrong:
        raise CheckpointError(
            f"{path}: cannot be resumed, for it holds no usable {', '.join(map(repr, wrong))}. To "
            "start from its weights: TRAIN.CHECKPOINT_FILE_PATH with "
            "TRAIN.CHECKPOINT_EPOCH_RESET True."
        )
    check_finite({name: state[name] for name in ("optimizer_state", "scaler_state")}, path)


def _is_progress(progress: Mapping[str, Any]) -> bool:
    return progress.keys() == asdict(Progress()).keys() and all(
        type(number) is int and 0 <= number < 2**63 for number in progress.values()
    )


def seed_step(seed: int, global_step: int, rank: int) -> None:
    """Seed every generator from the position in the run.

    Random numbers of a step (dropout, sampled negatives) then depend on nothing that an
    interruption could lose, and no generator state needs to be saved.
    """
    words = np.random.SeedSequence([seed, global_step, rank]).generate_state(2)
    torch.manual_seed(int(words[0]))
    np.random.seed(int(words[1]))  # libraries draw from the global generator
    random.seed(int(words[1]))
    first = np.random.SeedSequence([seed, global_step, 0]).generate_state(2)
    seed_together(int(first[0]))


# Read on the host, number by number: on the device every number would cost a synchronisation.
HOST_KEYS = ("color",)


def batch_to_device(batch: Batch, device: torch.device) -> Batch:
    """Move the tensors of a batch, asynchronously from pinned memory."""
    return {
        key: value.to(device, non_blocking=True)
        if isinstance(value, torch.Tensor) and key not in HOST_KEYS
        else value
        for key, value in batch.items()
    }


class SideStream:
    """Copies batches to a device on a stream of its own.

    The host queues a step and goes on, so the next batch is copied, from pinned memory, while the
    device still computes; a step waits for its own batch alone. Batches are neither taken earlier
    than before nor kept, so that a resumed run reads the same ones. Devices without streams copy
    at once.
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
