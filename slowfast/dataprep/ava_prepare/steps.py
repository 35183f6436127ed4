"""The two steps over a folder of movies: cutting, and extracting frames."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from PIL import Image

from slowfast.dataprep.ava_prepare.extraction import extract, frame_name, video_extent
from slowfast.dataprep.ava_prepare.folders import (
    Outcome,
    PrepareReport,
    Selection,
    run_over,
    unfinished,
)
from slowfast.datasets.lists.video_folder import VIDEO_SUFFIXES
from slowfast.datasets.media.encode import Encoding, Span, reencode
from slowfast.utils.errors import MediaError

# AVA annotates seconds 902 to 1798; the frames of 900 to 1801 are listed.
START_SECONDS, LENGTH_SECONDS = 900.0, 901.0
RATE = 30
# A key frame each second: clips are read from anywhere in a video.
CUT_ENCODING = Encoding(gop=30)
JPEG_QUALITY = 95
# A result may be this much shorter or longer than it should be.
SLACK_SECONDS = 0.5
SLACK_FRAMES = 1


def cut_folder(
    src: str | Path,
    dst: str | Path,
    start: float = START_SECONDS,
    length: float = LENGTH_SECONDS,
    *,
    workers: int = 2,
    selection: Selection | None = None,
) -> PrepareReport:
    """Cut the same seconds out of every video of a folder, into MP4 files of the same names.

    Results that are as long as they should be are kept. A movie that ends early gives a shorter
    result, with a note.

    Args:
        start, length: in seconds since the start of a file.
        workers: processes; 0 works in this one.
        selection: which videos, and whether to overwrite what is done.

    Raises:
        MediaError: there is nothing to cut, or no such folder.
    """
    step = partial(_cut_one, start=start, length=length)
    return run_over(src, dst, step, "cut", workers, selection or Selection())


def extract_folder(
    src: str | Path,
    dst: str | Path,
    rate: int = RATE,
    quality: int = JPEG_QUALITY,
    *,
    workers: int = 2,
    selection: Selection | None = None,
) -> PrepareReport:
    """Write the frames of every video of a folder to ``dst/VIDEO/VIDEO_000001.jpg`` and so on.

    Folders with as many frames as there should be are kept.

    Args:
        rate: frames per second.
        quality: of the JPEGs.
        workers, selection: see :func:`cut_folder`.

    Raises:
        MediaError: there is no video, or no such folder.
    """
    step = partial(_extract_one, rate=rate, quality=quality)
    return run_over(src, dst, step, "extract", workers, selection or Selection())


def _cut_one(source: Path, out: Path, overwrite: bool, start: float, length: float) -> Outcome:
    """Cut one video, unless that is done."""
    movie_end = video_extent(source).end
    seconds = min(start + length, movie_end) - start
    if seconds <= 0:
        raise MediaError(
            f"{source}: ends after {movie_end:.1f} s, before second {start:g} where the cut begins."
        )
    target = out / f"{source.stem}.mp4"
    earlier = [path for s in VIDEO_SUFFIXES if (path := target.with_suffix(s)).is_file()]
    short = f"the movie ends there: {seconds:.1f} s" if seconds < length - SLACK_SECONDS else ""
    if not overwrite and any(_is_as_long(path, seconds) for path in earlier):
        return Outcome(source.stem, str(source), "skipped", short, seconds)
    with unfinished(target) as part:
        damaged = reencode(source, part, CUT_ENCODING, Span(start, length)).damaged
        complaint = f"{damaged} damaged packets were left out" if damaged else ""
        found = video_extent(part).end
        if abs(found - seconds) > SLACK_SECONDS:
            raise MediaError(
                f"{source}: {found:.1f} s came out instead of {seconds:.1f} s; the file is cut off "
                f"or damaged. {complaint}".rstrip()
            )
        with part.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(part, target)
    for path in earlier:  # the same video in another container
        if path != target:
            path.unlink(missing_ok=True)
    note = "; ".join(text for text in (short, complaint) if text)
    return Outcome(source.stem, str(source), "done", note, found)


def _is_as_long(path: Path, seconds: float) -> bool:
    try:
        return abs(video_extent(path).end - seconds) <= SLACK_SECONDS
    except MediaError:
        return False


def _extract_one(source: Path, out: Path, overwrite: bool, rate: int, quality: int) -> Outcome:
    """Extract the frames of one video, unless that is done."""
    name, target = source.stem, out / source.stem
    seconds = video_extent(source).end
    wanted = round(seconds * rate)
    there = count_frames(target, name)
    if not overwrite and there and abs(there - wanted) <= SLACK_FRAMES:
        return Outcome(name, str(source), "skipped", "", seconds, there)
    with unfinished(target) as part:
        part.mkdir(parents=True)
        complaint = extract(source, part, name, rate, quality)
        count = count_frames(part, name)
        if not count or abs(count - wanted) > SLACK_FRAMES:
            raise MediaError(
                f"{source}: {count} frames came out instead of {wanted} ({rate} x {seconds:.2f} "
                f"s); the file is cut off or damaged. {complaint}".rstrip()
            )
        if target.exists():
            with unfinished(target.with_name(f"{name}.old")) as old:
                os.rename(target, old)
                os.rename(part, target)
        else:
            os.rename(part, target)
    return Outcome(name, str(source), "done", complaint, seconds, count)


def count_frames(folder: Path, name: str) -> int:
    """Return how many frames a folder holds; 0 where their numbers have gaps or the last is torn.

    Programs that were stopped leave a torn last frame.
    """
    if not folder.is_dir():
        return 0
    with os.scandir(folder) as entries:
        names = {entry.name for entry in entries if entry.name.endswith(".jpg")}
    count = len(names)
    if not all(frame_name(name, number) in names for number in range(1, count + 1)):
        return 0
    try:
        with Image.open(folder / frame_name(name, count)) as last:
            last.load()
    except (OSError, SyntaxError, ValueError):
        return 0
    return count
