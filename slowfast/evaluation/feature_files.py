"""Features of a list on disk: one memory-mapped array for each, in the order of the list.

A folder holds

* ``<feature>.npy`` ``(N, V, D)``, or ``(N, V, T, C)`` of tokens; NaN where an item cannot be read;
* ``index.csv``: a row for each view of each item, with file, label, class and begin and end in seconds;
* ``items.npz``: the list; ``time.npy`` ``(N, V, 2)``; ``state.npy`` ``(N,)``, see below;
* ``features.json``: what the features are of, and whether they are complete.

Rows are written before their state, and computed in batches that depend on nothing but the list,
so that a killed extraction continues to the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from slowfast.datasets.items import ItemTable
from slowfast.utils.errors import AnnotationError, ConfigError
from slowfast.utils.files import atomic_write, write_csv, write_json
from slowfast.utils.input_files import read_json

PENDING, READ, UNREADABLE = 0, 1, 2
HEADER, INDEX, ITEMS = "features.json", "index.csv", "items.npz"
COLUMNS = ["item", "path", "label", "class", "view", "begin", "end", "readable"]


class FeatureFiles:
    """An open folder of features.

    Args:
        folder: where they lie.
        mode: ``r``, or ``r+`` to write.

    Attributes:
        items: the list.
        header: content of ``features.json``.
        arrays: by the name of the feature.
        time: float32 ``(N, V, 2)``.
        state: uint8 ``(N,)``: 0 pending, 1 read, 2 unreadable.

    Raises:
        AnnotationError: it is not such a folder, or a file is damaged.
    """

    def __init__(self, folder: str | Path, mode: str = "r") -> None:
        self.folder = Path(folder)
        self.header = read_json(self.folder / HEADER)
        self.items = ItemTable.load(self.folder / ITEMS)
        try:
            files = self.header["files"]
            self.arrays = {name: self._map(file, mode) for name, file in files.items()}
            self.time, self.state = self._map("time", mode), self._map("state", mode)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise AnnotationError(
                f"{self.folder}: damaged features ({error}); delete the folder and extract again."
            ) from error

    def _map(self, name: str, mode: str) -> np.ndarray:
        found = np.load(self.folder / f"{name}.npy", mmap_mode=mode, allow_pickle=False)
        if len(found) != len(self.items):
            raise ValueError(f"{name}.npy has {len(found)} rows for {len(self.items)} items")
        return found

    @property
    def valid(self) -> np.ndarray:
        """Which items could be read ``(N,)``."""
        return self.state == READ

    @property
    def complete(self) -> bool:
        """Whether every item has been looked at."""
        return bool(self.header.get("complete"))

    def write(
        self, rows: np.ndarray, found: Mapping[str, np.ndarray], time: np.ndarray, ok: np.ndarray
    ) -> None:
        """Write the features of some items, and only then that they are there.

        Args:
            rows: of the items.
            found: ``(len(rows), V, ...)`` by the name of the feature.
            time: ``(len(rows), V, 2)``.
            ok: which of them could be read.
        """
        for name, values in found.items():
            values = np.array(values)
            values[~ok] = np.nan
            self.arrays[name][rows] = values
            self.arrays[name].flush()
        self.time[rows] = np.where(ok[:, None, None], time, np.nan)
        self.time.flush()
        self.state[rows] = np.where(ok, READ, UNREADABLE)
        self.state.flush()

    def finish(self) -> None:
        """Write the index and say that the features are complete."""
        items, names, rows = self.items, self.items.class_names, []
        for row in range(len(items)):
            label, readable = int(items.labels[row]), int(self.state[row] == READ)
            own = {"item": row, "path": items.paths[row], "label": label, "readable": readable}
            own["class"] = names[label] if 0 <= label < len(names) else ""
            for view, (begin, end) in enumerate(self.time[row].tolist()):
                moment = {"begin": f"{begin:.4f}", "end": f"{end:.4f}"} if readable else {}
                rows.append({**own, "view": view, **moment})
        write_csv(self.folder / INDEX, COLUMNS, rows)
        self.header["complete"] = True
        write_json(self.folder / HEADER, self.header)


def create_feature_files(
    folder: str | Path,
    items: ItemTable,
    shapes: Mapping[str, tuple[str, Sequence[int]]],
    views: int,
    of: Mapping[str, Any],
    dtype: str = "float32",
) -> None:
    """Make a folder of pending features, unless it holds these already.

    Args:
        folder: where they go.
        items: the list.
        shapes: by name of the feature: the stem of its file, and its shape for one view.
        views: V.
        of: what the features are of, as plain values by name; the same for the same numbers.
        dtype: of the files.

    Raises:
        ConfigError: the folder holds features of something else.
    """
    folder = Path(folder)
    of = {**of, "list": items.fingerprint(), "views": views, "dtype": dtype}
    of = json.loads(json.dumps(of))  # as it is when it is read again
    files = {name: file for name, (file, _) in shapes.items()}
    if (folder / HEADER).is_file():
        known = read_json(folder / HEADER)
        old = {**known.get("of", {}), "features": sorted(known.get("files", {}))}
        new = {**of, "features": sorted(files)}
        other = [key for key in {**old, **new} if old.get(key) != new.get(key)]
        if other:
            key = other[0]
            raise ConfigError(
                f"{folder} holds features of something else: {key} {old.get(key)!r} there, "
                f"{new.get(key)!r} now. Choose another folder, or delete this one."
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    items.save(folder / ITEMS)
    arrays = {file: (dtype, (len(items), views, *shape)) for file, shape in shapes.values()}
    arrays |= {"time": ("float32", (len(items), views, 2)), "state": ("uint8", (len(items),))}
    for file, (kind, shape) in arrays.items():
        with atomic_write(folder / f"{file}.npy") as out:
            header = {"descr": np.dtype(kind).str, "fortran_order": False}
            header["shape"] = tuple(map(int, shape))
            np.lib.format.write_array_header_1_0(out, header)
            out.truncate(out.tell() + np.dtype(kind).itemsize * int(np.prod(shape)))
    write_json(folder / HEADER, {"of": of, "files": files, "complete": False})
