"""What is said of the demo world: captions, and classes of two words.

* Captions are sentences that say what moves how, laid out as HowTo100M is. ``howto.csv`` and ``val.csv``
  list the videos of the first fold, ``videos/ID.mp4`` are further names of the media,
  ``captions/ID.csv`` hold what is said when, and ``word2vec.pth`` with ``dict.npy`` a random unit
  vector for each word, in the form in which MIL-NCE's were released.
* Classes of two words, for zero-shot runs, say how something moves, and its colour:
  ``combinations/videos/Spin_red/*.mp4``, and ``vectors.npz`` with a random unit vector for each word. A
  combination that was never seen is made of words that were, which is what the vectors of real class
  names have and those of the eight motions alone do not.
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from slowfast.synthetic.layouts import DemoVideo, link, split_of, write_text
from slowfast.synthetic.motions import Action, rate_range
from slowfast.synthetic.presets import DemoPreset
from slowfast.synthetic.world import Episode, draw_episode
from slowfast.utils.files import atomic_write

FOLDER = "howto100m"
SECONDS = 1.0  # of a caption, about
WORD_DIM = 50
HUES = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink")
COLOURS = ("red", "green", "cyan", "purple")  # quarters of the circle of hues
DIRECTIONS = {1: "clockwise", -1: "counterclockwise"}
MOTIONS = {
    "Blink": "blinks and changes its colours",
    "Bounce": "bounces up and down",
    "Climb": "climbs and grows again and again",
    "Jump": "jumps from place to place",
    "Orbit": "circles {way} around the middle",
    "Pulse": "grows and shrinks",
    "Sink": "sinks and shrinks again and again",
    "Spin": "spins {way} on the spot",
    "Sway": "sways from side to side",
    "ZigZag": "zigzags between the corners",
}
SENTENCES = (
    "now a {colour} {shape} {motion}",
    "here the {shape} {motion} {pace}, in front of {texture}",
    "you see something {colour} that {motion} {pace}",
)


def caption_rows(episode: Episode) -> Iterator[tuple[float, float, str]]:
    """Yield begin and end in seconds and the words of each caption of a video."""
    (actor,) = episode.actors
    (action,) = actor.actions
    words = {
        "colour": _colour(actor.body.look.fill),
        "shape": actor.body.look.shape,
        "motion": MOTIONS[action.kind].format(way=DIRECTIONS[action.direction]),
        "pace": _pace(action),
        "texture": episode.background.texture,
    }
    count = max(1, round(episode.seconds / SECONDS))
    ends = np.linspace(0, episode.seconds, count + 1)
    for number, (begin, end) in enumerate(pairwise(ends)):
        yield float(begin), float(end), SENTENCES[number % len(SENTENCES)].format(**words)


def write_captions(out: Path, preset: DemoPreset, seed: int, videos: list[DemoVideo]) -> None:
    """Write lists, captions, links and word vectors below ``out``; the media must be there already."""
    folder = out / FOLDER
    words: set[str] = set()
    for video in videos:
        rows = list(caption_rows(draw_episode(preset, seed, video.label, video.index)))
        words |= {word for row in rows for word in row[2].replace(",", "").split()}
        lines = [f'{begin:.2f},{end:.2f},"{text}"' for begin, end, text in rows]
        path = folder / "captions" / f"{Path(video.file_name).stem}.csv"
        write_text(path, ["start,end,text", *lines])
        link(out / video.path, folder / "videos" / video.file_name)
    for part, name in (("train", "howto.csv"), ("test", "val.csv")):
        ids = [Path(v.file_name).stem for v in videos if split_of(v) == part]
        write_text(folder / name, ["video_id", *ids])
    _write_vectors(folder, sorted(words))


def _write_vectors(folder: Path, words: list[str]) -> None:
    vectors = _unit_vectors(len(words) + 1)
    vectors[0] = 0
    with atomic_write(folder / "dict.npy") as file:
        np.save(file, np.array(words))
    with atomic_write(folder / "word2vec.pth") as file:
        torch.save(torch.from_numpy(vectors), file)


def _unit_vectors(count: int) -> np.ndarray:
    vectors = np.random.default_rng(0).normal(size=(count, WORD_DIM))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)


def _colour(fill: tuple[float, float, float]) -> str:
    hue, _, value = colorsys.rgb_to_hsv(*fill)
    name = HUES[round(hue * len(HUES)) % len(HUES)]
    return f"{'dark' if value < 0.5 else 'bright'} {name}"


def _pace(action: Action) -> str:
    low, high = rate_range(action.kind)
    return "slowly" if action.rate < (low + high) / 2 else "quickly"


def combination(preset: DemoPreset, seed: int, video: DemoVideo) -> str:
    """Return the class of a video, such as ``Spin_red``."""
    (actor,) = draw_episode(preset, seed, video.label, video.index).actors
    hue, _, _ = colorsys.rgb_to_hsv(*actor.body.look.fill)
    return f"{video.class_name}_{COLOURS[round(hue * len(COLOURS)) % len(COLOURS)]}"


def write_combinations(out: Path, preset: DemoPreset, seed: int, videos: list[DemoVideo]) -> None:
    """Write links and word vectors below ``out``; the media must be there already."""
    folder = out / "combinations" / "videos"
    for name in preset.classes:
        for colour in COLOURS:  # a small world has some without a video
            (folder / f"{name}_{colour}").mkdir(parents=True, exist_ok=True)
    for video in videos:
        link(out / video.path, folder / combination(preset, seed, video) / video.file_name)
    words = [*(name.lower() for name in preset.classes), *COLOURS]
    with atomic_write(out / "combinations" / "vectors.npz") as file:
        np.savez(file, words=np.array(words), vectors=_unit_vectors(len(words)))
