"""Positive sets of AVID-CMA: the instances that agree with an instance in sight and in sound.

"Audio-Visual Instance Discrimination with Cross-Modal Agreement" (Morgado et al., CVPR 2021),
section 4.1. Two instances are as similar as the *less* similar of their two modalities (consensus);
the positives of an instance are its k most similar ones.

The search is exact. It walks over tiles of queries times keys, so that memory does not grow with
the banks, and sorts little: within a tile it keeps the maximum of every group of columns, looks for
the best among the groups, and then only at the members of those. All processes share it: instances are
cut into blocks of a fixed size, whatever the number of processes, so that the numbers do not depend
on it.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor
from tqdm import tqdm

from slowfast.utils import distributed as du
from slowfast.utils.errors import ConfigError, did_you_mean
from slowfast.utils.logging import get_logger

logger = get_logger(__name__)

# How the cosines of the two modalities become one score; None where only one of them counts.
AGREEMENTS: dict[str, Callable | None] = {
    "consensus": torch.minimum,
    "union": torch.maximum,
    "video": None,
    "audio": None,
}
# Queries and keys of a tile. Two tiles of scores take 64 MB on a CPU and 512 MB on a GPU. Smaller
# ones would be as fast on an idle CPU, but not on a busy one, where threads wait for each other.
_TILES = {"cpu": (512, 16384), "cuda": (2048, 32768)}
# Columns per group: 16 leaves few groups to sort and few members to look at, for k from 8 to 128.
_GROUP = 16
BLOCK_ROWS = 2048  # that a process searches for at a time


@torch.no_grad()
def mine_positives(
    video_bank: Tensor,
    audio_bank: Tensor,
    k: int,
    agreement: str = "consensus",
    *,
    rows: range | None = None,
    valid: Tensor | None = None,
    exclude_self: bool = True,
) -> Tensor:
    """Return the k instances that agree best with each instance, where the banks are.

    Args:
        video_bank, audio_bank: rows of unit length ``(N, D)``, on one device.
        k: positives per instance.
        agreement: ``consensus`` (the smaller cosine counts), ``union`` (the larger one), ``video``
            or ``audio`` (that one alone).
        rows: instances to mine for, all by default.
        valid: ``(N,)`` bool, False for rows that were never written: they are excluded as positives.
            Their own sets are mined, but mean nothing.
        exclude_self: never count an instance among its own positives. False takes the k + 1 best
            and drops the first, the instance or not: with duplicates an instance may stay in its set.

    Returns:
        Indices ``(len(rows), k)``, int64, each row ascending. Which one of several exactly equal
        scores makes the cut is not defined.

    Raises:
        ConfigError: an unknown agreement, banks that do not fit each other, or fewer candidates
            than k.
    """
    check_arguments(video_bank, audio_bank, k, agreement, valid)
    rows = range(len(video_bank)) if rows is None else rows
    banks = [video_bank, audio_bank]
    if AGREEMENTS[agreement] is None:
        banks = [video_bank if agreement == "video" else audio_bank]
    queries, keys = _TILES.get(video_bank.device.type, _TILES["cuda"])
    queries = min(queries, max(len(rows), 1))
    keys = min(keys, _whole_groups(len(video_bank)))
    buffers = [torch.empty(queries, keys, device=video_bank.device) for _ in banks]
    search = _Search(banks, AGREEMENTS[agreement], valid, exclude_self, buffers)
    found = torch.empty(len(rows), k, dtype=torch.long, device=video_bank.device)
    with torch.autocast(video_bank.device.type, enabled=False), _full_float32():
        for begin in range(0, len(rows), queries):
            chunk = rows[begin : begin + queries]
            best = search.best(chunk, k if exclude_self else k + 1)
            found[begin : begin + len(chunk)] = best[:, -k:].sort(dim=1).values
    return found


def check_arguments(
    video_bank: Tensor, audio_bank: Tensor, k: int, agreement: str, valid: Tensor | None = None
) -> None:
    """Raise a ConfigError unless positives can be mined with these arguments."""
    if agreement not in AGREEMENTS:
        known = did_you_mean(agreement, AGREEMENTS)
        raise ConfigError(f"Unknown agreement {agreement!r} for mining positives. {known}")
    if video_bank.ndim != 2 or video_bank.shape != audio_bank.shape:
        raise ConfigError(
            f"The video bank is {tuple(video_bank.shape)} and the audio bank "
            f"{tuple(audio_bank.shape)}: both must be (N, D), one row per instance."
        )
    size = len(video_bank)
    if valid is not None and valid.shape != (size,):
        raise ConfigError(f"'valid' is {tuple(valid.shape)} for banks of {size} rows.")
    written = size if valid is None else int(valid.sum())
    if not 1 <= k <= written - 1:
        raise ConfigError(
            f"{k} positives per instance were asked for, but only {max(written - 1, 0)} other "
            f"instances are candidates ({written} of {size} bank rows were written). Ask for at "
            "least one and at most that many, or use a larger dataset."
        )


@contextmanager
def _full_float32() -> Iterator[None]:
    """Do without TF32 and bfloat16 products, which would move the cut."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _whole_groups(columns: int) -> int:
    return -(-columns // _GROUP) * _GROUP


@dataclass
class _Search:
    """The best matches of some queries among all keys, tile by tile.

    Args:
        banks: the one or two that count, ``(N, D)`` each.
        combine: two tiles of cosines into one, or None with one bank.
        valid: ``(N,)`` bool, or None.
        exclude_self: whether the queries themselves are no candidates.
        buffers: one per bank, ``(queries, keys)``: the size of a tile; keys are whole groups.
    """

    banks: list[Tensor]
    combine: Callable | None
    valid: Tensor | None
    exclude_self: bool
    buffers: list[Tensor]

    def best(self, queries: range, count: int) -> Tensor:
        """Return the indices ``(Q, count)`` of the best matches, the best first."""
        device = self.banks[0].device
        values = torch.empty(len(queries), 0, device=device)
        indices = torch.empty(len(queries), 0, device=device, dtype=torch.long)
        everything = range(len(self.banks[0]))
        step = self.buffers[0].shape[1]
        for begin in everything[::step]:
            scores = self.scores(queries, everything[begin : begin + step])
            columns = _candidates(scores, count)
            values = torch.cat([values, scores.gather(1, columns)], dim=1)
            indices = torch.cat([indices, columns + begin], dim=1)
            values, order = values.topk(min(count, values.shape[1]), dim=1)
            indices = indices.gather(1, order)
        return indices

    def scores(self, queries: range, keys: range) -> Tensor:
        """Return the agreement ``(Q, K)``, K rounded up to whole groups; -inf for no candidate."""
        tiles = []
        for bank, buffer in zip(self.banks, self.buffers, strict=True):
            tile = buffer[: len(queries), : _whole_groups(len(keys))]
            left = bank[queries.start : queries.stop].float()
            right = bank[keys.start : keys.stop].float()
            torch.mm(left, right.T, out=tile[:, : len(keys)])
            tiles.append(tile)
        scores = tiles[0] if self.combine is None else self.combine(*tiles, out=tiles[0])
        scores[:, len(keys) :] = -torch.inf
        if self.valid is not None:
            unwritten = ~self.valid[keys.start : keys.stop].to(scores.device)
            scores[:, : len(keys)].masked_fill_(unwritten, -torch.inf)
        first, last = max(queries.start, keys.start), min(queries.stop, keys.stop)
        if self.exclude_self and first < last:
            square = scores[first - queries.start : last - queries.start]
            square[:, first - keys.start : last - keys.start].fill_diagonal_(-torch.inf)
        return scores


def _candidates(scores: Tensor, count: int) -> Tensor:
    """Return columns ``(Q, C)`` with the ``count`` highest scores of every row among them.

    Group g holds the columns g, g + G, g + 2G, ... so that its maximum is one over whole rows of
    memory. A score among the best lies in one of the ``count`` groups with the highest maxima:
    were there that many groups with a higher maximum, it would not be among the best.
    """
    groups = scores.unflatten(1, (_GROUP, -1)).amax(dim=1)
    best = groups.topk(min(count, groups.shape[1]), dim=1, sorted=False).indices
    members = torch.arange(0, scores.shape[1], groups.shape[1], device=scores.device)
    return (best.unsqueeze(1) + members.view(-1, 1)).flatten(1)


def mine_over_processes(
    video_bank: Tensor,
    audio_bank: Tensor,
    k: int,
    agreement: str = "consensus",
    *,
    valid: Tensor | None = None,
    exclude_self: bool = True,
) -> Tensor:
    """Return the positives of all instances ``(N, k)`` on every process; all must call it.

    Each process mines for an equal share of the instances and sends it to the others.

    Args:
        video_bank, audio_bank, k, agreement, valid, exclude_self: as for
            :func:`mine_positives`; the banks are equal on all processes.

    Returns:
        Indices ``(N, k)``, int64, each row ascending, where the banks are.

    Raises:
        ConfigError: as :func:`mine_positives`.
    """
    check_arguments(video_bank, audio_bank, k, agreement, valid)
    size = len(video_bank)
    begin = time.monotonic()
    logger.info(
        "mining positives: %d instances, %d positives each by %s agreement, on %d processes.",
        *(size, k, agreement, du.get_world_size()),
    )
    # A share is whole blocks, some of them behind the last row; it may be empty.
    count = math.ceil(math.ceil(size / BLOCK_ROWS) / du.get_world_size()) * BLOCK_ROWS
    share = range(size)[du.get_rank() * count : (du.get_rank() + 1) * count]
    positives = torch.zeros(count, k, dtype=torch.int32)
    starts = range(0, len(share), BLOCK_ROWS)
    # Where there is no terminal, a line a minute tells how far process 0 is.
    wait = 0.1 if sys.stderr.isatty() else 60
    disable = not du.is_root_proc()
    options = {"unit": "block", "disable": disable, "mininterval": wait}
    for first in tqdm(starts, desc="mining positives", **options):
        rows = share[first : first + BLOCK_ROWS]
        positives[first : first + len(rows)] = mine_positives(
            *(video_bank, audio_bank, k, agreement),
            rows=rows,
            valid=valid,
            exclude_self=exclude_self,
        )
    positives = _gather(positives)[:size].to(video_bank.device, torch.long)
    logger.info("mining positives: done in %.1f s.", time.monotonic() - begin)
    return positives


def _gather(positives: Tensor) -> Tensor:
    """Return the equally long shares of all processes one after the other, on the CPU."""
    on_gpu = du.is_initialized() and dist.get_backend() == "nccl"
    return du.all_gather([positives.to("cuda" if on_gpu else "cpu")])[0].cpu()
