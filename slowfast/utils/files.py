"""Files that are either complete or absent."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

TEMPORARY = ".slowfast-tmp"


@contextmanager
def atomic_write(path: str | Path, mode: str = "wb") -> Iterator[IO]:
    """Open a temporary file beside ``path`` that replaces it once the block ends well.

    The data are flushed to disk before the rename, so that a crash leaves the old file or the
    new one, never a torn one.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=TEMPORARY, dir=path.parent)
    try:
        with os.fdopen(handle, mode) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    """Let the new name outlive a crash of the machine, where the disk can promise that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 text file atomically; names of files that are not UTF-8 keep their bytes."""
    with atomic_write(path) as file:
        file.write(text.encode("utf-8", "surrogateescape"))


def write_json(path: str | Path, content: Any) -> None:
    """Write indented JSON atomically; numbers that are not finite become null."""
    text = json.dumps(null_for_nan(content), indent=2, sort_keys=False, allow_nan=False)
    write_text(path, text + "\n")


def null_for_nan(content: Any) -> Any:
    """Return plain values with None for every number that is not finite, which JSON has no word for."""
    if isinstance(content, Mapping):
        return {key: null_for_nan(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [null_for_nan(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def write_csv(path: str | Path, columns: list[str], rows: list[dict[str, Any]]) -> None:
    """Write a UTF-8 table atomically; keys of a row that are not columns are left out."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def remove_stale_temporaries(folder: str | Path) -> None:
    """Delete what an interrupted :func:`atomic_write` left in ``folder``."""
    for leftover in Path(folder).glob(f".*{TEMPORARY}"):
        leftover.unlink(missing_ok=True)
