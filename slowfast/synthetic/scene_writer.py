"""Worlds of scenes: videos as H.264 files and as folders of JPEG frames, with lists of these."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from slowfast.datasets.lists.frame_lists import HEADER
from slowfast.synthetic.layouts import write_text
from slowfast.synthetic.media_writer import partial_path, write_media
from slowfast.synthetic.presets import ScenePreset, find_preset
from slowfast.synthetic.records import DemoSummary, write_world
from slowfast.synthetic.scene_sampling import BalancedSampler, random_company
from slowfast.synthetic.scenes import Scene, render_scene

_JPEG_QUALITY = 92


@dataclass(frozen=True)
class SceneVideo:
    """One video of a world; ``split`` is ``"train"`` or ``"val"``."""

    name: str
    split: str
    scene: Scene


@dataclass(frozen=True)
class SceneWorld:
    """A kind of world of scenes.

    Attributes:
        name: of its folder.
        version: raised whenever the same preset and seed would give other files.
        stream: sets its random numbers apart from those of other worlds.
        presets: its sizes.
        letters, name_length: of which names of videos are made.
        decks: cards that are dealt to the videos of a split.
        draw_scene: draws a video from an AppearancePool, its preset, the decks and a generator.
        write_lists: writes all but the media below a folder.
        class_names: in the order of their numbers.
        frames: folder of the frames.
        lists: other folders and files, relative to the root.
        frame_name: of a frame file, with ``{video}`` and ``{number}``, from 1.
    """

    name: str
    version: int
    stream: int
    presets: Mapping[str, ScenePreset]
    letters: str
    name_length: int
    decks: Sequence[Sequence[Any]]
    draw_scene: Callable[..., Scene]
    write_lists: Callable[[SceneWorld, Path, Sequence[SceneVideo], int], None]
    class_names: tuple[str, ...]
    frames: str
    lists: tuple[str, ...]
    frame_name: str

    def write(
        self, out: str | Path, preset: str = "tiny", seed: int = 0, workers: int = 0
    ) -> DemoSummary:
        """Make the world below ``out/NAME``; the same preset and seed give the same bytes.

        Complete files are kept; a folder that holds another world, or anything else of the same
        names, is refused.
        """
        root, videos = Path(out) / self.name, self.draw(find_preset(preset, self.presets), seed)
        world = {"world": f"slowfast demo {self.name}", "version": self.version}
        return write_world(
            root,
            {**world, "preset": preset, "seed": seed},
            ("videos", self.frames, *self.lists),
            [(video, self.media(root, video)) for video in videos],
            partial(self.write_scene, root),
            lambda: self.write_lists(self, root, videos, seed),
            self.class_names,
            workers,
        )

    def draw(self, preset: ScenePreset, seed: int) -> list[SceneVideo]:
        """Return all videos of the world, those of training first."""
        videos, company = [], random_company(np.random.default_rng([seed, self.stream]))
        for number, (split, count) in enumerate((("train", preset.train), ("val", preset.val))):
            rng = np.random.default_rng([seed, self.stream, number])
            decks = [BalancedSampler(cards, rng) for cards in self.decks]
            for _ in range(count):
                name = "".join(rng.choice(list(self.letters), self.name_length))
                scene = self.draw_scene(company, preset, decks, rng)
                videos.append(SceneVideo(name, split, scene))
        return videos

    def media(self, root: Path, video: SceneVideo) -> tuple[Path, Path]:
        """Return the folder of the frames and the file of a video."""
        return root / self.frames / video.name, root / "videos" / f"{video.name}.mp4"

    def write_scene(self, root: Path, video: SceneVideo) -> None:
        """Render one video and write it both ways."""
        frames, _ = render_scene(video.scene)
        folder, file = self.media(root, video)
        write_frames(folder, self._frame_names(video), frames)
        write_media(file, frames, video.scene.frame_rate)

    def _frame_names(self, video: SceneVideo) -> list[str]:
        numbers = range(1, video.scene.frame_count + 1)
        return [self.frame_name.format(video=video.name, number=n) for n in numbers]

    def write_frame_list(
        self,
        path: Path,
        videos: Sequence[SceneVideo],
        labels_of: Callable[[Scene], Sequence[Sequence[int]]] | None = None,
    ) -> None:
        """Write a list as AVA and Charades have it: a row for each frame, with its classes."""
        rows = [HEADER]
        for number, video in enumerate(videos):
            labels = None if labels_of is None else labels_of(video.scene)
            for frame, name in enumerate(self._frame_names(video)):
                classes = "" if labels is None else ",".join(map(str, labels[frame]))
                rows.append(f'{video.name} {number} {frame} {video.name}/{name} "{classes}"')
        write_text(path, rows)


def write_frames(folder: Path, names: Sequence[str], frames: np.ndarray) -> None:
    """Write uint8 frames ``(T, H, W, 3)`` as JPEG files; the folder appears when complete."""
    partial = partial_path(folder)
    partial.mkdir(parents=True, exist_ok=True)
    try:
        for name, frame in zip(names, frames, strict=True):
            Image.fromarray(frame).save(partial / name, quality=_JPEG_QUALITY)
        # Left by a run that was interrupted before the video was written.
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
