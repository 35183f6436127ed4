"""Child processes that never outlive the run they belong to."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NoReturn

PR_SET_PDEATHSIG = 1  # linux/prctl.h
TERMINATE_SECONDS = 1.0
KILL_SECONDS = 2.0


def die_with_parent() -> None:
    """Let the kernel kill this child process when its parent ends, however that happens.

    Without it a process in a C call, which never asks whether its parent lives, would stay.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # It may have ended before the kernel knew. Whether it is alive cannot be asked: a process that was
    # forked later holds the pipe by which `multiprocessing` would tell.
    parent = multiprocessing.parent_process()
    if parent is not None and os.getppid() != parent.pid:
        os._exit(1)


@contextmanager
def calling_every(seconds: float, look: Callable[[], None]) -> Iterator[None]:
    """Call ``look`` regularly in the main thread, also while that waits for something in Python.

    What it raises comes out of whatever the thread waits for, so that it must be what ends the work:
    a worker that holds Python's lock blocks even the reception of a batch that is ready, for which
    there is no time limit. In other threads nothing is called.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGALRM, lambda number, frame: look())
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def end_children() -> None:
    """End all child processes of ``multiprocessing``: ask, then kill, and wait for neither long."""
    children = multiprocessing.active_children()
    if not children:
        return
    # PyTorch's handler would raise in the middle of this, since its workers are killed.
    previous = signal.getsignal(signal.SIGCHLD)
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    except ValueError:  # not in the main thread, where handlers run
        previous = None
    end_processes(children)
    if previous is not None:
        signal.signal(signal.SIGCHLD, previous)


def end_processes(children: Sequence[multiprocessing.process.BaseProcess]) -> None:
    """Send SIGTERM, and SIGKILL to those that are still there a second later."""
    for child in children:
        child.terminate()
    if not wait_for(children, TERMINATE_SECONDS):
        for child in children:
            child.kill()
        wait_for(children, KILL_SECONDS)


def wait_for(children: Sequence[multiprocessing.process.BaseProcess], seconds: float) -> bool:
    """Wait for processes to end; tell whether all did in time."""
    deadline = time.monotonic() + seconds
    for child in children:
        child.join(max(0.0, deadline - time.monotonic()))
    return not any(child.is_alive() for child in children)


def leave(status: int) -> NoReturn:
    """End the process; after a failure without waiting for threads or other processes."""
    if status == 0:
        sys.exit(0)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(status)
