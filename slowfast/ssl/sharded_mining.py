"""Positive mining shared among all processes.

The instances are cut into blocks of a fixed size, whatever the number of processes.
"""

from __future__ import annotations

import math
import time

import torch
import torch.distributed as dist
from torch import Tensor
from tqdm import tqdm

from slowfast.ssl.mining import check_arguments, mine_positives
from slowfast.utils import distributed as du
from slowfast.utils.logging import get_logger

logger = get_logger(__name__)

BLOCK_ROWS = 2048
SECONDS_BETWEEN_LINES = 60.0


def mine_over_processes(
    video_bank: Tensor,
    audio_bank: Tensor,
    k: int,
    agreement: str = "consensus",
    *,
    valid: Tensor | None = None,
    exclude_self: bool = True,
    chunk_size: int | None = None,
    title: str = "mining positives",
) -> Tensor:
    """Return the positives of all instances ``(N, k)`` on every process; all must call it.

    Each process mines for an equal share of the instances and sends it to the others.

    Args:
        video_bank, audio_bank, k, agreement, valid, exclude_self, chunk_size: as for
            :func:`slowfast.ssl.mining.mine_positives`; the banks are equal on all processes.
        title: of the progress bar.

    Returns:
        Indices ``(N, k)``, int64, each row ascending, where the banks are.

    Raises:
        ConfigError: as :func:`slowfast.ssl.mining.mine_positives`.
    """
    check_arguments(video_bank, audio_bank, k, agreement, valid)
    size = len(video_bank)
    begin = time.monotonic()
    logger.info(
        "%s: %d instances, %d positives each by %s agreement, on %d processes.",
        *(title, size, k, agreement, du.get_world_size()),
    )

    def mine(rows: range) -> Tensor:
        found = mine_positives(
            *(video_bank, audio_bank, k, agreement, chunk_size),
            rows=rows,
            valid=valid,
            exclude_self=exclude_self,
        )
        return found.to("cpu", torch.int32)

    share = _share(size)
    positives = torch.zeros(_rows_per_process(size), k, dtype=torch.int32)
    progress = _Progress(title, len(share))
    for first in range(0, len(share), BLOCK_ROWS):
        rows = share[first : first + BLOCK_ROWS]
        positives[first : first + len(rows)] = mine(rows)
        progress.advance(len(rows))
    progress.close()
    positives = _gather(positives)[:size].to(video_bank.device, torch.long)
    logger.info("%s: done in %.1f s.", title, time.monotonic() - begin)
    return positives


def _rows_per_process(size: int) -> int:
    """Return the rows in the share of a process: whole blocks, some of them behind the last row."""
    blocks = math.ceil(size / BLOCK_ROWS)
    return math.ceil(blocks / du.get_world_size()) * BLOCK_ROWS


def _share(size: int) -> range:
    """Return the rows of this process that exist; there may be none."""
    rows = _rows_per_process(size)
    return range(size)[du.get_rank() * rows : (du.get_rank() + 1) * rows]


def _gather(positives: Tensor) -> Tensor:
    """Return the equally long shares of all processes one after the other, on the CPU."""
    on_gpu = du.is_initialized() and dist.get_backend() == "nccl"
    return du.all_gather([positives.to("cuda" if on_gpu else "cpu")])[0].cpu()


class _Progress:
    """A bar on the terminal of process 0, or a line a minute in the log where there is none.

    Args:
        title: what goes on.
        total: rows of this process.
    """

    def __init__(self, title: str, total: int) -> None:
        disable = None if du.is_root_proc() else True
        self.bar = tqdm(total=total, desc=title, unit="row", disable=disable, leave=False)
        self.title, self.total = title, total
        self.done = 0
        self.begin = self.last_line = time.monotonic()

    def advance(self, rows: int) -> None:
        """Count rows."""
        self.done += rows
        self.bar.update(rows)
        now = time.monotonic()
        if self.bar.disable and now - self.last_line > SECONDS_BETWEEN_LINES:
            self.last_line = now
            left = (self.total - self.done) * (now - self.begin) / self.done
            line = "%s: %d of %d rows of this process, about %.1f min left."
            logger.info(line, self.title, self.done, self.total, left / 60)

    def close(self) -> None:
        """Take the bar away."""
        self.bar.close()
