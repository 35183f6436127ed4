"""Trying again where a disk or network fails for a moment."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import TypeVar

from slowfast.utils.errors import SlowFastError

T = TypeVar("T")

# What network disks answer for a moment; a damaged file gives none of these.
PASSING = {
    *(errno.EIO, errno.EREMOTEIO, errno.ESTALE, errno.EAGAIN, errno.EINTR, errno.ETIMEDOUT),
    *(errno.ECONNRESET, errno.ECONNABORTED, errno.ENOTCONN, errno.ENETUNREACH, errno.EHOSTUNREACH),
}
PAUSES = (0.05, 0.2, 0.8)  # seconds


def patiently(read: Callable[[], T], before_again: Callable[[], None] = lambda: None) -> T:
    """Return what ``read`` returns; where a disk fails, try again after pauses.

    Args:
        read: without effects that a second call would double.
        before_again: called before each further attempt.

    Raises:
        SlowFastError, OSError: as ``read``: what it reads is at fault, or the disk fails on.
    """
    for pause in PAUSES:
        try:
            return read()
        except (SlowFastError, OSError) as error:
            if not is_passing(error):
                raise
        time.sleep(pause)
        before_again()
    return read()


def is_passing(error: BaseException | None) -> bool:
    """Tell whether an error, or one that caused it, is of a disk or network and may pass."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in PASSING:
            return True
        error = error.__cause__
    return False
