"""A world in the form of AVA: several actors per frame, labels that belong to boxes.

Each actor always moves in one way and may do one thing besides; two may talk. What an actor does
changes half-way between the seconds at which it is annotated, and often, so that the look of an
actor does not give away its labels. The official lists follow from
``slowfast.synthetic.ava_lists``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from slowfast.synthetic.ava_lists import ANNOTATIONS, CLASSES, write_lists
from slowfast.synthetic.presets import AVA_PRESETS, ScenePreset
from slowfast.synthetic.scene_sampling import (
    AppearancePool,
    BalancedSampler,
    SceneScale,
    random_actors,
    random_hold,
    random_scene,
    random_talk,
    timed_action,
    with_passage,
)
from slowfast.synthetic.scene_writer import SceneWorld
from slowfast.synthetic.scenes import PASSAGE_SECONDS, Hold, Scene, Talk

FRAME_RATE = 30
_SCALE = SceneScale(radius=(0.14, 0.2), reach=0.3)
# How often each is dealt. What is rare is annotated but not in the list of evaluated classes.
_MOTIONS = ("Glide", "Bounce", "Sway", "Orbit") * 9 + ("ZigZag", "Jump")
_EXTRAS = (None,) * 13 + ("Blink", "Spin", "Hold") * 8 + ("Pulse",)
_TALK_SHARE = 0.65
_PASSAGE_SHARE = 0.4


def _draw_scene(
    company: AppearancePool,
    preset: ScenePreset,
    decks: Sequence[BalancedSampler],
    rng: np.random.Generator,
) -> Scene:
    motions, extras = decks
    seconds = int(rng.integers(preset.seconds[0], preset.seconds[1] + 1))
    count = int(rng.choice((2, 3, 4), p=(0.2, 0.4, 0.4)))
    actions, holds = [], []
    for actor in range(count):
        own = [(motions.deal(), *times) for times in _stretches(seconds, 3, rng)]
        own += [(extras.deal(), *times) for times in _stretches(seconds, 2, rng)]
        holds += [random_hold(actor, a, b, rng) for kind, a, b in own if kind == "Hold"]
        moves = [entry for entry in own if entry[0] not in (None, "Glide", "Hold")]
        actions.append([timed_action(_SCALE, kind, a, b, rng) for kind, a, b in moves])
    actors = list(random_actors(company, _SCALE, actions, rng))
    resident = count
    if count > 2 and rng.uniform() < _PASSAGE_SHARE:
        resident -= 1
        when = float(rng.uniform(1.5, seconds - 1.5 - PASSAGE_SECONDS))
        actors[-1] = with_passage(actors[-1], when, enters=bool(rng.integers(2)))
    scene = random_scene(
        company, (preset.height, preset.width), FRAME_RATE, seconds * FRAME_RATE, rng
    )
    talks = _draw_talks(resident, seconds, rng)
    return replace(scene, actors=tuple(actors), holds=_sorted(holds), talks=talks)


def _sorted(holds: Sequence[Hold]) -> tuple[Hold, ...]:
    return tuple(sorted(holds, key=lambda hold: (hold.start, hold.actor)))


def _draw_talks(resident: int, seconds: int, rng: np.random.Generator) -> tuple[Talk, ...]:
    """Draw who talks to whom; those who come or go take no part."""
    talks = []
    for start, stop in _stretches(seconds, 2, rng):
        if rng.uniform() < _TALK_SHARE:
            speaker, listener = (int(i) for i in rng.permutation(resident)[:2])
            talks.append(random_talk(speaker, listener, start, stop, rng))
    return tuple(talks)


def _stretches(seconds: int, longest: int, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Cut a video into stretches of time, at half seconds."""
    cuts = [1.5 + float(rng.integers(1, longest + 1))]
    while cuts[-1] < seconds:
        cuts.append(cuts[-1] + float(rng.integers(1, longest + 1)))
    inner = [cut for cut in cuts if cut < seconds - 2]
    return list(zip([0.0, *inner], [*inner, float(seconds)], strict=True))


AVA = SceneWorld(
    name="ava",
    version=1,
    stream=1,
    presets=AVA_PRESETS,
    letters="abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_",  # as YouTube's
    name_length=11,
    decks=(_MOTIONS, _EXTRAS),
    draw_scene=_draw_scene,
    write_lists=write_lists,
    class_names=tuple(entry.name for entry in CLASSES if entry.evaluated),
    frames="frames",
    lists=(ANNOTATIONS,),
    frame_name="{video}_{number:06d}.jpg",
)
write_ava_world = AVA.write
