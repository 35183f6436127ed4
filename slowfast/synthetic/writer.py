"""The demo world of videos with one actor each."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from slowfast.synthetic.captions import write_captions, write_combinations
from slowfast.synthetic.layouts import FOLDERS, DemoVideo, list_videos, write_layouts
from slowfast.synthetic.media_writer import write_media
from slowfast.synthetic.presets import DemoPreset, find_preset
from slowfast.synthetic.records import DemoSummary, write_world
from slowfast.synthetic.scenes import render_scene
from slowfast.synthetic.world import draw_episode, render_sound

# Raise this whenever the same preset and seed would give other files.
WORLD_VERSION = 1


def write_demo_world(
    out: str | Path, preset: str = "tiny", seed: int = 0, workers: int = 0
) -> DemoSummary:
    """Make the demo world ``preset`` below ``out`` with ``workers`` processes, or in this one.

    The same preset and seed give the same bytes. Complete files are kept; a folder that holds
    another world, or anything else of the same names, is refused.
    """
    size, root = find_preset(preset), Path(out)
    record = {"world": "slowfast demo", "version": WORLD_VERSION, "preset": preset, "seed": seed}
    videos = list_videos(size)

    def write_lists() -> None:
        write_layouts(root, size, videos)
        write_captions(root, size, seed, videos)
        write_combinations(root, size, seed, videos)

    media = [(video, (root / video.path,)) for video in videos]
    make = partial(make_video, root, size, seed)
    return write_world(root, record, FOLDERS, media, make, write_lists, size.classes, workers)


def make_video(root: Path, preset: DemoPreset, seed: int, video: DemoVideo) -> int:
    """Render and write one video below ``root``; return its size in bytes."""
    episode = draw_episode(preset, seed, video.label, video.index)
    frames, _ = render_scene(episode)
    return write_media(
        root / video.path,
        frames,
        episode.frame_rate,
        render_sound(episode),
        episode.sample_rate,
    )
