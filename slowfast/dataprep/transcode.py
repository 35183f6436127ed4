"""Re-encode folders of videos to small files with close key frames, from which clips are cut fast.

Names, frame counts, frame rates, durations and the timing of the audio are kept.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import av

from slowfast.datasets.lists.video_folder import VIDEO_SUFFIXES
from slowfast.datasets.media import VideoInfo, open_media
from slowfast.datasets.media.encode import Encoding, reencode
from slowfast.utils.errors import MediaError
from slowfast.utils.parallel import map_files
from slowfast.utils.paths import is_clutter

# A full decode may miss this share of the promised frames (edit lists, broken last packets).
MISSING_FRACTION = 0.02
MISSING_FRAMES = 2
DURATION_SLACK_SECONDS = 0.1


@dataclass
class TranscodeReport:
    """What became of every file.

    Attributes:
        done: sources that were encoded now.
        skipped: sources whose result was already there.
        failures: ``(source, reason)`` of the others.
        source_bytes, target_bytes: of the files encoded now.
    """

    done: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    source_bytes: int = 0
    target_bytes: int = 0

    @property
    def ok(self) -> bool:
        """Whether every file has a result."""
        return not self.failures

    def __str__(self) -> str:
        lines = [
            f"{len(self.done)} files encoded ({self.source_bytes / 1e6:.1f} MB to "
            f"{self.target_bytes / 1e6:.1f} MB), {len(self.skipped)} were there already, "
            f"{len(self.failures)} failed."
        ]
        return "\n".join(lines + [f"  {reason}" for _, reason in self.failures])


def transcode(
    src_root: str | Path,
    dst_root: str | Path,
    short_side: int = 128,
    gop: int = 12,
    crf: int = 18,
    workers: int = 2,
) -> TranscodeReport:
    """Encode every video below ``src_root`` to H.264 and AAC in MP4 below ``dst_root``.

    Relative names are kept, with the suffix ``.mp4``. Finished files are skipped, so that an
    interrupted call continues; a file appears under its name only when it is complete and was
    compared with its source. A bad file never stops the others.

    Args:
        short_side: pixels; smaller videos keep their size.
        gop: largest distance of key frames, in frames.
        crf: x264's quality, lower is better.
        workers: processes; 0 works in this one.

    Raises:
        MediaError: ``src_root`` is no folder or holds no video.
    """
    src_root, dst_root = Path(src_root), Path(dst_root)
    report = TranscodeReport()
    todo = _plan(src_root, dst_root, report)
    encode = partial(_encode_or_tell, encoding=Encoding(short_side, gop, crf))
    reasons = map_files(encode, todo, workers=workers, title="transcode", crashed=_crashed)
    for (source, target), reason in zip(todo, reasons, strict=True):
        if reason:
            report.failures.append((str(source), reason))
            continue
        report.done.append(str(source))
        report.source_bytes += source.stat().st_size
        report.target_bytes += target.stat().st_size
    return report


def _plan(src_root: Path, dst_root: Path, report: TranscodeReport) -> list[tuple[Path, Path]]:
    """Return sources with targets, noting finished and clashing ones in the report."""
    if not src_root.is_dir():
        raise MediaError(f"{src_root}: no such folder. Give the folder that holds the videos.")
    if dst_root.resolve() == src_root.resolve():
        raise MediaError(f"{dst_root}: is the source folder too. Give another folder to write to.")
    todo: dict[Path, Path] = {}
    found = 0
    for source in sorted(src_root.rglob("*")):
        inside = source.resolve().is_relative_to(dst_root.resolve())
        if source.suffix.lower() not in VIDEO_SUFFIXES or inside or not source.is_file():
            continue
        if any(map(is_clutter, source.relative_to(src_root).parts)):
            continue
        found += 1
        target = (dst_root / source.relative_to(src_root)).with_suffix(".mp4")
        if target in todo:
            reason = f"{source}: {todo[target]} has the same name but for the suffix."
            report.failures.append((str(source), reason))
        elif target.exists():
            report.skipped.append(str(source))
        else:
            todo[target] = source
    if not found:
        raise MediaError(f"{src_root}: no video below it ({', '.join(sorted(VIDEO_SUFFIXES))}).")
    return [(source, target) for target, source in todo.items()]


def transcode_file(source: str | Path, target: str | Path, encoding: Encoding) -> None:
    """Encode one file and compare the result with its source.

    Raises:
        MediaError: the source is damaged or the result differs in frames or duration.
    """
    with open_media(source) as media:
        if media.video is None:
            raise MediaError(f"{source}: the file has no video stream.")
        expected = media.video
    target = Path(target)
    unchecked = target.with_name(f".{target.name}.{os.getpid()}.unchecked.mp4")
    try:
        frames = reencode(source, unchecked, encoding).frames
        _compare(source, unchecked, expected, frames)
        os.replace(unchecked, target)
    finally:
        unchecked.unlink(missing_ok=True)


def _compare(source: str | Path, target: Path, expected: VideoInfo, frames: int) -> None:
    """Raise unless the result holds all frames of the source, as long as they lasted there."""
    missing = expected.num_frames - frames
    if missing > max(MISSING_FRAMES, MISSING_FRACTION * expected.num_frames):
        raise MediaError(
            f"{source}: holds {frames} of the {expected.num_frames} frames that its header "
            "promises; the file is cut off or damaged."
        )
    with open_media(target) as result:
        found = result.video
    slack = DURATION_SLACK_SECONDS + 2 / expected.fps + max(missing, 0) / expected.fps
    if found.num_frames != frames or abs(found.duration - expected.duration) > slack:
        raise MediaError(
            f"{source}: the result has {found.num_frames} frames in {found.duration:.2f} s, the "
            f"source {frames} in {expected.duration:.2f} s. Please report this file."
        )


def _crashed(item: tuple[Path, Path]) -> str:
    return f"{item[0]}: decoding it crashes the decoder."


def _encode_or_tell(item: tuple[Path, Path], encoding: Encoding) -> str:
    """Encode one file; return why it failed, or nothing."""
    try:
        transcode_file(*item, encoding)
    except MediaError as error:
        return str(error)
    except (av.FFmpegError, OSError, ValueError) as error:
        return f"{item[0]}: cannot be re-encoded ({getattr(error, 'strerror', '') or error})."
    return ""
