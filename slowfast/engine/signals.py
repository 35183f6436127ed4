"""Graceful shutdown: SIGTERM, SIGUSR1 (SLURM) and the first Ctrl-C finish the step and save.

The process then ends with status 128 + signal number, so that a job script can tell a preempted
run (requeue it: the same command resumes) from a failed one. A second Ctrl-C stops at once.
"""

from __future__ import annotations

import signal
from types import FrameType

from slowfast.utils import distributed as du
from slowfast.utils.errors import StopRequested

STOPPING = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)


class StopSignals:
    """Remembers a stop signal until the loop asks for it; use it in a ``with`` statement."""

    def __init__(self) -> None:
        self.received = 0
        self._previous: dict[int, object] = {}

    def __enter__(self) -> StopSignals:
        for number in STOPPING:
            try:
                self._previous[number] = signal.signal(number, self._remember)
            except ValueError:  # not in the main thread: the caller keeps its own handlers
                break
        return self

    def _remember(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.received == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = number

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def raise_if_received(self) -> None:
        """Raise :class:`StopRequested` if a signal came in any process; all must call it."""
        if self.agreed():
            reason = f"stopped by {signal.Signals(self.received).name}"
            raise StopRequested(128 + self.received, reason)

    def agreed(self) -> bool:
        """Tell whether any process was asked to stop; all processes must call it together."""
        stop = du.any_process(bool(self.received))
        if stop and not self.received:
            self.received = signal.SIGTERM
        return stop
