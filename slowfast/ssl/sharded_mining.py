"""Positive mining shared among all processes, which a killed run takes up again.

The instances are cut into blocks of a fixed size, whatever the number of processes. A finished
block can be kept on disk: 2048 rows take seconds to minutes on a CPU, and little space.
"""

from __future__ import annotations

import hashlib
import math
import re
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from tqdm import tqdm

from slowfast.ssl.mining import check_arguments, mine_positives
from slowfast.utils import distributed as du
from slowfast.utils.files import atomic_write, remove_stale_temporaries
from slowfast.utils.logging import get_logger

logger = get_logger(__name__)

BLOCK_ROWS = 2048
SECONDS_BETWEEN_LINES = 60.0
NAME = re.compile(r"^positives_[0-9a-f]{32}_\d{8}\.block$")
_CHECKSUM_BYTES = 16
_HASHED_ROWS = 1 << 16


def mine_over_processes(
    video_bank: Tensor,
    audio_bank: Tensor,
    k: int,
    agreement: str = "consensus",
    *,
    valid: Tensor | None = None,
    exclude_self: bool = True,
    chunk_size: int | None = None,
    folder: str | Path | None = None,
    title: str = "mining positives",
) -> Tensor:
    """Return the positives of all instances ``(N, k)`` on every process; all must call it.

    Each process mines for an equal share of the instances and sends it to the others.

    Args:
        video_bank, audio_bank, k, agreement, valid, exclude_self, chunk_size: as for
            :func:`slowfast.ssl.mining.mine_positives`; the banks are equal on all processes.
        folder: where finished blocks are kept until all are done, so that a killed run does not
            begin again; blocks of other banks or settings there are not used.
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
    store = None
    if folder is not None:
        settings = (k, agreement, exclude_self, BLOCK_ROWS)
        mark = fingerprint([video_bank, audio_bank], valid, settings) if du.is_root_proc() else ""
        store = _BlockStore(Path(folder), du.broadcast_object(mark), k)

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
        block = store.read(rows) if store else None
        known = block is not None
        if not known:
            block = mine(rows)
            if store:
                store.write(rows, block)
        positives[first : first + len(rows)] = block
        progress.advance(len(rows), mined=not known)
    progress.close()
    positives = _gather(positives)[:size].to(video_bank.device, torch.long)
    if store and du.is_master_proc():
        store.clear()
    logger.info("%s: done in %.1f s.", title, time.monotonic() - begin)
    return positives


def fingerprint(banks: list[Tensor], valid: Tensor | None, settings: tuple) -> str:
    """Return 32 hex digits that stand for the content of the banks and the settings.

    BLAKE2b reads about 1 GB/s, seconds even for millions of rows. A sum would be faster, but two
    banks of the same sum would then share their blocks unnoticed.
    """
    digest = hashlib.blake2b(repr(settings).encode(), digest_size=16)
    for tensor in [*banks, *([] if valid is None else [valid])]:
        digest.update(repr((tuple(tensor.shape), tensor.dtype)).encode())
        for part in tensor.detach().split(_HASHED_ROWS):
            digest.update(part.contiguous().cpu().view(torch.uint8).numpy())
    return digest.hexdigest()


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


@dataclass
class _BlockStore:
    """Finished blocks on disk: a checksum, then the indices as 32-bit numbers.

    Args:
        folder: created with the first block.
        mark: fingerprint of banks and settings, part of every name.
        k: positives per row.
    """

    folder: Path
    mark: str
    k: int

    def path(self, rows: range) -> Path:
        """Return the file of the block that begins with these rows."""
        return self.folder / f"positives_{self.mark}_{rows.start:08d}.block"

    def read(self, rows: range) -> Tensor | None:
        """Return a block ``(len(rows), k)``, or None if it is not there whole."""
        try:
            content = self.path(rows).read_bytes()
        except OSError:
            return None
        checksum, numbers = content[:_CHECKSUM_BYTES], content[_CHECKSUM_BYTES:]
        if len(numbers) != 4 * len(rows) * self.k or checksum != _checksum(numbers):
            logger.warning("%s is damaged; these rows are mined again.", self.path(rows))
            return None
        return torch.from_numpy(np.frombuffer(numbers, np.int32).reshape(-1, self.k).copy())

    def write(self, rows: range, block: Tensor) -> None:
        """Keep a block; a full disk costs only the chance to go on from it."""
        numbers = block.contiguous().numpy().tobytes()
        try:
            with atomic_write(self.path(rows)) as file:
                file.write(_checksum(numbers) + numbers)
        except OSError as error:
            logger.warning("%s could not be kept (%s); mining goes on.", self.path(rows), error)

    def clear(self) -> None:
        """Delete all blocks, those of other banks too."""
        if self.folder.is_dir():
            for path in self.folder.iterdir():
                if NAME.match(path.name):
                    path.unlink(missing_ok=True)
            remove_stale_temporaries(self.folder)


def _checksum(numbers: bytes) -> bytes:
    return hashlib.blake2b(numbers, digest_size=_CHECKSUM_BYTES).digest()


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
        self.done, self.mined = 0, 0
        self.begin = self.last_line = time.monotonic()

    def advance(self, rows: int, mined: bool) -> None:
        """Count rows; those read from disk say nothing about the speed."""
        self.done += rows
        self.mined += rows if mined else 0
        self.bar.update(rows)
        now = time.monotonic()
        if self.bar.disable and self.mined and now - self.last_line > SECONDS_BETWEEN_LINES:
            self.last_line = now
            left = (self.total - self.done) * (now - self.begin) / self.mined
            line = "%s: %d of %d rows of this process, about %.1f min left."
            logger.info(line, self.title, self.done, self.total, left / 60)

    def close(self) -> None:
        """Take the bar away."""
        self.bar.close()
