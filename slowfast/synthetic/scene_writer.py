"""Write the videos of scenes twice, as H.264 files and as folders of JPEG frames."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from slowfast.synthetic.media_writer import partial_path, write_media
from slowfast.synthetic.records import (
    DemoSummary,
    check_folder,
    remove_stale_parts,
    write_record,
)
from slowfast.synthetic.scenes import Scene, render_scene
from slowfast.utils.parallel import map_files

_JPEG_QUALITY = 92


@dataclass(frozen=True)
class SceneVideo:
    """One video of a world; ``split`` is ``"train"`` or ``"val"``."""

    name: str
    split: str
    scene: Scene


@dataclass(frozen=True)
class Layout:
    """Where a world keeps what, relative to its root.

    ``frame_name`` is the name of a frame file with ``{video}`` and ``{number}``, from 1.
    """

    frames: str
    lists: tuple[str, ...]
    frame_name: str
    videos: str = "videos"

    def frame_paths(self, video: SceneVideo) -> list[str]:
        """Return the paths of all frames relative to the folder of frames."""
        numbers = range(1, video.scene.frame_count + 1)
        names = (self.frame_name.format(video=video.name, number=n) for n in numbers)
        return [f"{video.name}/{name}" for name in names]

    def media(self, root: Path, video: SceneVideo) -> tuple[Path, Path]:
        """Return the folder of the frames and the file of a video."""
        return root / self.frames / video.name, root / self.videos / f"{video.name}.mp4"


def write_scene_world(
    root: Path,
    record: dict[str, object],
    layout: Layout,
    videos: Sequence[SceneVideo],
    write_lists: Callable[[Path], None],
    class_names: tuple[str, ...],
    workers: int = 0,
) -> DemoSummary:
    """Make a world of scenes below ``root`` with ``workers`` processes; what is complete is kept.

    ``record`` says which world it is; ``write_lists`` writes all but the media.
    """
    began = time.monotonic()
    folders = (layout.videos, layout.frames, *layout.lists)
    complete = check_folder(root, record, folders)
    missing = [v for v in videos if not all(path.exists() for path in layout.media(root, v))]
    if missing or not complete:
        write_record(root, record, complete=False)
        write = partial(write_scene, root, layout)
        title = f"demo videos, {root.name}"
        map_files(write, missing, workers=workers, title=title, crashed=write)
        write_lists(root)
        remove_stale_parts(root)
        write_record(root, record, complete=True)
    return DemoSummary(
        root=root,
        preset=str(record["preset"]),
        seed=int(record["seed"]),
        videos=len(videos),
        written=len(missing),
        size_bytes=sum(_size(path) for v in videos for path in layout.media(root, v)),
        seconds=time.monotonic() - began,
        class_names=class_names,
        folders={Path(name).name: root / name for name in folders},
    )


def write_scene(root: Path, layout: Layout, video: SceneVideo) -> None:
    """Render one video and write it both ways."""
    frames, _ = render_scene(video.scene)
    folder, file = layout.media(root, video)
    write_frames(folder, [Path(path).name for path in layout.frame_paths(video)], frames)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_media(file, frames, video.scene.frame_rate)


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


def _size(path: Path) -> int:
    files = path.iterdir() if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files)
