"""Positive mining shared among all processes.

The instances are cut into blocks of a fixed size, whatever the number of processes, so that the
numbers do not depend on it.
"""

from __future__ import annotations

import math
import sys
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
    share = _share(size)
    positives = torch.zeros(_rows_per_process(size), k, dtype=torch.int32)
    starts = range(0, len(share), BLOCK_ROWS)
    # Where there is no terminal, a line a minute tells how far process 0 is.
    wait = 0.1 if sys.stderr.isatty() else 60
    disable = not du.is_root_proc()
    for first in tqdm(starts, desc=title, unit="block", disable=disable, mininterval=wait):
        rows = share[first : first + BLOCK_ROWS]
        positives[first : first + len(rows)] = mine_positives(
            *(video_bank, audio_bank, k, agreement, chunk_size),
            rows=rows,
            valid=valid,
            exclude_self=exclude_self,
        )
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
