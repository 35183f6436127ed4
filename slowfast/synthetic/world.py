"""What happens in a video: an episode drawn from a seed, and its sound.

Everything but the kind of motion is drawn from the same distributions for every class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slowfast.synthetic.draws import (
    random_background,
    random_body,
    random_bystander,
    random_seed,
)
from slowfast.synthetic.motions import Action, rate_range
from slowfast.synthetic.presets import DemoPreset
from slowfast.synthetic.scenes import Actor, Scene
from slowfast.synthetic.sounds import Room, Voice, mix, sound

Array = np.ndarray


@dataclass(frozen=True, kw_only=True)
class Episode(Scene):
    """A scene with sound: a whole video before it is rendered."""

    sample_rate: int
    room: Room

    def sample_times(self) -> Array:
        """Return the times of the audio samples in seconds, shape ``(S,)``."""
        return np.arange(round(self.seconds * self.sample_rate)) / self.sample_rate


def draw_episode(preset: DemoPreset, seed: int, class_index: int, index: int) -> Episode:
    """Draw video number ``index`` of a class: one actor that repeats the motion of the class.

    The same arguments always give the same episode, whatever else is drawn.
    """
    rng = np.random.default_rng([seed, class_index, index])
    frame_rate = int(rng.choice(preset.frame_rates))
    seconds = rng.uniform(*preset.seconds)
    background = random_background(rng)
    litter = tuple(random_bystander(rng) for _ in range(rng.integers(0, 3)))
    action = draw_action(preset.classes[class_index], rng)
    return Episode(
        size=(preset.height, preset.width),
        frame_rate=frame_rate,
        frame_count=round(seconds * frame_rate),
        sample_rate=preset.sample_rate,
        background=background,
        litter=litter,
        actors=(Actor(random_body(rng), actions=(action,), voice=_draw_voice(rng)),),
        room=_draw_room(rng),
    )


def draw_action(kind: str, rng: np.random.Generator) -> Action:
    """Draw an action of the given kind that lasts for the whole video."""
    low, high = rate_range(kind)
    return Action(
        kind=kind,
        rate=float(rng.uniform(low, high)),
        phase=float(rng.uniform(0, 1)),
        amplitude=float(rng.uniform(0.22, 0.31)),
        direction=int(rng.choice((-1, 1))),
        tilt=float(rng.uniform(-0.02, 0.02)),
        seed=random_seed(rng),
    )


def render_sound(episode: Episode) -> Array:
    """Return the mono waveform, float32 ``(S,)`` in [-1, 1]."""
    times = episode.sample_times()
    waves = [
        sound(action, actor.voice, times) for actor in episode.actors for action in actor.actions
    ]
    return mix(waves, episode.room, episode.sample_rate)


def _draw_voice(rng: np.random.Generator) -> Voice:
    return Voice(
        pitch=float(np.exp(rng.uniform(np.log(280), np.log(900)))),
        dullness=float(rng.uniform(0.8, 2.5)),
        seed=random_seed(rng),
    )


def _draw_room(rng: np.random.Generator) -> Room:
    return Room(
        level_db=float(rng.uniform(-32, -16)),
        noise_db=float(rng.uniform(-22, -8)),
        colour=float(rng.uniform(0, 1.6)),
        hum=float(np.exp(rng.uniform(np.log(100), np.log(3000)))),
        seed=random_seed(rng),
    )
