"""Which files of a list have the sound that a clip needs.

A memory bank has a row for every file, so that a file that can never be learned from must not be in
the list at all: its row would stay random and serve as a negative for ever.
"""

from __future__ import annotations

import csv
import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from tqdm import tqdm

from slowfast.datasets.media import open_media
from slowfast.datasets.video_list import VideoList
from slowfast.datasets.windows import AudioVisualWindows
from slowfast.utils import distributed as du
from slowfast.utils.errors import AnnotationError, MediaError
from slowfast.utils.files import atomic_write
from slowfast.utils.logging import get_logger

logger = get_logger(__name__)

THREADS = 16
SHOWN = 5


def sound_problem(path: str, windows: AudioVisualWindows) -> str:
    """Open a file and say why it cannot give a clip with sound, or return an empty string."""
    try:
        with open_media(path) as media:
            if media.video is None:
                return "the file has no video stream"
            return windows.problem(media.video, media.audio)
    except (MediaError, OSError) as error:
        return str(error)


def find_problems(videos: VideoList, windows: AudioVisualWindows) -> dict[int, str]:
    """Return ``{row: reason}`` of the files without enough sound; processes share the work."""
    rows = range(du.get_rank(), len(videos), du.get_world_size())
    with ThreadPoolExecutor(THREADS) as pool:
        reasons = pool.map(lambda row: sound_problem(videos.paths[row], windows), rows)
        shown = tqdm(
            reasons,
            desc="looking for sound",
            total=len(rows),
            disable=None if du.is_root_proc() else True,
            leave=False,
        )
        found = {row: reason for row, reason in zip(rows, shown, strict=True) if reason}
    parts = du.all_gather_unaligned(found)
    return dict(sorted((row, reason) for part in parts for row, reason in part.items()))


def drop_files_without_sound(
    videos: VideoList, windows: AudioVisualWindows, folder: Path | None = None
) -> VideoList:
    """Return the files that have enough sound for a clip.

    Args:
        videos: the list.
        windows: what a clip needs.
        folder: where given, the result is kept there as a manifest, next to a csv file of what was
            left out, and read by the next start with the same list.

    Raises:
        AnnotationError: no file has enough sound.
    """
    manifest = folder / f"with-sound-{_key(videos, windows)}.npz" if folder else None
    known = manifest is not None and manifest.is_file()
    if du.broadcast_object(known):
        return VideoList.load(manifest)
    problems = find_problems(videos, windows)
    if len(problems) == len(videos):
        raise AnnotationError(
            f"{videos.source}: none of the {len(videos)} files has enough sound for a clip. "
            f"{_examples(videos, problems)}Lower AUDIO.DURATION, or set AUDIO.MISSING zero."
        )
    if problems:
        logger.warning(
            "%s: %d of %d files are left out (AUDIO.MISSING drop). %s",
            videos.source,
            len(problems),
            len(videos),
            _examples(videos, problems),
        )
    kept = videos.subset(np.setdiff1d(np.arange(len(videos)), list(problems)))
    if manifest is not None and du.is_root_proc():
        _write_left_out(manifest.with_name("left_out.csv"), videos, problems)
        kept.save(manifest)
    du.synchronize()
    return kept


def require_sound(videos: VideoList, windows: AudioVisualWindows) -> VideoList:
    """Return the list if every file has enough sound.

    Raises:
        AnnotationError: names the first files that do not, and the cures.
    """
    problems = find_problems(videos, windows)
    if problems:
        raise AnnotationError(
            f"{videos.source}: {len(problems)} of {len(videos)} files do not have the sound of a "
            f"clip (AUDIO.MISSING error). {_examples(videos, problems)}Mend them, or set "
            "AUDIO.MISSING to drop or zero."
        )
    return videos


def _key(videos: VideoList, windows: AudioVisualWindows) -> str:
    content = f"{videos.fingerprint()} {windows}"
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def _examples(videos: VideoList, problems: dict[int, str]) -> str:
    rows = list(problems)[:SHOWN]
    lines = "".join(f"\n  {videos.paths[row]}: {problems[row]}" for row in rows)
    more = len(problems) - len(rows)
    return f"They are:{lines}\n" + (f"  and {more} more.\n" if more else "")


def _write_left_out(path: Path, videos: VideoList, problems: dict[int, str]) -> None:
    with atomic_write(path, "w") as file:
        writer = csv.writer(file)
        writer.writerow(["row", "path", "reason"])
        writer.writerows((row, videos.paths[row], reason) for row, reason in problems.items())
