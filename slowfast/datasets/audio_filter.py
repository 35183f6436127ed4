"""Which files of a list have the audio that a clip needs.

A memory bank has a row for every file, so that a file that can never be learned from must not be in
the list at all: its row would stay random and serve as a negative for ever.
"""

from __future__ import annotations

import hashlib
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np
from tqdm import tqdm

from slowfast.datasets.items import ItemTable
from slowfast.datasets.media import open_media
from slowfast.datasets.sampling.windows import AVClipSampler
from slowfast.utils import distributed as du
from slowfast.utils.errors import AnnotationError, MediaError
from slowfast.utils.files import write_csv
from slowfast.utils.input_files import parse_whole, read_table
from slowfast.utils.logging import get_logger

logger = get_logger(__name__)

THREADS = 16
FILES_PER_TURN = 8  # that a thread takes at a time; one by one a long list needs gigabytes
SHOWN = 5
COLUMNS = ["row", "path", "reason"]

Problems = dict[int, str]


def sound_problem(path: str, windows: AVClipSampler) -> str:
    """Open a file and say why it cannot give a clip with audio, or return an empty string."""
    try:
        with open_media(path) as media:
            if media.video is None:
                return f"{path}: the file has no video stream."
            problem = windows.why_too_short(media.video, media.audio)
            return f"{path}: {problem}." if problem else ""
    except (MediaError, OSError) as error:
        return str(error)


def find_problems(videos: ItemTable, windows: AVClipSampler) -> Problems:
    """Return ``{row: reason}`` of the files without enough audio; processes share the work."""
    rows = range(du.get_rank(), len(videos), du.get_world_size())
    with ThreadPool(THREADS) as pool:
        reasons = pool.imap(
            lambda row: sound_problem(videos.paths[row], windows), rows, FILES_PER_TURN
        )
        shown = tqdm(
            reasons,
            desc="looking for audio",
            total=len(rows),
            disable=None if du.is_root_proc() else True,
            leave=False,
        )
        found = {row: reason for row, reason in zip(rows, shown, strict=True) if reason}
    parts = du.all_gather_unaligned(found)
    return dict(sorted((row, reason) for part in parts for row, reason in part.items()))


def drop_files_without_audio(
    videos: ItemTable, windows: AVClipSampler, folder: Path | None = None
) -> ItemTable:
    """Return the files that have enough audio for a clip.

    Args:
        videos: the list.
        windows: what a clip needs.
        folder: where given, rows, paths and reasons of the others are kept there as
            ``left_out-<hash>.csv``, which the next start with the same list and windows reads
            instead of opening every file again.

    Raises:
        AnnotationError: no file has enough audio.
    """
    report = folder / f"left_out-{_key(videos, windows)}.csv" if folder else None
    known = _read(report) if report and du.is_root_proc() else None
    problems = du.broadcast_object(known)
    if problems is None:
        problems = find_problems(videos, windows)
        if len(problems) == len(videos):
            raise AnnotationError(
                f"{videos.source}: none of the {len(videos)} files has enough audio for a clip. "
                f"{_examples(problems)}Lower AUDIO.DURATION, or set AUDIO.MISSING zero."
            )
        if report and du.is_root_proc():
            _write(report, videos, problems)
    if not problems:
        return videos
    logger.warning(
        "%s: %d of %d files are left out (AUDIO.MISSING drop). %s%s",
        videos.source,
        len(problems),
        len(videos),
        _examples(problems),
        f"All are in {report}; delete it to have them looked at again." if report else "",
    )
    return videos.subset(np.setdiff1d(np.arange(len(videos)), list(problems)))


def require_audio(videos: ItemTable, windows: AVClipSampler) -> ItemTable:
    """Return the list if every file has enough audio.

    Raises:
        AnnotationError: names the first files that do not, and the cures.
    """
    problems = find_problems(videos, windows)
    if problems:
        raise AnnotationError(
            f"{videos.source}: {len(problems)} of {len(videos)} files do not have the audio of a "
            f"clip (AUDIO.MISSING error). {_examples(problems)}Mend them, or set AUDIO.MISSING to "
            "drop or zero."
        )
    return videos


def _key(videos: ItemTable, windows: AVClipSampler) -> str:
    digest = hashlib.sha256(videos.paths.text)
    digest.update(videos.paths.ends)
    digest.update(repr(windows).encode())
    return digest.hexdigest()[:12]


def _read(report: Path) -> Problems | None:
    if not report.is_file():
        return None
    try:
        table = read_table(report, ("row", "reason"))
        return {parse_whole(line["row"], "row"): line["reason"] for _, line in table}
    except (AnnotationError, ValueError):
        logger.warning("%s is damaged; the files are looked at again.", report)
        return None


def _write(report: Path, videos: ItemTable, problems: Problems) -> None:
    lines = [
        {"row": row, "path": videos.paths[row], "reason": reason}
        for row, reason in problems.items()
    ]
    write_csv(report, COLUMNS, lines)


def _examples(problems: Problems) -> str:
    reasons = list(problems.values())
    lines = "".join(f"\n  {reason}" for reason in reasons[:SHOWN])
    more = len(reasons) - SHOWN
    return f"They are:{lines}\n" + (f"  and {more} more.\n" if more > 0 else "")
