"""How data-loader workers read: noting the file for the main process, and again where a disk fails."""

from __future__ import annotations

import ctypes
import errno
import os
import time
from collections.abc import Callable, Sequence
from multiprocessing.sharedctypes import RawArray
from typing import TypeVar

from slowfast.utils.errors import MediaError

T = TypeVar("T")

LONGEST_PATH = 4096
# What network disks answer for a moment; a damaged file gives none of these.
PASSING = {
    *(errno.EIO, errno.EREMOTEIO, errno.ESTALE, errno.EAGAIN, errno.EINTR, errno.ETIMEDOUT),
    *(errno.ECONNRESET, errno.ECONNABORTED, errno.ENOTCONN, errno.ENETUNREACH, errno.EHOSTUNREACH),
}
PAUSES = (0.05, 0.2, 0.8)  # seconds


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
        _own.path = os.fsencode(path)[: LONGEST_PATH - 1]
        _own.since = time.monotonic()


def stuck_file(notes: Sequence[Note], seconds: float) -> str | None:
    """Return a file that some worker has been reading for longer than ``seconds``."""
    oldest = time.monotonic() - seconds
    for note in notes:
        if note.path and note.since < oldest:
            return os.fsdecode(note.path)
    return None


def read_patiently(path: str | os.PathLike, read: Callable[[], T]) -> T:
    """Return what ``read`` returns; where the disk of the file fails, try again after pauses.

    Raises:
        MediaError, OSError: as ``read``: the file itself is at fault, or the disk fails on.
    """
    for pause in PAUSES:
        try:
            return read()
        except (MediaError, OSError) as error:
            if not is_passing(error):
                raise
        time.sleep(pause)
        begin_reading(path)
    return read()


def is_passing(error: BaseException | None) -> bool:
    """Tell whether an error, or one that caused it, is of a disk or network and may pass."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in PASSING:
            return True
        error = error.__cause__
    return False
