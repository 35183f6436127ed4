"""Which samples make which batch: a function of seed, epoch and batch number alone.

Process ``r`` of ``w`` gets the r-th slice of every *global* batch, so that the same global batches
are seen whatever the number of processes, and an interrupted epoch continues at any batch.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from slowfast.datasets.sample import SampleKey
from slowfast.utils.errors import ConfigError


class TrainBatches:
    """Batches of :class:`SampleKey` for training; the last partial batch is dropped.

    With several clips per video an epoch is that many permutations of all files one after the
    other, which keeps clips of one file from meeting in a batch.

    Args:
        num_videos: rows of the dataset.
        batch_size: samples per process.
        clips_per_video: passes over the files in one epoch.
        seed: of the shuffling.
        rank, world_size: this process and the number of processes.
        max_samples: of an epoch over all processes; 0 for all.

    Raises:
        ConfigError: an epoch holds less than one global batch.
    """

    def __init__(
        self,
        num_videos: int,
        batch_size: int,
        clips_per_video: int = 1,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        max_samples: int = 0,
    ) -> None:
        self.num_videos, self.batch_size = num_videos, batch_size
        self.clips_per_video, self.seed = clips_per_video, seed
        self.max_samples = max_samples
        self.rank, self.world_size = rank, world_size
        self.epoch, self.start = 0, 0
        if len(self) == 0:
            raise ConfigError(
                f"An epoch holds {num_videos * clips_per_video} training clips, less than one "
                f"batch of {batch_size * world_size}. Lower TRAIN.BATCH_SIZE or raise "
                "DATA.TRAIN_CLIPS_PER_VIDEO."
            )

    def set_position(self, epoch: int, start: int = 0) -> None:
        """Choose the epoch and the batch in it with which the next iteration begins."""
        self.epoch, self.start = epoch, start

    def order(self, epoch: int) -> np.ndarray:
        """Return the file of every position of an epoch."""
        rng = np.random.default_rng([self.seed, epoch])
        passes = [rng.permutation(self.num_videos) for _ in range(self.clips_per_video)]
        return np.concatenate(passes)

    def __len__(self) -> int:
        """Return the number of batches in a whole epoch."""
        samples = self.num_videos * self.clips_per_video
        samples = min(samples, self.max_samples or samples)
        return samples // (self.batch_size * self.world_size)

    def __iter__(self) -> Iterator[list[SampleKey]]:
        epoch, order = self.epoch, self.order(self.epoch)
        for batch in range(self.start, len(self)):
            first = (batch * self.world_size + self.rank) * self.batch_size
            positions = range(first, first + self.batch_size)
            yield [SampleKey(epoch, position, int(order[position])) for position in positions]


class EvaluationBatches:
    """Every sample exactly once over all processes: no padding, the last batch may be short.

    Args:
        num_videos: rows of the dataset.
        batch_size: samples per batch of this process.
        rank, world_size: this process takes rows ``rank, rank + world_size, ...``.
    """

    def __init__(
        self, num_videos: int, batch_size: int, rank: int = 0, world_size: int = 1
    ) -> None:
        self.rows = range(rank, num_videos, world_size)
        self.batch_size = batch_size

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        for begin in range(0, len(self.rows), self.batch_size):
            yield list(self.rows[begin : begin + self.batch_size])
