import time

import pytest
import torch

from slowfast.utils.step_clock import PHASES, StepClock, timed


@pytest.fixture
def now(monkeypatch):
    """Time that passes only when told."""
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])

    def passes(seconds):
        clock[0] += seconds

    return passes


def test_every_second_belongs_to_the_innermost_phase(now):
    clock = StepClock(torch.device("cpu"))

    @timed("bank")
    def bank():
        now(4)

    with clock.running():
        clock.switch("data")
        now(1)
        clock.switch("other")
        with timed("forward"):
            now(2)
            bank()
            now(3)
        now(5)
        assert clock.take() == {
            **dict.fromkeys(PHASES, 0.0),
            **{"data": 1, "forward": 5, "bank": 4, "other": 5},
        }
        now(6)
        clock.switch("")
        now(100)
        assert clock.take() == {**dict.fromkeys(PHASES, 0.0), "other": 6}


def test_without_a_clock_a_block_runs_as_it_is(now):
    with timed("forward"):
        now(1)
    clock = StepClock(torch.device("cpu"))
    with clock.running():
        assert sum(clock.take().values()) == 0


TORCH = tuple(map(int, torch.__version__.split(".")[:2]))


@pytest.mark.skipif(TORCH < (2, 7), reason="breaks a graph up at every context that is a generator")
def test_a_compiled_function_is_not_timed_and_not_broken_up():
    @torch.compile(backend="eager", fullgraph=True)
    def double(x):
        with timed("forward"):
            return 2 * x

    clock = StepClock(torch.device("cpu"))
    with clock.running():
        assert double(torch.ones(2)).tolist() == [2, 2]
        assert clock.take()["forward"] == 0
