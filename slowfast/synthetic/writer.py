"""Write a demo world to disk: the media in parallel, then the lists, then the record of it.

``demo.json`` says which world a folder holds and whether it is complete. Running again continues
an interrupted world and leaves a complete one alone.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from slowfast.synthetic.captions import write_captions
from slowfast.synthetic.combinations import write_combinations
from slowfast.synthetic.layouts import FOLDERS, DemoVideo, list_videos, write_layouts
from slowfast.synthetic.media_writer import write_media
from slowfast.synthetic.presets import DemoPreset, find_preset
from slowfast.synthetic.records import (
    DemoSummary,
    check_folder,
    remove_stale_parts,
    write_record,
)
from slowfast.synthetic.world import draw_episode, render_frames, render_sound
from slowfast.utils.parallel import map_files

# Raise this whenever the same preset and seed would give other files.
WORLD_VERSION = 1


def write_demo_world(
    out: str | Path, preset: str = "tiny", seed: int = 0, workers: int = 0
) -> DemoSummary:
    """Make the demo world ``preset`` below ``out`` with ``workers`` processes, or in this one.

    The same preset and seed give the same bytes. Complete files are kept; a folder that holds
    another world, or anything else of the same names, is refused.
    """
    began = time.monotonic()
    size, root = find_preset(preset), Path(out)
    record = {"world": "slowfast demo", "version": WORLD_VERSION, "preset": preset, "seed": seed}
    complete = check_folder(root, record, FOLDERS)
    complete = complete and all((root / name).is_dir() for name in FOLDERS)  # an older version's
    videos = list_videos(size)
    missing = [video for video in videos if not (root / video.path).is_file()]
    if missing or not complete:
        write_record(root, record, complete=False)
        for name in size.classes:
            (root / "videos" / name).mkdir(parents=True, exist_ok=True)
        make = partial(make_video, root, size, seed)
        map_files(make, missing, workers=workers, title="demo videos", crashed=make)
        write_layouts(root, size, videos)
        write_captions(root, size, seed, videos)
        write_combinations(root, size, seed, videos)
        remove_stale_parts(root)
        write_record(root, record, complete=True)
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
