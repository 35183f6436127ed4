"""Where the time of a training step goes, measured without making the host wait.

At any moment one phase runs. On a GPU the moments between two phases are events in its stream, read
once the step is long over: a phase lasts as long as it kept the device, and ``data`` as long as the
device had nothing to do for want of a batch.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

PHASES = ("data", "transfer", "forward", "bank", "backward", "optimizer", "other")

_running: StepClock | None = None


class StepClock:
    """Adds up the seconds of each of :data:`PHASES`."""

    def __init__(self, device: torch.device) -> None:
        self._on_gpu = device.type == "cuda"
        self._marks: list[tuple[str, float | torch.cuda.Event]] = []
        self._phase = ""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let :func:`timed` mean this clock, from zero."""
        global _running
        _running, self._marks = self, []
        try:
            yield
        finally:
            _running = None

    def switch(self, name: str) -> str:
        """Begin a phase and return the one that it ends; empty: what follows is not counted."""
        before, self._phase = self._phase, name
        self._marks.append((name, self._moment()))
        return before

    def _moment(self) -> float | torch.cuda.Event:
        if not self._on_gpu:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def take(self) -> dict[str, float]:
        """Return the seconds of each phase since the last call; waits for the device."""
        self.switch(self._phase)
        if self._on_gpu:
            self._marks[-1][1].synchronize()
        seconds = dict.fromkeys(PHASES, 0.0)
        for (name, begin), (_, end) in zip(self._marks, self._marks[1:], strict=False):
            if name:
                spent = begin.elapsed_time(end) / 1000 if self._on_gpu else end - begin
                seconds[name] += spent
        self._marks = self._marks[-1:]
        return seconds


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Count the block as a phase of the step that runs, if one does; the phase around it goes on after."""
    clock = None if torch.compiler.is_compiling() else _running
    if clock is None:
        yield
        return
    before = clock.switch(name)
    try:
        yield
    finally:
        clock.switch(before)
