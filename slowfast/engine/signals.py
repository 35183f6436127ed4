"""Graceful shutdown: SIGTERM, SIGUSR1 (SLURM) and the first Ctrl-C finish the step and save.

The process then ends with status 128 + signal number, so that a job script can tell a preempted
run (requeue it: the same command resumes) from a failed one. A second SIGTERM or Ctrl-C ends it at
once, and so does a time limit, whatever the process is busy with.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from types import FrameType

from slowfast.utils import distributed as du
from slowfast.utils.errors import StopRequested

STOPPING = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
INSISTING = (signal.SIGTERM, signal.SIGINT)  # SLURM's SIGUSR1 warns that SIGTERM will come
OVER = b"\0"
STOP_SECONDS = 120.0  # from the first signal to a hard end
DATA_SECONDS = 5.0  # from the first signal to giving up a batch that does not come
DATA_SECONDS_TOGETHER = 25.0  # with several processes, since nothing can be saved then
# A signal within this time is the same one on another way: a terminal reaches a whole process
# group, and launchers hand on what they get.
REPEAT_SECONDS = 0.5
REPEAT_SECONDS_LAUNCHED = 3.0


class StopSignals:
    """Remembers a stop signal until the loop asks for it; use it in a ``with`` statement."""

    def __init__(self) -> None:
        self.received = 0
        self.received_at = 0.0
        self._vote = du.LateVote()
        self._previous: dict[int, object] = {}
        self._pipe: tuple[int, int] | None = None
        self._previous_wakeup = -1

    def __enter__(self) -> StopSignals:
        try:
            for number in STOPPING:
                self._previous[number] = signal.signal(number, self._remember)
        except ValueError:  # not in the main thread: the caller keeps its own handlers
            return self
        self._pipe = os.pipe()
        for end in self._pipe:
            os.set_blocking(end, False)
        self._previous_wakeup = signal.set_wakeup_fd(self._pipe[1], warn_on_full_buffer=False)
        threading.Thread(target=_insist, args=(os.dup(self._pipe[0]),), daemon=True).start()
        return self

    def _remember(self, number: int, frame: FrameType | None) -> None:
        if not self.received:
            self.received, self.received_at = number, time.monotonic()

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        if self._pipe:
            signal.set_wakeup_fd(self._previous_wakeup)
            os.write(self._pipe[1], OVER)
            for end in self._pipe:
                os.close(end)

    def raise_if_received(self) -> None:
        """Raise :class:`StopRequested` if a signal came in any process, in all at the same call.

        All must call it equally often. Several processes raise one call later than one would.
        """
        number = self._vote.largest(self.received)
        if number:
            self.received = self.received or number
            raise StopRequested(self.received)

    def raise_if_overdue(self) -> None:
        """Raise :class:`StopRequested` if a signal waits for a batch that does not come.

        With several processes the others are not asked, and nothing can be saved.
        """
        alone = du.get_world_size() == 1
        limit = DATA_SECONDS if alone else DATA_SECONDS_TOGETHER
        if self.received_at and time.monotonic() - self.received_at > limit:
            raise StopRequested(self.received, agreed=alone)


def _insist(pipe: int) -> None:
    """End the process at a second signal, or some time after the first, in a thread of its own.

    Python calls handlers between two steps of the main thread, which may be stuck in a C call;
    the numbers of signals come through the pipe all the same.
    """
    again = REPEAT_SECONDS_LAUNCHED if du.launched_by_torchrun() else REPEAT_SECONDS
    end, insisted, number = None, None, 0
    while True:
        left = None if end is None else max(0.0, end - time.monotonic())
        if not select.select([pipe], [], [], left)[0]:
            _leave(number, f"did not end within {STOP_SECONDS:g} s")
        numbers = os.read(pipe, 64)
        if OVER in numbers:
            os.close(pipe)
            return
        for number in (n for n in numbers if n in STOPPING):
            now = time.monotonic()
            end = end or now + STOP_SECONDS
            if number in INSISTING:
                insisted = insisted or now
                if now - insisted > again:
                    _leave(number, "asked twice")


def _leave(number: int, why: str) -> None:
    name = signal.Signals(number).name
    sys.stderr.write(f"stopped by {name} ({why}); the last checkpoint is intact\n")
    sys.stderr.flush()
    os._exit(128 + number)
