"""What an evaluator saw, collected over processes and kept on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from slowfast.utils import distributed as du
from slowfast.utils.errors import SlowFastError
from slowfast.utils.files import atomic_write
from slowfast.utils.input_files import reading_arrays


class Predictions:
    """Rows of arrays keyed by the dataset index.

    ``add`` takes one batch; ``gather`` hands all rows to process 0 and ``join`` sorts them there by
    index and drops duplicates.
    """

    def __init__(self) -> None:
        self._batches: list[dict[str, np.ndarray]] = []
        self._parts: list[list[dict[str, np.ndarray]]] | None = []

    def add(self, batch: dict[str, np.ndarray]) -> None:
        """Remember the rows of a batch; it must hold ``index``."""
        self._batches.append(batch)

    def gather(self) -> Predictions:
        """Hand the rows of all processes to process 0; all must call it. Returns itself."""
        self._parts = du.gather_objects(self._batches)
        return self

    def join(self) -> dict[str, np.ndarray]:
        """Return every row once, ordered by ``index``; only in process 0, after ``gather``."""
        batches = [b for part in self._parts for b in part]
        if not batches:
            raise SlowFastError("Nothing was evaluated: the dataset is empty.")
        joined = {key: np.concatenate([b[key] for b in batches]) for key in batches[0]}
        _, rows = np.unique(joined["index"], return_index=True)
        return {key: values[rows] for key, values in joined.items()}


def save_predictions(path: str | Path, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays to an ``.npz`` file that :func:`load_predictions` reads."""
    with atomic_write(path) as file:
        np.savez_compressed(file, **arrays)


def load_predictions(path: str | Path) -> dict[str, np.ndarray]:
    """Read what :func:`save_predictions` wrote.

    Raises:
        SlowFastError: the file is missing or damaged.
    """
    with reading_arrays(path, SlowFastError, "no readable predictions; test again") as data:
        return {key: data[key] for key in data.files}
