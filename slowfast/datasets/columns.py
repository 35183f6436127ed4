"""Columns of an :class:`~slowfast.datasets.items.ItemTable`: strings and ragged rows as arrays.

A Python object per sample makes worker processes grow until the host runs out of memory; here a
million paths are one byte string and one offset array, shared by all workers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np


class StringTable:
    """An immutable sequence of strings in two arrays."""

    def __init__(self, text: np.ndarray, ends: np.ndarray) -> None:
        self.text, self.ends = text, ends

    @classmethod
    def from_strings(cls, strings: Iterable[str]) -> StringTable:
        """Pack any number of strings."""
        encoded = [entry.encode() for entry in strings]
        ends = np.cumsum([len(entry) for entry in encoded], dtype=np.int64)
        return cls(np.frombuffer(b"".join(encoded), dtype=np.uint8), ends)

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, row: int) -> str:
        if not -len(self) <= row < len(self):
            raise IndexError(row)
        row %= len(self)
        begin = self.ends[row - 1] if row else 0
        return self.text[begin : self.ends[row]].tobytes().decode()


class Ragged:
    """Several rows of arrays for each item: actions, boxes.

    Args:
        arrays: columns of one length M.
        ends: (N,) where the rows of each item end.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], ends: np.ndarray) -> None:
        self.arrays, self.ends = dict(arrays), np.asarray(ends, dtype=np.int64)

    @classmethod
    def join(cls, parts: Sequence[Mapping[str, np.ndarray]]) -> Ragged:
        """Put the rows of all items one after the other."""
        arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return cls(arrays, np.cumsum([len(next(iter(part.values()))) for part in parts]))

    def rows(self, item: int) -> np.ndarray:
        """Return the rows of an item."""
        return np.arange(self.ends[item - 1] if item else 0, self.ends[item])

    def __getitem__(self, item: int) -> dict[str, np.ndarray]:
        rows = self.rows(item)
        return {name: array[rows] for name, array in self.arrays.items()}

    def item_of_rows(self) -> np.ndarray:
        """Return the item ``(M,)`` of each row."""
        return np.searchsorted(self.ends, np.arange(self.ends[-1]), side="right")

    def subset(self, items: Iterable[int]) -> Ragged:
        """Return the rows of some items."""
        return Ragged.join([self[int(item)] for item in items])


@dataclass(frozen=True)
class FrameNames:
    """Images that stand for videos.

    Attributes:
        root: folder that all names are below.
        of: names of the images of each path of the table, in order.
    """

    root: str
    of: Mapping[str, Sequence[str]]

    def packed(self) -> dict[str, np.ndarray]:
        """Return the names of all images one after the other, and where those of a path end."""
        every = (name for names in self.of.values() for name in names)
        return {
            "frames_root": np.str_(self.root),
            "frames_last": np.cumsum([len(names) for names in self.of.values()]),
            **packed("frames_path_", StringTable.from_strings(self.of)),
            **packed("frames_", StringTable.from_strings(every)),
        }

    @classmethod
    def unpacked(cls, data: Mapping[str, np.ndarray]) -> FrameNames:
        """Return what :meth:`packed` kept in a manifest."""
        names, paths = unpacked(data, "frames_"), unpacked(data, "frames_path_")
        of, begin = {}, 0
        for row, last in enumerate(data["frames_last"].tolist()):
            of[paths[row]] = StringTable.from_strings(names[k] for k in range(begin, last))
            begin = last
        return cls(str(data["frames_root"]), of)


def packed(prefix: str, table: StringTable) -> dict[str, np.ndarray]:
    """Return the arrays of a table under names with a prefix, as a manifest keeps them."""
    return {f"{prefix}text": table.text, f"{prefix}ends": table.ends}


def unpacked(data: Mapping[str, np.ndarray], prefix: str) -> StringTable:
    """Return the table whose arrays a manifest holds under names with a prefix."""
    return StringTable(data[f"{prefix}text"], data[f"{prefix}ends"])
