"""A world in the form of Charades: long videos in which actions begin, end and overlap.

Several things move about; some of them do one thing after another or two at once. A class counts
as present in every frame in which anything does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from slowfast.synthetic.layouts import write_text
from slowfast.synthetic.presets import CHARADES_PRESETS, ScenePreset
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
from slowfast.synthetic.scene_writer import SceneVideo, SceneWorld
from slowfast.synthetic.scenes import PASSAGE_SECONDS, TRAVELS, Scene, doing

FRAME_RATE = 24
_SCALE = SceneScale(radius=(0.18, 0.25), reach=0.75, tempo=0.6)
# What ``doing`` calls a class, and its name; the order is that of the class numbers.
CLASSES = {
    "Blink": "Something blinks",
    "Bounce": "Something bounces",
    "Orbit": "Something circles",
    "Pass": "Something comes in or goes out",
    "Hold": "Something holds a ball",
    "Pulse": "Something swells and shrinks",
    "Spin": "Something spins",
    "Sway": "Something sways",
    "Talk": "Something talks to another",
    "ZigZag": "Something goes to and fro aslant",
}
_SECONDS_PER_DEED = 2.0
_DEED_SECONDS = (2.0, 3.5)
_LONGEST_SHARE = 0.7


@dataclass(frozen=True)
class _ActionSegment:
    kind: str
    actor: int
    start: float
    stop: float


def write_lists(world: SceneWorld, root: Path, videos: Sequence[SceneVideo], seed: int) -> None:
    """Write the frame lists and the names of the classes below ``root``."""
    for split in ("train", "val"):
        own = [video for video in videos if video.split == split]
        world.write_frame_list(root / "frame_lists" / f"{split}.csv", own, frame_labels)
    names = [f"c{number:03d} {name}" for number, name in enumerate(CLASSES.values())]
    write_text(root / "Charades_v1_classes.txt", names)


def frame_labels(scene: Scene) -> list[tuple[int, ...]]:
    """Return the numbers of the classes that are present in each frame."""
    labels = []
    for time in scene.frame_times():
        kinds = frozenset().union(*(doing(scene, w, time) for w in range(len(scene.actors))))
        labels.append(tuple(number for number, kind in enumerate(CLASSES) if kind in kinds))
    return labels


def _draw_scene(
    company: AppearancePool,
    preset: ScenePreset,
    decks: Sequence[BalancedSampler],
    rng: np.random.Generator,
) -> Scene:
    frames = round(float(rng.uniform(*preset.seconds)) * FRAME_RATE)
    residents, deeds = _draw_deeds(frames / FRAME_RATE, decks[0], rng)
    passages = [deed for deed in deeds if deed.kind == "Pass"]
    actions = [
        [
            timed_action(_SCALE, deed.kind, deed.start, deed.stop, rng)
            for deed in deeds
            if deed.actor == actor and deed.kind not in ("Hold", "Talk", "Pass")
        ]
        for actor in range(residents + len(passages))
    ]
    actors = list(random_actors(company, _SCALE, actions, rng))
    for number, deed in enumerate(passages, start=residents):
        actors[number] = with_passage(actors[number], deed.start, bool(rng.integers(2)))
    holds = [random_hold(d.actor, d.start, d.stop, rng) for d in deeds if d.kind == "Hold"]
    talks = []
    for deed in deeds:
        if deed.kind == "Talk":
            other = (deed.actor + int(rng.integers(1, residents))) % residents
            talks.append(random_talk(deed.actor, other, deed.start, deed.stop, rng))
    scene = random_scene(company, (preset.height, preset.width), FRAME_RATE, frames, rng)
    return replace(scene, actors=tuple(actors), holds=tuple(holds), talks=tuple(talks))


def _draw_deeds(
    seconds: float, deck: BalancedSampler, rng: np.random.Generator
) -> tuple[int, list[_ActionSegment]]:
    """Draw what happens in a video; return how many stay in it throughout, and the deeds.

    Nobody travels in two ways at once; who comes in or goes out does nothing else.
    """
    residents, deeds = 2, []
    for _ in range(min(round(seconds / _SECONDS_PER_DEED), len(CLASSES))):
        kind = deck.deal(frozenset(deed.kind for deed in deeds))
        length = PASSAGE_SECONDS if kind == "Pass" else float(rng.uniform(*_DEED_SECONDS))
        length = min(length, _LONGEST_SHARE * seconds)
        start = float(rng.uniform(0, seconds - length))
        busy = {d.actor for d in deeds if {d.kind, kind} <= TRAVELS and _meet(d, start, length)}
        free = [actor for actor in range(residents) if actor not in busy]
        residents += not free
        actor = int(rng.choice(free)) if free else residents - 1
        deeds.append(_ActionSegment(kind, -1 if kind == "Pass" else actor, start, start + length))
    return residents, deeds


def _meet(deed: _ActionSegment, start: float, length: float) -> bool:
    return deed.start < start + length and start < deed.stop


CHARADES = SceneWorld(
    name="charades",
    version=1,
    stream=2,
    presets=CHARADES_PRESETS,
    letters="ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    name_length=5,
    decks=(tuple(CLASSES),),
    draw_scene=_draw_scene,
    write_lists=write_lists,
    class_names=tuple(CLASSES.values()),
    frames="Charades_v1_rgb",
    lists=("frame_lists", "Charades_v1_classes.txt"),
    frame_name="{video}-{number:06d}.jpg",
)
write_charades_world = CHARADES.write
