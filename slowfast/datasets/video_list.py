"""The list of files of a dataset as arrays, with one stable row per file.

A Python object per sample makes worker processes grow until the host runs out of memory; here a
million paths are one byte string and one offset array, shared by all workers.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from slowfast.utils.errors import AnnotationError, ConfigError
from slowfast.utils.files import atomic_write

MANIFEST_VERSION = 1


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


class VideoList:
    """Paths and labels of a split; the row of a file is its stable index.

    Args:
        paths: one per file, as the media layer opens them.
        labels: one class number per file; -1 where a list has none.
        class_names: may be empty when no file names the classes.
        source: the file or folder that was read, for messages.

    Attributes:
        checked_windows: the windows of pictures and sound that are known to fit into every file,
            as text; empty where nobody looked.
    """

    def __init__(
        self,
        paths: Iterable[str] | StringTable,
        labels: Sequence[int] | np.ndarray,
        class_names: Sequence[str],
        source: str | Path,
    ) -> None:
        self.paths = paths if isinstance(paths, StringTable) else StringTable.from_strings(paths)
        self.labels = np.asarray(labels, dtype=np.int64)
        self.class_names = list(class_names)
        self.source = str(source)
        self.checked_windows = ""
        self._fingerprint = ""  # known once asked for
        if len(self.paths) == 0:
            raise AnnotationError(f"{source}: lists no file at all.")

    def __len__(self) -> int:
        return len(self.paths)

    def fingerprint(self) -> str:
        """Return a short hash of names and order, by which a memory bank knows its list.

        Only the last two path components count, so that moving a dataset keeps its banks.
        """
        if not self._fingerprint:
            digest = hashlib.sha256()
            for row in range(len(self)):
                digest.update(self.name(row).encode() + b"\n")
            self._fingerprint = digest.hexdigest()[:16]
        return self._fingerprint

    def name(self, row: int) -> str:
        """Return folder and name of a file, which stay the same when a dataset is moved."""
        return "/".join(self.paths[row].rsplit("/", 2)[-2:])

    def check_files(self) -> VideoList:
        """Return self, after looking every file up on disk.

        Raises:
            AnnotationError: some are missing; names the first and the cure.
        """
        with ThreadPoolExecutor(16) as pool:
            exists = list(pool.map(lambda row: os.path.exists(self.paths[row]), range(len(self))))
        missing = [row for row, found in enumerate(exists) if not found]
        if missing:
            shown = "\n  ".join(self.paths[row] for row in missing[:5])
            raise AnnotationError(
                f"{self.source}: {len(missing)} of {len(self)} listed files do not exist:\n  "
                f"{shown}\nCheck DATA.PATH_PREFIX, or leave the missing files out with "
                f"'python tools/prepare_data.py manifest' and set DATA.MANIFEST_DIR."
            )
        return self

    def check_distinct(self) -> VideoList:
        """Return self if no file is listed twice: one file has one memory.

        Raises:
            AnnotationError: names the first file that is.
        """
        seen: set[str] = set()
        for row in range(len(self)):
            path = self.paths[row]
            if path in seen:
                raise AnnotationError(
                    f"{self.source}: {path} is listed more than once, but a file has one memory. "
                    "Take the repeated lines out."
                )
            seen.add(path)
        return self

    def check_labels(self, num_classes: int) -> VideoList:
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
                f"MODEL.NUM_CLASSES to {int(self.labels.max()) + 1} or mend the list."
            )
        return self

    def subset(self, rows: Sequence[int] | np.ndarray) -> VideoList:
        """Return a new list of the given rows."""
        paths = (self.paths[int(row)] for row in rows)
        part = VideoList(paths, self.labels[rows], self.class_names, self.source)
        part.checked_windows = self.checked_windows
        return part

    def fraction(self, share: float, seed: int = 0) -> VideoList:
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

    def with_suffix(self, suffix: str) -> VideoList:
        """Return the same list with other file endings, for transcoded copies of the files.

        Raises:
            ConfigError: the ending has no dot.
        """
        if not suffix.startswith("."):
            raise ConfigError(f"DATA.FILE_SUFFIX {suffix!r} must begin with a dot, like '.mp4'.")
        paths = (str(Path(self.paths[row]).with_suffix(suffix)) for row in range(len(self)))
        return VideoList(paths, self.labels, self.class_names, self.source)

    def save(self, path: str | Path) -> None:
        """Write the list as a manifest that :meth:`load` reads in one go."""
        names = StringTable.from_strings(self.class_names)
        with atomic_write(path) as file:
            np.savez_compressed(
                file,
                version=np.int64(MANIFEST_VERSION),
                text=self.paths.text,
                ends=self.paths.ends,
                labels=self.labels,
                names_text=names.text,
                names_ends=names.ends,
                checked_windows=np.str_(self.checked_windows),
            )

    @classmethod
    def load(cls, path: str | Path) -> VideoList:
        """Read a manifest.

        Raises:
            AnnotationError: the file is missing or not a manifest.
        """
        try:
            with np.load(path, allow_pickle=False) as data:
                if int(data["version"]) != MANIFEST_VERSION:
                    raise ValueError(f"version {int(data['version'])}")
                names = StringTable(data["names_text"], data["names_ends"])
                paths = StringTable(data["text"], data["ends"])
                labels = data["labels"]
                checked = str(data["checked_windows"]) if "checked_windows" in data else ""
        except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
            raise AnnotationError(
                f"{path}: not a usable manifest ({error}). Write one with "
                "'python tools/prepare_data.py manifest --cfg CFG --out DIR'."
            ) from error
        videos = cls(paths, labels, [names[k] for k in range(len(names))], path)
        videos.checked_windows = checked
        return videos
