"""Frame lists as AVA and Charades have them: one row per image file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from slowfast.synthetic.layouts import write_text
from slowfast.synthetic.scene_writer import SceneVideo

# The first word is misspelt in the published files, and readers look for it.
HEADER = "original_vido_id video_id frame_id path labels"


def write_frame_list(
    path: Path,
    entries: Sequence[tuple[SceneVideo, Sequence[str], Sequence[Sequence[int]] | None]],
) -> None:
    """Write a list of videos, each with the paths and the class numbers of its frames."""
    rows = [HEADER]
    for number, (video, files, labels) in enumerate(entries):
        for frame, file in enumerate(files):
            classes = "" if labels is None else ",".join(map(str, labels[frame]))
            rows.append(f'{video.name} {number} {frame} {file} "{classes}"')
    write_text(path, rows)
