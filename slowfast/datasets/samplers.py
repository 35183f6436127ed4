"""Which samples make which batch: a function of seed, epoch and batch number alone.

Process ``r`` of ``w`` gets the r-th slice of every *global* batch, so that the same global batches
are seen whatever the number of processes, and an interrupted epoch continues at any batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from slowfast.datasets.sample import SampleKey
from slowfast.utils.errors import ConfigError

GROUP = 4  # batches whose files are opened for several clips each
SLOTS = 8  # parts of a batch that files stay in


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
        order = self.order(self.epoch)
        for batch in range(self.start, len(self)):
            yield self._keys(batch, order)

    def _keys(self, batch: int, order: np.ndarray) -> list[SampleKey]:
        """Return what this process reads of a batch."""
        first = (batch * self.world_size + self.rank) * self.batch_size
        positions = range(first, first + self.batch_size)
        return [SampleKey(self.epoch, position, int(order[position])) for position in positions]


class GroupedBatches(TrainBatches):
    """Batches in groups that read several clips at each opening of a file.

    A permutation of the files is cut into groups of a few batches. The batches of a group come as often
    as there are clips per opening, its files in another order each time, so that no batch holds a file
    twice. Files stay in their eighth of a batch, and so with their process. What fills no batch is left
    out of that permutation. An iteration yields what a process reads of a whole group, and ``len`` counts
    batches.

    Args:
        clips_per_open: clips of an opening; a divisor of ``clips_per_video``.
        num_videos, batch_size, options: see :class:`TrainBatches`.

    Raises:
        ConfigError: it is none.
    """

    def __init__(self, clips_per_open: int, num_videos: int, batch_size: int, **options) -> None:
        self.clips_per_open = clips_per_open
        super().__init__(num_videos, batch_size, **options)
        self.passes, left = divmod(self.clips_per_video, clips_per_open)
        if left:
            raise ConfigError(
                f"DATA.TRAIN_CLIPS_PER_VIDEO {self.clips_per_video} is not a multiple of "
                f"DATA.CLIPS_PER_OPEN {clips_per_open}."
            )

    @property
    def _batches_per_pass(self) -> int:
        return self.num_videos // (self.batch_size * self.world_size)

    def _groups(self, batches: np.ndarray) -> list[np.ndarray]:
        """Divide the batches of a pass, as evenly as they can be."""
        return np.array_split(batches, max(1, len(batches) // GROUP))

    def order(self, epoch: int) -> np.ndarray:
        """Return the file of every position of an epoch."""
        rng = np.random.default_rng([self.seed, epoch])
        batch, count = self.batch_size * self.world_size, self._batches_per_pass
        slots = math.gcd(batch, SLOTS)
        found = []
        for _ in range(self.passes):
            files = rng.permutation(self.num_videos)[: count * batch]
            for group in self._groups(files.reshape(count, slots, -1)):
                # A row holds the files of one slot of all batches, which change places.
                rows = group.transpose(1, 0, 2).reshape(slots, -1)
                for _ in range(self.clips_per_open):
                    mixed = rng.permuted(rows, axis=1).reshape(slots, len(group), -1)
                    found.append(mixed.transpose(1, 0, 2).ravel())
        return np.concatenate(found)

    def __len__(self) -> int:
        """Return the number of batches in a whole epoch."""
        batches = self._batches_per_pass * self.clips_per_video
        most = self.max_samples // (self.batch_size * self.world_size)
        return min(batches, most) if self.max_samples else batches

    def __iter__(self) -> Iterator[list[SampleKey]]:
        order, begin = self.order(self.epoch), self.start
        sizes = [len(group) for group in self._groups(np.arange(self._batches_per_pass))]
        for end in np.cumsum(np.tile(sizes, self.passes)) * self.clips_per_open:
            batches = range(begin, min(int(end), len(self)))
            begin = max(begin, int(end))
            if batches:
                yield [key for batch in batches for key in self._keys(batch, order)]


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
