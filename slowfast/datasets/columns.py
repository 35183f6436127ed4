"""Columns of an :class:`~slowfast.datasets.items.ItemTable`: strings and ragged rows as arrays.

A Python object per sample makes worker processes grow until the host runs out of memory; here a
million paths are one byte string and one offset array, shared by all workers.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# Columns with several rows per item: the arrays of each, their types and widths.
RAGGED = {
    "intervals": {"interval": ("i", 3)},
    "boxes": {"box": ("f", 4), "label": ("iuf", None)},
}


class StringTable:
    """An immutable sequence of strings in two arrays; names that are not UTF-8 keep their bytes."""

    def __init__(self, text: np.ndarray, ends: np.ndarray) -> None:
        self.text, self.ends = text, ends

    @classmethod
    def from_strings(cls, strings: Iterable[str]) -> StringTable:
        """Pack any number of strings."""
        text, ends = bytearray(), array("q")
        for entry in strings:
            text += entry.encode("utf-8", "surrogateescape")
            ends.append(len(text))
        return cls(np.frombuffer(bytes(text), dtype=np.uint8), np.array(ends, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.ends)

    def __iter__(self) -> Iterator[str]:
        text, begin = self.text.tobytes(), 0
        for end in self.ends.tolist():
            yield text[begin:end].decode("utf-8", "surrogateescape")
            begin = end

    def __getitem__(self, row: int) -> str:
        if not -len(self) <= row < len(self):
            raise IndexError(row)
        row %= len(self)
        begin = self.ends[row - 1] if row else 0
        return self.text[begin : self.ends[row]].tobytes().decode("utf-8", "surrogateescape")


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
        _check_ends("frames_last", data["frames_last"], len(names), len(paths))
        of, begin = {}, 0
        for row, last in enumerate(data["frames_last"].tolist()):
            of[paths[row]] = StringTable.from_strings(names[k] for k in range(begin, last))
            begin = last
        return cls(str(data["frames_root"]), of)


def packed(prefix: str, table: StringTable) -> dict[str, np.ndarray]:
    """Return the arrays of a table under names with a prefix, as a manifest keeps them."""
    return {f"{prefix}text": table.text, f"{prefix}ends": table.ends}


def unpacked(data: Mapping[str, np.ndarray], prefix: str) -> StringTable:
    """Return the table whose arrays a manifest holds under names with a prefix.

    Raises:
        ValueError: the arrays are no table.
    """
    text = _array(data, f"{prefix}text", "u", (None,))
    ends = _array(data, f"{prefix}ends", "i", (None,))
    _check_ends(f"{prefix}ends", ends, len(text), len(ends))
    return StringTable(text, ends)


def read_columns(data: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return the arguments of an :class:`~slowfast.datasets.items.ItemTable` that a manifest holds.

    Raises:
        ValueError: an array has another type or size than it must have.
        KeyError: one is missing.
    """
    paths = unpacked(data, "")
    count = len(paths)
    columns: dict[str, Any] = {
        "paths": paths,
        "labels": _array(data, "labels", "i", (count,)),
        "class_names": list(unpacked(data, "names_")),
    }
    if "start" in data:
        columns |= {name: _array(data, name, "f", (count,)) for name in ("start", "end")}
    if "item_names_text" in data:
        columns["names"] = unpacked(data, "item_names_")
        _check_length("item_names", len(columns["names"]), count)
    for kind, members in RAGGED.items():
        if f"{kind}_ends" in data:
            first, *_ = members
            rows = len(data[f"{kind}.{first}"])
            ends = _array(data, f"{kind}_ends", "i", (count,))
            _check_ends(f"{kind}_ends", ends, rows, count)
            columns[kind] = Ragged(
                {
                    name: _array(data, f"{kind}.{name}", types, (rows, width))
                    for name, (types, width) in members.items()
                },
                ends,
            )
    if "frame_rate" in data:
        pair = _array(data, "frame_rate", "f", (2,))
        columns["frame_rate"], columns["frame_start"] = pair.tolist()
    if "frames_root" in data:
        columns["frames"] = FrameNames.unpacked(data)
    return columns


def _array(
    data: Mapping[str, np.ndarray], name: str, types: str, shape: tuple[int | None, ...]
) -> np.ndarray:
    array = data[name]
    fits = len(array.shape) == len(shape) and all(
        wanted in (None, found) for wanted, found in zip(shape, array.shape, strict=True)
    )
    if not fits or array.dtype.kind not in types:
        wanted = tuple("any" if size is None else size for size in shape)
        raise ValueError(f"{name} is {array.dtype} {array.shape}, expected {wanted} of {types!r}")
    return array


def _check_ends(name: str, ends: np.ndarray, last: int, count: int) -> None:
    _check_length(name, len(ends), count)
    if count and (ends[0] < 0 or ends[-1] != last or (np.diff(ends) < 0).any()):
        raise ValueError(f"{name} does not ascend to {last}")


def _check_length(name: str, found: int, count: int) -> None:
    if found != count:
        raise ValueError(f"{name} has {found} entries, expected {count}")
