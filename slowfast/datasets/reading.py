"""What data-loader workers are reading, noted for the main process."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Sequence
from multiprocessing.sharedctypes import RawArray

LONGEST_PATH = 4096


class Note(ctypes.Structure):
    """What one worker is doing: the file, empty between batches, and since when."""

    _fields_ = (("since", ctypes.c_double), ("path", ctypes.c_char * LONGEST_PATH))


_own: Note | None = None


def make_notes(workers: int) -> Sequence[Note]:
    """Return a note for each worker, in memory that processes share."""
    return RawArray(Note, workers)


def keep(note: Note) -> None:
    """Let :func:`begin_reading` of this process write to ``note``."""
    global _own
    _own = note


def begin_reading(path: str | os.PathLike) -> None:
    """Note the file that is about to be read; an empty path says that none is."""
    if _own is not None:
        _own.since = time.monotonic()
        _own.path = os.fsencode(path)[: LONGEST_PATH - 1]


def stuck_file(notes: Sequence[Note], seconds: float) -> str | None:
    """Return a file that some worker has been reading for longer than ``seconds``."""
    oldest = time.monotonic() - seconds
    for note in notes:
        if note.path and note.since < oldest:
            return os.fsdecode(note.path)
    return None


def idle_seconds(notes: Sequence[Note]) -> float:
    """Return for how long no worker has had anything to read; 0 where one has, or has not begun."""
    if any(note.path or not note.since for note in notes):
        return 0.0
    return time.monotonic() - max((note.since for note in notes), default=time.monotonic())
