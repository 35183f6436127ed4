"""A scene: several actors on ways of their own, what each of them does when, and its rendering.

The labels are read off the same description that is drawn (``doing``), so they cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from slowfast.synthetic.motions import Action, offsets, rest
from slowfast.synthetic.render import Background, Body, Look, body_poses, render_things
from slowfast.synthetic.sounds import Voice

Array = np.ndarray

# Motions that leave the actor where it is go together with any of these; these exclude each other.
TRAVELS = frozenset({"Bounce", "Jump", "Orbit", "Sway", "ZigZag"})
PASSAGE_SECONDS = 1.5
_DOTS = 3
_OUTSIDE = 1.4


@dataclass(frozen=True)
class Route:
    """How an actor wanders around the centre of its body, and when it comes and goes.

    ``reach`` is in shorter sides, ``periods`` (seconds) and ``phases`` (turns) are those of two
    slow waves along x and y. At ``enters`` the actor begins to come in over the left (``side``
    -1) or right edge, at ``leaves`` to go out; both take ``PASSAGE_SECONDS``.
    """

    reach: float = 0.0
    periods: tuple[float, float] = (1.0, 1.0)
    phases: tuple[float, float] = (0.0, 0.0)
    side: int = 1
    enters: float = float("-inf")
    leaves: float = float("inf")


STILL = Route()


@dataclass(frozen=True)
class Actor:
    """An actor of a scene, with the voice that is heard while it does something."""

    body: Body
    route: Route = STILL
    actions: tuple[Action, ...] = ()
    voice: Voice | None = None


@dataclass(frozen=True)
class Hold:
    """A ball at the side of an actor; ``bearing`` (turns) says at which."""

    actor: int
    look: Look
    bearing: float
    start: float
    stop: float


@dataclass(frozen=True)
class Talk:
    """Dots that travel from one actor to another, ``rate`` times per second each.

    On their way they change from the first colour of ``look`` to the second.
    """

    speaker: int
    listener: int
    look: Look
    rate: float
    start: float
    stop: float


@dataclass(frozen=True)
class Scene:
    """A whole video before it is rendered; ``size`` is (height, width) in pixels.

    Later actors cover earlier ones; ``litter`` lies below them all and means nothing.
    """

    size: tuple[int, int]
    frame_rate: int
    frame_count: int
    background: Background
    litter: tuple[Body, ...]
    actors: tuple[Actor, ...]
    holds: tuple[Hold, ...] = ()
    talks: tuple[Talk, ...] = ()

    @property
    def seconds(self) -> float:
        """Return the duration in seconds."""
        return self.frame_count / self.frame_rate

    def frame_times(self) -> Array:
        """Return the times of the frames in seconds, shape ``(T,)``."""
        return np.arange(self.frame_count) / self.frame_rate


def doing(scene: Scene, number: int, time: float) -> frozenset[str]:
    """Return everything an actor does at ``time`` (seconds), as names.

    The names are those of the motions, and ``Glide`` (travels in none of the ways of
    ``TRAVELS``), ``Hold``, ``Talk``, ``Listen`` and ``Pass`` (comes in or goes out).
    """
    actor = scene.actors[number]
    kinds = {action.kind for action in actor.actions if action.start <= time < action.stop}
    if not kinds & TRAVELS:
        kinds.add("Glide")
    starts = (actor.route.enters, actor.route.leaves)
    if any(start <= time < start + PASSAGE_SECONDS for start in starts):
        kinds.add("Pass")
    if any(h.actor == number and h.start <= time < h.stop for h in scene.holds):
        kinds.add("Hold")
    for talk in scene.talks:
        if talk.start <= time < talk.stop:
            kinds |= {"Talk"} if talk.speaker == number else set()
            kinds |= {"Listen"} if talk.listener == number else set()
    return frozenset(kinds)


def render_scene(scene: Scene, times: Array | None = None) -> tuple[Array, Array]:
    """Draw the scene at ``times`` (seconds, ``(T,)``; all frames if None).

    Returns uint8 frames ``(T, H, W, 3)`` and float32 boxes of the actors ``(T, N, 4)`` as x1,
    y1, x2, y2 in pixels: the whole outline within the frame, also where another actor covers
    it, and NaN where none of it is in sight.
    """
    times = scene.frame_times() if times is None else np.asarray(times, dtype=np.float64)
    tracks = [actor_poses(scene, actor, times) for actor in range(len(scene.actors))]
    things = [(b.look, body_poses(scene.size, times, b, rest(times))) for b in scene.litter]
    rows = []
    for number, actor in enumerate(scene.actors):
        rows.append(len(things))
        things.append((actor.body.look, tracks[number]))
        held = [hold for hold in scene.holds if hold.actor == number]
        things += [(h.look, _ball_poses(scene, h, tracks[number], times)) for h in held]
    for talk in scene.talks:
        things += [(talk.look, poses) for poses in _dot_poses(scene, talk, tracks, times)]
    frames, boxes = render_things(scene.size, times, scene.background, things)
    return frames, boxes[:, rows]


def actor_poses(scene: Scene, number: int, times: Array) -> Array:
    """Return x, y, radius (pixels), turn and swap of an actor, shape ``(T, 5)``."""
    actor = scene.actors[number]
    moved = sum((offsets(action, times) for action in actor.actions), rest(times))
    dx, dy = _wander(scene.size, actor, times)
    moved = replace(moved, dx=moved.dx + dx, dy=moved.dy + dy)
    return body_poses(scene.size, times, actor.body, moved)


def _wander(size: tuple[int, int], actor: Actor, times: Array) -> tuple[Array, Array]:
    route = actor.route
    x, y = (
        route.reach * np.sin(2 * np.pi * (times / period + phase))
        for period, phase in zip(route.periods, route.phases, strict=True)
    )
    to_edge = 0.5 + route.side * (0.5 - actor.body.centre[0])
    outside = to_edge * size[1] / min(size) + route.reach + _OUTSIDE * actor.body.look.radius
    away = 1 - _passed(times - route.enters) + _passed(times - route.leaves)
    return x + route.side * outside * away, y


def _passed(since: Array) -> Array:
    """Return how much of a passage is over, from 0 to 1 with a smooth start and end."""
    share = np.clip(since / PASSAGE_SECONDS, 0, 1)
    return share * share * (3 - 2 * share)


def _ball_poses(scene: Scene, hold: Hold, track: Array, times: Array) -> Array:
    poses = _plain_poses(scene, hold.look, track[:, :2], times)
    poses[:, 0] += 0.8 * track[:, 2] * np.cos(2 * np.pi * hold.bearing)
    poses[:, 1] += 0.8 * track[:, 2] * np.sin(2 * np.pi * hold.bearing)
    return _only_between(poses, times, hold.start, hold.stop)


def _dot_poses(scene: Scene, talk: Talk, tracks: list[Array], times: Array) -> list[Array]:
    here, there = tracks[talk.speaker][:, :2], tracks[talk.listener][:, :2]
    dots = []
    for number in range(_DOTS):
        share = (talk.rate * (times - talk.start) + number / _DOTS) % 1.0
        place = here + (there - here) * (0.1 + 0.8 * share[:, None])
        poses = _plain_poses(scene, talk.look, place, times)
        poses[:, 4] = share
        dots.append(_only_between(poses, times, talk.start, talk.stop))
    return dots


def _plain_poses(scene: Scene, look: Look, places: Array, times: Array) -> Array:
    """Return poses at ``places`` ``(T, 2)`` in pixels, of constant size and turn."""
    poses = np.zeros((len(times), 5))
    poses[:, :2] = places
    poses[:, 2] = look.radius * min(scene.size)
    poses[:, 3] = look.turn
    return poses


def _only_between(poses: Array, times: Array, start: float, stop: float) -> Array:
    poses[(times < start) | (times >= stop)] = np.nan
    return poses
