"""Random scenes: who is in them, where they wander, and how fast they do what they do.

Looks, places and routes come from the same distributions whatever an actor does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np

from slowfast.synthetic.draws import random_background, random_drift, random_look
from slowfast.synthetic.motions import Action
from slowfast.synthetic.render import Background, Body, Look
from slowfast.synthetic.scenes import Actor, Hold, Route, Scene, Talk
from slowfast.synthetic.world import draw_action

Card = TypeVar("Card")

_EASE_SECONDS = 0.25
_LOOKS, _BACKGROUNDS = 6, 3
_BALL = Look(
    shape="disc",
    mark="band",
    fill=(1.0, 0.8, 0.1),
    accent=(0.9, 0.3, 0.0),
    outline=(0.05, 0.05, 0.05),
    radius=0.085,
    turn=0.1,
)
_BUBBLE = replace(_BALL, mark="eye", fill=(1.0, 1.0, 1.0), accent=(1.0, 0.2, 0.8), radius=0.07)
_COLUMNS, _ROWS = (0.19, 0.5, 0.81), (0.29, 0.71)
MOST_WALKERS = len(_COLUMNS) * len(_ROWS)


@dataclass(frozen=True)
class SceneScale:
    """How large actors and motions are; both in shorter sides, ``reach`` as a factor.

    In company motions are slower and smaller than alone: a sample every eighth of a second must
    show each repetition, and neighbours must stay apart.
    """

    radius: tuple[float, float]
    reach: float
    tempo: float = 0.7


@dataclass(frozen=True)
class AppearancePool:
    """The looks and backgrounds that recur in all videos of a world.

    Were they drawn for each video, a network could know the videos of a small training set by
    heart from one glance, and would have no need to look at what happens.
    """

    looks: tuple[Look, ...]
    backgrounds: tuple[Background, ...]


class BalancedSampler(Generic[Card]):
    """Deals cards in random order and starts over, so that all come up about equally often."""

    def __init__(self, cards: Sequence[Card], rng: np.random.Generator) -> None:
        self._cards, self._rng = list(cards), rng
        self._left: list[Card] = []

    def deal(self, but: frozenset[Card] = frozenset()) -> Card:
        """Return the next card that is not one of ``but``, which must not be all cards."""
        while True:
            for place, card in enumerate(self._left):
                if card not in but:
                    return self._left.pop(place)
            order = self._rng.permutation(len(self._cards))
            self._left += [self._cards[i] for i in order]


def random_company(rng: np.random.Generator) -> AppearancePool:
    """Draw the looks and backgrounds of a world."""
    looks = tuple(random_look(rng, 0.1, 0.2, contrast=0.5) for _ in range(_LOOKS))
    return AppearancePool(looks, tuple(random_background(rng) for _ in range(_BACKGROUNDS)))


def timed_action(
    stage: SceneScale, kind: str, start: float, stop: float, rng: np.random.Generator
) -> Action:
    """Draw an action between two times (seconds) that repeats a whole number of times."""
    drawn = draw_action(kind, rng)
    rate = max(round(stage.tempo * drawn.rate * (stop - start)), 1) / (stop - start)
    return replace(
        drawn,
        rate=rate,
        phase=-rate * start,
        amplitude=stage.reach * drawn.amplitude,
        start=start,
        stop=stop,
        ease=_EASE_SECONDS,
    )


def random_actors(
    company: AppearancePool,
    stage: SceneScale,
    actions: Sequence[Sequence[Action]],
    rng: np.random.Generator,
) -> tuple[Actor, ...]:
    """Draw one actor for each list of actions, with different looks at different places."""
    looks, cells = rng.permutation(len(company.looks)), rng.permutation(MOST_WALKERS)
    actors = []
    for own, look, cell in zip(actions, looks, cells, strict=False):
        body = _random_body(company.looks[look], stage, int(cell), rng)
        actors.append(Actor(body, _random_route(rng), tuple(own)))
    return tuple(actors)


def with_passage(actor: Actor, time: float, enters: bool) -> Actor:
    """Return the actor with a passage of the nearer edge that begins at ``time`` (seconds)."""
    side = -1 if actor.body.centre[0] < 0.5 else 1
    when = {"enters": time} if enters else {"leaves": time}
    return replace(actor, route=replace(actor.route, side=side, **when))


def random_hold(actor: int, start: float, stop: float, rng: np.random.Generator) -> Hold:
    """Draw a ball that an actor holds."""
    return Hold(actor, _BALL, float(rng.uniform()), start, stop)


def random_talk(
    speaker: int, listener: int, start: float, stop: float, rng: np.random.Generator
) -> Talk:
    """Draw the dots of a talk."""
    rate = float(rng.uniform(0.5, 0.7))
    return Talk(speaker, listener, _BUBBLE, rate, start, stop)


def random_scene(
    company: AppearancePool,
    size: tuple[int, int],
    frame_rate: int,
    frame_count: int,
    rng: np.random.Generator,
) -> Scene:
    """Draw a scene without actors; a ball may lie about, so that a ball alone means nothing."""
    litter = tuple(
        Body(_BALL, (float(rng.uniform()), float(rng.uniform())), (0.0, 0.0), 0.0)
        for _ in range(rng.integers(0, 2))
    )
    background = company.backgrounds[rng.integers(len(company.backgrounds))]
    background = replace(background, drift=random_drift(rng, 0.04))
    return Scene(size, frame_rate, frame_count, background, litter, ())


def _random_body(look: Look, stage: SceneScale, cell: int, rng: np.random.Generator) -> Body:
    row, column = divmod(cell, len(_COLUMNS))
    x, y = _COLUMNS[column] + rng.uniform(-0.05, 0.05), _ROWS[row] + rng.uniform(-0.06, 0.06)
    radius, turn = float(rng.uniform(*stage.radius)), float(rng.uniform())
    look = replace(look, radius=radius, turn=turn)
    return Body(look, (float(x), float(y)), (0.0, 0.0), 0.0)


def _random_route(rng: np.random.Generator) -> Route:
    periods, phases = rng.uniform(4.0, 8.0, 2), rng.uniform(0, 1, 2)
    return Route(
        reach=float(rng.uniform(0.03, 0.08)),
        periods=(float(periods[0]), float(periods[1])),
        phases=(float(phases[0]), float(phases[1])),
    )
