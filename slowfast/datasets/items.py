"""The items of a dataset as arrays: files, or spans and key frames of them, one stable row each.

A Python object per sample makes worker processes grow until the host runs out of memory; here a
million paths are one byte string and one offset array, shared by all workers.
"""

from __future__ import annotations

import copy
import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from slowfast.datasets.columns import (
    RAGGED,
    FrameNames,
    Ragged,
    StringTable,
    packed,
    read_columns,
)
from slowfast.datasets.existing import find_missing
from slowfast.datasets.media import DEFAULT_OPTIONS, MediaOptions, open_media
from slowfast.datasets.media.frame_folder import FrameList
from slowfast.datasets.media.parts import AtRate, Span
from slowfast.utils.errors import AnnotationError, ConfigError
from slowfast.utils.files import atomic_write
from slowfast.utils.input_files import readable, reading_arrays
from slowfast.utils.paths import existing_form

MANIFEST_VERSION = 1


class ItemTable:
    """The items of a split; the row of an item is its stable index.

    Args:
        paths: one per item, as the media layer opens them.
        labels: one class number per item; -1 where a list has none.
        class_names: may be empty when no file names the classes.
        source: the file or folder that was read, for messages.
        start, end: (N,) seconds of the file that belong to each item; NaN stands for the whole
            file, and a span without length for the moment of a key frame.
        names: of the items where the path does not tell them apart.
        intervals: actions of each item, see :class:`ActionReader`.
        boxes: boxes of each item, see :class:`TrainBoxes`.
        frames: images in place of files.
        frame_rate: at which frames are counted, where annotations count them; 0 otherwise.
        frame_start: seconds of a file at which that count begins.

    Attributes:
        checked_windows: the windows of frames and audio that are known to fit into every file, as
            text; empty where that was not checked.
    """

    def __init__(
        self,
        paths: Iterable[str] | StringTable,
        labels: Sequence[int] | np.ndarray | None,
        class_names: Sequence[str],
        source: str | Path,
        *,
        start: np.ndarray | None = None,
        end: np.ndarray | None = None,
        names: Iterable[str] | StringTable | None = None,
        intervals: Ragged | None = None,
        boxes: Ragged | None = None,
        frames: FrameNames | None = None,
        frame_rate: float = 0.0,
        frame_start: float = 0.0,
    ) -> None:
        self.paths = _table(paths)
        count = len(self.paths)
        if count == 0:
            raise AnnotationError(f"{source}: lists no file at all.")
        self.labels = np.full(count, -1) if labels is None else np.asarray(labels, dtype=np.int64)
        self.class_names = [readable(name) for name in class_names]
        self.source = str(source)
        self.start = np.full(count, np.nan) if start is None else np.asarray(start, dtype=float)
        self.end = np.full(count, np.nan) if end is None else np.asarray(end, dtype=float)
        self.names = None if names is None else _table(names)
        self.intervals, self.boxes, self.frames = intervals, boxes, frames
        self.frame_rate, self.frame_start = frame_rate, frame_start
        self.checked_windows = ""
        self._fingerprint = ""  # known once asked for

    def open(self, row: int, options: MediaOptions = DEFAULT_OPTIONS):
        """Open what an item is read from; use it in a ``with`` statement.

        Raises:
            MediaError: it cannot be opened.
        """
        path = self.paths[row]
        if self.frames is not None:
            names, root = self.frames.of[path], self.frames.root
            return FrameList(path, names, root, options, self.frame_rate or options.folder_fps)
        media = open_media(path, options)
        try:
            if self.frame_rate:
                return AtRate(media, self.frame_rate, self.frame_start)
            if self.end[row] > self.start[row]:
                return Span(media, self.start[row], self.end[row])
        except BaseException:
            media.close()
            raise
        return media

    def summary(self) -> str:
        """Return in words what the list holds."""
        if self.boxes is not None:
            return f"{len(self)} key frames with {int(self.boxes.ends[-1])} boxes"
        if self.intervals is not None:
            return f"{len(self)} videos with {int(self.intervals.ends[-1])} actions"
        classes = len(set(self.labels[self.labels >= 0].tolist()))
        return f"{len(self)} videos, " + (f"{classes} classes" if classes else "no labels")

    def time(self, row: int) -> float:
        """Return the moment of a key frame in seconds; NaN for whole files."""
        return float(self.start[row])

    def name(self, row: int) -> str:
        """Return what messages call an item: its path, with the second of a key frame."""
        if self.names is None:
            return self.paths[row]
        return f"{self.paths[row]},{self.names[row].rpartition(',')[2]}"

    def key(self, row: int) -> str:
        """Return by what the same item is known in another list: its file and span."""
        return f"{self.paths[row]}|{self.start[row]}|{self.end[row]}"

    def __len__(self) -> int:
        return len(self.paths)

    def fingerprint(self) -> str:
        """Return a short hash of the items and their order, by which a run knows its list.

        Of files only the last two path components count, so that moving a dataset keeps its
        banks. Of key frames their names and boxes count.
        """
        if not self._fingerprint:
            digest = self._hash_of_boxes() if self.boxes is not None else self._hash_of_files()
            self._fingerprint = digest.hexdigest()[:16]
        return self._fingerprint

    def _hash_of_files(self):
        digest = hashlib.sha256()
        for row in range(len(self)):
            name = unicodedata.normalize("NFC", self.short_path(row))
            digest.update(name.encode("utf-8", "surrogateescape") + b"\n")
            if not np.isnan(self.start[row]):
                digest.update(self.start[row].tobytes() + self.end[row].tobytes())
        return digest

    def _hash_of_boxes(self):
        names = (self.names[row].rpartition(",") for row in range(len(self)))
        digest = hashlib.sha256(repr([(video, int(second)) for video, _, second in names]).encode())
        for array in (self.boxes.arrays["box"], self.boxes.arrays["label"], self.boxes.ends):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest

    def short_path(self, row: int) -> str:
        """Return folder and name of a file, which stay the same when a dataset is moved."""
        return "/".join(self.paths[row].rsplit("/", 2)[-2:])

    def check_files(self) -> ItemTable:
        """Return self, after looking every file up, see :func:`find_missing`.

        Raises:
            AnnotationError: some are missing; names the first and the cure.
        """
        missing = find_missing(self.paths, self.source)
        if missing:
            shown = "\n  ".join(missing[:5])
            paths = set(self.paths)
            raise AnnotationError(
                f"{self.source}: {len(missing)} of {len(paths)} listed files do not exist:\n  "
                f"{shown}\nCheck DATA.PATH_PREFIX, or leave the missing files out with "
                f"'python tools/prepare_data.py manifest' and set DATA.MANIFEST_DIR."
            )
        return self

    def with_existing_names(self) -> ItemTable:
        """Return the list with names in the Unicode form in which the files exist, if they do."""
        if self.frames is not None or (self.paths.text < 128).all():
            return self
        changed = copy.copy(self)
        changed.paths = StringTable.from_strings(existing_form(path) for path in self.paths)
        return changed

    def check_distinct(self) -> ItemTable:
        """Return self if no file is listed twice: one file has one memory.

        Raises:
            AnnotationError: names the first file that is.
        """
        seen: set[str] = set()
        for path in self.paths:
            if path in seen:
                raise AnnotationError(
                    f"{self.source}: {path} is listed more than once, but a file has one memory. "
                    "Take the repeated lines out."
                )
            seen.add(path)
        return self

    def check_labels(self, num_classes: int) -> ItemTable:
        """Return self if every file has a label below ``num_classes``.

        Raises:
            AnnotationError: names the first file whose label is not.
        """
        if (self.labels < 0).any():
            row = int(np.flatnonzero(self.labels < 0)[0])
            raise AnnotationError(f"{self.source}: {self.paths[row]} has no label.")
        wrong = np.flatnonzero(self.labels >= num_classes)
        if len(wrong):
            row = int(wrong[0])
            raise AnnotationError(
                f"{self.source}: label {self.labels[row]} of {self.paths[row]} is not below "
                f"MODEL.NUM_CLASSES = {num_classes} ({len(wrong)} such files). Set "
                f"MODEL.NUM_CLASSES to {int(self.labels.max()) + 1} or correct the list."
            )
        return self

    def subset(self, rows: Sequence[int] | np.ndarray) -> ItemTable:
        """Return a new list of the given rows."""
        names = None if self.names is None else (self.names[int(row)] for row in rows)
        part = ItemTable(
            (self.paths[int(row)] for row in rows),
            self.labels[rows],
            self.class_names,
            self.source,
            start=self.start[rows],
            end=self.end[rows],
            names=names,
            intervals=self.intervals and self.intervals.subset(rows),
            boxes=self.boxes and self.boxes.subset(rows),
            frames=self.frames,
            frame_rate=self.frame_rate,
            frame_start=self.frame_start,
        )
        part.checked_windows = self.checked_windows
        return part

    def fraction(self, share: float, seed: int = 0) -> ItemTable:
        """Return a random share of the files of each class, at least one, in the old order.

        With another share and the same seed the smaller list is part of the larger one.
        """
        rows = []
        for label in np.unique(self.labels):
            own = np.flatnonzero(self.labels == label)
            count = max(1, round(share * len(own)))
            rng = np.random.default_rng([seed, int(label) + 1])
            rows.append(rng.permutation(own)[:count])
        return self.subset(np.sort(np.concatenate(rows)))

    def with_suffix(self, suffix: str) -> ItemTable:
        """Return the same list with other file endings, for transcoded copies of the files.

        Raises:
            ConfigError: the ending is none.
        """
        if not re.fullmatch(r"\.\w+", suffix):
            raise ConfigError(f"DATA.FILE_SUFFIX {suffix!r} must begin with a dot, like '.mp4'.")
        if self.frames is not None:
            raise ConfigError(
                f"DATA.FILE_SUFFIX {suffix!r} changes the endings of videos, but {self.source} "
                "lists images."
            )
        changed = copy.copy(self)
        changed.paths = StringTable.from_strings(
            os.path.splitext(path)[0] + suffix for path in self.paths
        )
        changed._fingerprint = ""
        return changed

    def save(self, path: str | Path) -> None:
        """Write the list as a manifest that :meth:`load` reads in one go."""
        columns = {
            "version": np.int64(MANIFEST_VERSION),
            "labels": self.labels,
            "checked_windows": np.str_(self.checked_windows),
            **packed("", self.paths),
            **packed("names_", StringTable.from_strings(self.class_names)),
        }
        if not np.isnan(self.start).all():
            columns |= {"start": self.start, "end": self.end}
        if self.names is not None:
            columns |= packed("item_names_", self.names)
        for kind in RAGGED:
            column = getattr(self, kind)
            if column is not None:
                columns |= {f"{kind}.{key}": array for key, array in column.arrays.items()}
                columns[f"{kind}_ends"] = column.ends
        if self.frame_rate:
            columns["frame_rate"] = np.array([self.frame_rate, self.frame_start])
        if self.frames is not None:
            columns |= self.frames.packed()
        with atomic_write(path) as file:
            np.savez_compressed(file, **columns)

    @classmethod
    def load(cls, path: str | Path) -> ItemTable:
        """Read a manifest.

        Raises:
            AnnotationError: the file is missing or not a manifest.
        """
        cure = "; write one with 'python tools/prepare_data.py manifest --cfg CFG --out DIR'"
        with reading_arrays(path, AnnotationError, f"not a usable manifest{cure}") as data:
            if int(data["version"]) != MANIFEST_VERSION:
                raise ValueError(f"version {int(data['version'])}")
            items = cls(**read_columns(data), source=path)
            if "checked_windows" in data:
                items.checked_windows = str(data["checked_windows"])
        return items


def union(lists: Sequence[ItemTable]) -> ItemTable:
    """Return the items of several lists of one dataset, such as its folds, each once.

    Raises:
        ConfigError: of several lists one holds more than files and labels.
    """
    first = lists[0]
    if len(lists) == 1:
        return first
    if any(x is not None for x in (first.frames, first.boxes, first.intervals)):
        raise ConfigError(f"{first.source}: lists of frames, boxes or actions cannot be joined.")
    rows = {one.key(row): (one, row) for one in lists for row in range(len(one))}.values()
    return ItemTable(
        [one.paths[row] for one, row in rows],
        [one.labels[row] for one, row in rows],
        first.class_names,
        first.source,
        start=np.array([one.start[row] for one, row in rows]),
        end=np.array([one.end[row] for one, row in rows]),
        frame_rate=first.frame_rate,
        frame_start=first.frame_start,
    )


def _table(strings: Iterable[str] | StringTable) -> StringTable:
    return strings if isinstance(strings, StringTable) else StringTable.from_strings(strings)
