"""Classes of two words for zero-shot runs: how something moves, and its colour.

``combinations/Spin_red/*.mp4`` are further names of the media, and ``vectors.npz`` holds a random unit
vector for each word. A combination that was never seen is made of words that were, which is what the
vectors of real class names have and those of the eight motions alone do not.
"""

from __future__ import annotations

import colorsys
from pathlib import Path

import numpy as np

from slowfast.synthetic.layouts import DemoVideo, link
from slowfast.synthetic.presets import DemoPreset
from slowfast.synthetic.world import draw_episode
from slowfast.utils.files import atomic_write

FOLDER = "combinations"
COLOURS = ("red", "green", "cyan", "purple")  # quarters of the circle of hues
WORD_DIM = 50


def combination(preset: DemoPreset, seed: int, video: DemoVideo) -> str:
    """Return the class of a video, such as ``Spin_red``."""
    (actor,) = draw_episode(preset, seed, video.label, video.index).actors
    hue, _, _ = colorsys.rgb_to_hsv(*actor.body.look.fill)
    return f"{video.class_name}_{COLOURS[round(hue * len(COLOURS)) % len(COLOURS)]}"


def write_combinations(out: Path, preset: DemoPreset, seed: int, videos: list[DemoVideo]) -> None:
    """Write links and word vectors below ``out``; the media must be there already."""
    folder = out / FOLDER / "videos"
    for name in preset.classes:
        for colour in COLOURS:  # a small world has some without a video
            (folder / f"{name}_{colour}").mkdir(parents=True, exist_ok=True)
    for video in videos:
        link(out / video.path, folder / combination(preset, seed, video) / video.file_name)
    words = [*(name.lower() for name in preset.classes), *COLOURS]
    vectors = np.random.default_rng(0).normal(size=(len(words), WORD_DIM))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    with atomic_write(out / FOLDER / "vectors.npz") as file:
        np.savez(file, words=np.array(words), vectors=vectors.astype(np.float32))
