"""Write a demo world to disk: the media in parallel, then the lists, then the record of it.

``demo.json`` says which world a folder holds and whether it is complete. Running again continues
an interrupted world and leaves a complete one alone.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from slowfast.datasets.demo.layouts import (
    FOLDERS,
    DemoVideo,
    list_videos,
    write_layouts,
    write_text,
)
from slowfast.datasets.demo.media_writer import write_media
from slowfast.datasets.demo.presets import DemoPreset, find_preset
from slowfast.datasets.demo.world import draw_episode, render_frames, render_sound
from slowfast.utils.errors import ConfigError

logger = logging.getLogger(__name__)

# Raise this whenever the same preset and seed would give other files.
WORLD_VERSION = 1
RECORD = "demo.json"
_STALE_SECONDS = 600.0
# Starting a process takes seconds (it imports the package); fewer videos are not worth one.
_VIDEOS_PER_WORKER = 50


@dataclass(frozen=True)
class DemoSummary:
    """What a demo world holds.

    ``size_bytes`` counts the media once, ``seconds`` is the time this call took, ``written`` how
    many videos it had to make; ``folders`` maps the name of a layout to its folder.
    """

    root: Path
    preset: str
    seed: int
    videos: int
    written: int
    size_bytes: int
    seconds: float
    class_names: tuple[str, ...]
    folders: dict[str, Path]


def write_demo_world(
    out: str | Path, preset: str = "tiny", seed: int = 0, workers: int = 2
) -> DemoSummary:
    """Make the demo world ``preset`` below ``out`` with up to ``workers`` processes.

    The same preset and seed give the same bytes. Complete files are kept; a folder that holds
    another world, or anything else of the same names, is refused.
    """
    began = time.monotonic()
    size, root = find_preset(preset), Path(out)
    record = {"world": "slowfast demo", "version": WORLD_VERSION, "preset": preset, "seed": seed}
    complete = _check_folder(root, record)
    videos = list_videos(size)
    missing = [video for video in videos if not (root / video.path).is_file()]
    if missing or not complete:
        _write_record(root, record, complete=False)
        for name in size.classes:
            (root / "videos" / name).mkdir(parents=True, exist_ok=True)
        _write_videos(root, size, seed, missing, workers)
        write_layouts(root, size, videos)
        _remove_stale_parts(root)
        _write_record(root, record, complete=True)
    return DemoSummary(
        root=root,
        preset=preset,
        seed=seed,
        videos=len(videos),
        written=len(missing),
        size_bytes=sum((root / video.path).stat().st_size for video in videos),
        seconds=time.monotonic() - began,
        class_names=size.classes,
        folders={name: root / name for name in FOLDERS},
    )


def make_video(root: Path, preset: DemoPreset, seed: int, video: DemoVideo) -> int:
    """Render and write one video below ``root``; return its size in bytes."""
    episode = draw_episode(preset, seed, video.label, video.index)
    frames, _ = render_frames(episode)
    return write_media(
        root / video.path,
        frames,
        episode.frame_rate,
        render_sound(episode),
        episode.sample_rate,
    )


def _write_videos(
    root: Path, preset: DemoPreset, seed: int, videos: list[DemoVideo], workers: int
) -> None:
    workers = min(workers, len(videos) // _VIDEOS_PER_WORKER)
    if workers > 1:
        shares = [(root, preset, seed, videos[first::workers]) for first in range(workers)]
        context = multiprocessing.get_context("spawn")
        try:
            with ProcessPoolExecutor(workers, mp_context=context) as pool:
                for _ in pool.map(_make_share, shares):
                    pass
        except BrokenProcessPool:
            # Typical of scripts without an ``if __name__ == "__main__"`` guard.
            logger.warning("The worker processes ended early; making the demo world in this one.")
    _make_share((root, preset, seed, videos))


def _make_share(share: tuple[Path, DemoPreset, int, Iterable[DemoVideo]]) -> None:
    root, preset, seed, videos = share
    for video in videos:
        if not (root / video.path).is_file():
            make_video(root, preset, seed, video)


def _check_folder(root: Path, record: dict[str, object]) -> bool:
    """Return whether ``root`` already holds this world completely; refuse any other content."""
    path = root / RECORD
    if not path.exists():
        foreign = [name for name in FOLDERS if (root / name).exists()]
        if foreign:
            raise ConfigError(
                f"{root} already holds {', '.join(foreign)} but no {RECORD}, so it is not a demo "
                "world. Give another folder, or move these away."
            )
        return False
    found = _read_record(path)
    if {key: found.get(key) for key in record} != record:
        raise ConfigError(
            f"{root} holds another demo world: {_describe(found)}; wanted: {_describe(record)}. "
            "Give another folder, or delete this one to make it anew."
        )
    return found.get("complete") is True


def _read_record(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path} cannot be read ({error}). Delete its folder to make the demo world anew."
        ) from error
    if not isinstance(found, dict):
        raise ConfigError(f"{path} is not the record of a demo world. Give another folder.")
    return found


def _describe(record: dict[str, object]) -> str:
    return ", ".join(f"{key} {record.get(key)!r}" for key in ("preset", "seed", "version"))


def _write_record(root: Path, record: dict[str, object], complete: bool) -> None:
    write_text(root / RECORD, [json.dumps({**record, "complete": complete}, indent=2)])


def _remove_stale_parts(root: Path) -> None:
    """Remove what interrupted runs left; younger parts may belong to a process at work."""
    for part in root.rglob(".*.part"):
        try:
            if time.time() - part.stat().st_mtime > _STALE_SECONDS:
                part.unlink(missing_ok=True)
        except FileNotFoundError:
            continue
