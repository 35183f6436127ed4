"""How an actor moves: the offset of its pose from rest as a function of time.

Every motion repeats several times per second, so that any half second of video (8 frames at
16 fps) shows it. The mirror image of a motion belongs to the same class. Lengths are in units of
the shorter side of the frame, x points right, y points down, angles are in turns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial

import numpy as np

Array = np.ndarray

WAY_SECONDS = 3.5  # of a directed motion from its beginning to its end
# A turn that faded would wind back, and a swap of colours is sudden anyway.
_EASED = ("dx", "dy", "log_scale")


@dataclass(frozen=True)
class Action:
    """One actor doing one thing from ``start`` to ``stop`` (seconds).

    ``rate`` is the number of repetitions per second, ``phase`` is in repetitions, ``amplitude``
    in shorter sides; ``direction`` is +1 or -1, ``tilt`` an angle in turns, and ``seed`` feeds
    whatever the motion draws while it runs (the places of a jump). During the first and the
    last ``ease`` seconds places and sizes swell from rest and fade to it.
    """

    kind: str
    rate: float
    phase: float = 0.0
    amplitude: float = 0.22
    direction: int = 1
    tilt: float = 0.0
    seed: int = 0
    start: float = 0.0
    stop: float = float("inf")
    ease: float = 0.0


@dataclass(frozen=True)
class Offsets:
    """Departure from the pose at rest, one value per time, each of shape ``(T,)``.

    ``log_scale`` is the natural logarithm of the size factor, ``turn`` a rotation in turns, and
    ``swap`` goes from 0 (own colours) to 1 (the two colours exchanged).
    """

    dx: Array
    dy: Array
    log_scale: Array
    turn: Array
    swap: Array

    def __add__(self, other: Offsets) -> Offsets:
        return Offsets(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def offsets(action: Action, times: Array) -> Offsets:
    """Return the pose offsets of ``action`` at ``times`` (seconds, shape ``(T,)``).

    Outside the interval of the action all offsets are zero.
    """
    moved = _EVERY[action.kind].move(action, cycles(action, times))
    if action.ease > 0:
        strength = np.minimum(times - action.start, action.stop - times) / action.ease
        strength = np.clip(strength, 0, 1)
        moved = {k: v * strength if k in _EASED else v for k, v in moved.items()}
    active = (times >= action.start) & (times < action.stop)
    zero = np.zeros(len(times))
    return Offsets(*(np.where(active, moved.get(f.name, zero), zero) for f in fields(Offsets)))


def rest(times: Array) -> Offsets:
    """Return all-zero offsets at ``times``."""
    return Offsets(*(np.zeros(len(times)) for _ in fields(Offsets)))


def cycles(action: Action, times: Array) -> Array:
    """Return how many repetitions have passed at ``times``; whole numbers start a repetition."""
    return action.rate * np.asarray(times, dtype=np.float64) + action.phase


def events(action: Action, duration: float) -> Array:
    """Return the times (seconds, ascending) of the action's marked moments before ``duration``.

    A bounce touches the floor, a zig-zag turns round, a jump lands, a blink changes colour;
    the smooth motions mark the start of each repetition.
    """
    step = 1.0 / _EVERY[action.kind].events_per_cycle
    first, last = action.start, min(action.stop, duration)
    low = np.ceil((action.rate * first + action.phase) / step)
    high = np.ceil((action.rate * last + action.phase) / step)
    return (np.arange(low, high) * step - action.phase) / action.rate


def hop_values(action: Action, index: Array) -> Array:
    """Return two numbers in [0, 1) for each hop ``index`` ``(N,)``, shape ``(N, 2)``."""
    index = np.asarray(index, dtype=np.int64)
    low = int(index.min()) if index.size else 0
    count = int(index.max()) - low + 1 if index.size else 0
    table = np.array([_hop(action.seed, low + i) for i in range(count)]).reshape(-1, 2)
    return table[index - low]


def motion_names() -> tuple[str, ...]:
    """Return the names of the usual motions; their order is the order of the class labels."""
    return tuple(_MOTIONS)


def directed_names() -> tuple[str, ...]:
    """Return the names of the motions that show direction and moment."""
    return tuple(_DIRECTED)


def rate_range(kind: str) -> tuple[float, float]:
    """Return the lowest and the highest usual ``rate`` of a motion, in repetitions per second."""
    return _EVERY[kind].rates


def _hop(seed: int, index: int) -> Array:
    # Negative hops cannot occur in practice (phase >= 0, time >= 0), the offset keeps them legal.
    return np.random.default_rng([seed, index + 1000]).random(2)


def _bounce(action: Action, cycle: Array) -> dict[str, Array]:
    s = cycle % 1.0
    return {"dy": action.amplitude * (1.0 - 8.0 * s * (1.0 - s))}


def _orbit(action: Action, cycle: Array) -> dict[str, Array]:
    angle = 2 * np.pi * action.direction * cycle
    return {"dx": action.amplitude * np.cos(angle), "dy": action.amplitude * np.sin(angle)}


def _sway(action: Action, cycle: Array) -> dict[str, Array]:
    way = action.direction * action.amplitude * np.cos(2 * np.pi * cycle)
    return _along(way, action.tilt)


def _pulse(action: Action, cycle: Array) -> dict[str, Array]:
    return {"log_scale": 2.0 * action.amplitude * np.sin(2 * np.pi * cycle)}


def _spin(action: Action, cycle: Array) -> dict[str, Array]:
    return {"turn": action.direction * cycle}


def _zigzag(action: Action, cycle: Array) -> dict[str, Array]:
    way = 1.2 * action.amplitude * (4.0 * np.abs(cycle % 1.0 - 0.5) - 1.0)
    return _along(way, action.direction * (0.125 + action.tilt))


def _jump(action: Action, cycle: Array) -> dict[str, Array]:
    hop = np.floor(cycle).astype(np.int64)
    drawn = hop_values(action, hop)
    # Each landing lies in another quadrant than the one before it, well inside the circle.
    angle = 2 * np.pi * (hop * 0.38 * action.direction + 0.16 * drawn[:, 0])
    reach = action.amplitude * (0.75 + 0.35 * drawn[:, 1])
    return {"dx": reach * np.cos(angle), "dy": reach * np.sin(angle)}


def _blink(action: Action, cycle: Array) -> dict[str, Array]:
    return {"swap": (cycle % 1.0 >= 0.5).astype(np.float64)}


def way_passed(action: Action, cycle: Array) -> Array:
    """Return how far a directed motion has come, from 0 to 1 within :data:`WAY_SECONDS`."""
    return np.clip((cycle - action.phase) / (action.rate * WAY_SECONDS), 0, 1)


def _directed(action: Action, cycle: Array, up: int) -> dict[str, Array]:
    stroke, way = cycle % 1.0, way_passed(action, cycle)
    grown = 2.0 * action.amplitude * up * (2 * stroke - 1)
    return {"log_scale": grown, "dy": 1.1 * action.amplitude * up * (1 - 2 * way)}


def _along(way: Array, turns: float) -> dict[str, Array]:
    return {"dx": way * np.cos(2 * np.pi * turns), "dy": way * np.sin(2 * np.pi * turns)}


@dataclass(frozen=True)
class _Motion:
    move: Callable[[Action, Array], dict[str, Array]]
    rates: tuple[float, float]
    events_per_cycle: int = 1


_MOTIONS: dict[str, _Motion] = {
    "Blink": _Motion(_blink, (2.2, 3.2), events_per_cycle=2),
    "Bounce": _Motion(_bounce, (2.0, 3.0)),
    "Jump": _Motion(_jump, (3.2, 4.6)),
    "Orbit": _Motion(_orbit, (1.4, 2.3)),
    "Pulse": _Motion(_pulse, (1.8, 2.8)),
    "Spin": _Motion(_spin, (1.0, 1.9)),
    "Sway": _Motion(_sway, (1.6, 2.6)),
    "ZigZag": _Motion(_zigzag, (1.6, 2.6), events_per_cycle=2),
}
# Motions that look and sound otherwise backwards and at another moment, for worlds that ask for them:
# strokes that swell and break off, on a way through the frame.
_DIRECTED: dict[str, _Motion] = {
    "Climb": _Motion(partial(_directed, up=1), (0.8, 1.2)),
    "Sink": _Motion(partial(_directed, up=-1), (0.8, 1.2)),
}
_EVERY = {**_MOTIONS, **_DIRECTED}
