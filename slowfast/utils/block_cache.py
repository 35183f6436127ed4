"""Blocks of files that lie elsewhere, kept on the local disk up to a size; processes share the folder."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

BLOCK_BYTES = 1 << 16
# The folder is looked through whenever this share of its limit was written, and emptied to the other.
WRITTEN_SHARE = 0.05
KEPT_SHARE = 0.9


class BlockCache:
    """The blocks that were used last, at most so many bytes of them.

    A block that is torn or gone is fetched again; that the disk is full is no error.

    Args:
        folder: made when it is needed.
        limit: bytes; several processes may go beyond it by a twentieth each.
    """

    def __init__(self, folder: str | Path, limit: int) -> None:
        self.folder, self.limit = Path(folder), limit
        self._written = 0

    def _path(self, key: str, number: int) -> Path:
        return self.folder / key[:2] / f"{key[2:]}-{number}"

    def get(self, key: str, number: int) -> bytes | None:
        """Return a block of the file that a hash stands for, or None."""
        path = self._path(key, number)
        with suppress(OSError):
            data = path.read_bytes()
            os.utime(path)
            return data
        return None

    def put(self, key: str, number: int, data: bytes) -> None:
        """Keep a block."""
        path = self._path(key, number)
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(prefix=".", dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                os.replace(temporary, path)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        self._written += len(data)
        if self._written > WRITTEN_SHARE * self.limit:
            self._written = 0
            self.shrink()

    def shrink(self) -> None:
        """Delete the blocks that were not used for longest, if there are too many."""
        found = []
        for folder, _, names in os.walk(self.folder):
            for name in names:
                with suppress(OSError):  # another process deletes too
                    facts = os.stat(os.path.join(folder, name))
                    found.append((facts.st_mtime, facts.st_size, os.path.join(folder, name)))
        used = sum(size for _, size, _ in found)
        if used <= self.limit:
            return
        for _, size, path in sorted(found):
            if used <= KEPT_SHARE * self.limit:
                return
            with suppress(OSError):
                os.unlink(path)
            used -= size
