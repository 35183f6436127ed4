"""One step over all videos of a folder: what to do, what is done already, what became of it."""

from __future__ import annotations

import glob
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import av

from slowfast.datasets.lists.video_folder import VIDEO_SUFFIXES
from slowfast.utils.errors import AnnotationError, MediaError
from slowfast.utils.files import write_csv
from slowfast.utils.input_files import read_table
from slowfast.utils.parallel import map_files

RECORD = "prepared.csv"
COLUMNS = ["video", "source", "seconds", "frames", "tool", "note"]


@dataclass(frozen=True)
class Selection:
    """Which videos a step looks at, and whether it overwrites what is done.

    ``only`` holds names without endings; empty stands for all.
    """

    only: tuple[str, ...] = ()
    overwrite: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of one video.

    Attributes:
        video: its name.
        source: the file it was made from.
        status: ``done``, ``skipped`` or ``failed``.
        note: the reason of a failure, or what is worth knowing.
        seconds, frames: of the result, where they are known.
    """

    video: str
    source: str
    status: str
    note: str = ""
    seconds: float = 0.0
    frames: int = 0


@dataclass
class PrepareReport:
    """What became of all videos."""

    title: str
    tool: str
    outcomes: list[Outcome] = field(default_factory=list)

    def of(self, status: str) -> list[Outcome]:
        """Return the outcomes of a kind."""
        return [outcome for outcome in self.outcomes if outcome.status == status]

    @property
    def ok(self) -> bool:
        """Whether every video has a result."""
        return not self.of("failed")

    def __str__(self) -> str:
        done, skipped, failed = (self.of(status) for status in ("done", "skipped", "failed"))
        lines = [
            f"{self.title} ({self.tool}): {len(done)} videos done, {len(skipped)} were there "
            f"already, {len(failed)} failed."
        ]
        lines += [f"  note {o.video}: {o.note}" for o in done + skipped if o.note]
        return "\n".join(lines + [f"  FAILED {outcome.note}" for outcome in failed])


def run_over(
    folder: str | Path,
    out: str | Path,
    step: Callable[[Path, Path, bool], Outcome],
    title: str,
    workers: int,
    selection: Selection,
) -> PrepareReport:
    """Do a step for every video of a folder and note in ``out`` how its results were made.

    A video that fails never stops the others.

    Args:
        step: from a source, ``out`` and whether to overwrite; of a module, since processes are
            spawned; raises MediaError or OSError.

    Raises:
        MediaError: there is no such folder, or no such video in it.
    """
    out, sources = Path(out), find_videos(folder, selection.only)
    out.mkdir(parents=True, exist_ok=True)
    told = partial(_told, step, out, selection.overwrite)
    outcomes = map_files(told, sources, workers=workers, title=title, crashed=_crashed)
    report = PrepareReport(title, f"pyav {av.__version__}", outcomes)
    _write_record(out / RECORD, report)
    return report


def _told(
    step: Callable[[Path, Path, bool], Outcome], out: Path, overwrite: bool, source: Path
) -> Outcome:
    """Do a step; its errors are the outcome."""
    try:
        return step(source, out, overwrite)
    except MediaError as error:
        return Outcome(source.stem, str(source), "failed", str(error))
    except OSError as error:
        return Outcome(source.stem, str(source), "failed", f"{source}: {error}")


def _crashed(source: Path) -> Outcome:
    reason = f"{source}: decoding it crashes the decoder."
    return Outcome(source.stem, str(source), "failed", reason)


def find_videos(folder: str | Path, only: Sequence[str] = ()) -> list[Path]:
    """Return the video files of a folder in the order of their names.

    Raises:
        MediaError: no folder or no video, one of ``only`` is missing, or two files are one video.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise MediaError(f"{folder}: no such folder. Give the folder that holds the videos.")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in VIDEO_SUFFIXES:
            continue
        if path.stem in found:
            raise MediaError(f"{found[path.stem]} and {path.name} are one video; remove one.")
        found[path.stem] = path
    missing = [name for name in only if name not in found]
    if missing or not found:
        what = f"the video {missing[0]}" if missing else "a video"
        raise MediaError(f"{folder}: does not hold {what} ({', '.join(sorted(VIDEO_SUFFIXES))}).")
    return [path for name, path in found.items() if not only or name in only]


@contextmanager
def unfinished(target: Path) -> Iterator[Path]:
    """Give a name beside ``target`` to work under; what is left there is removed at the end.

    So is what a killed process of this machine left of the same target.
    """
    host = socket.gethostname()
    for leftover in target.parent.glob(f".{glob.escape(target.name)}.@*@*.part"):
        owner, pid = leftover.name.removesuffix(".part").rsplit("@", 2)[1:]
        if owner == host and not _lives(pid):
            _remove(leftover)
    part = target.with_name(f".{target.name}.@{host}@{os.getpid()}.part")
    _remove(part)  # process ids are reused
    try:
        yield part
    finally:
        _remove(part)


def _lives(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(FileNotFoundError):
            path.unlink()


def _write_record(path: Path, report: PrepareReport) -> None:
    """Note how each result was made; what was known of the others is kept."""
    rows = {row["video"]: row for row in read_record(path.parent)}
    for outcome in report.outcomes:
        if outcome.status == "failed":
            rows.pop(outcome.video, None)
        elif outcome.status == "done" or outcome.video not in rows:
            rows[outcome.video] = {
                "video": outcome.video,
                "source": Path(outcome.source).name,
                "seconds": f"{outcome.seconds:.3f}",
                "frames": outcome.frames or "",
                "tool": report.tool if outcome.status == "done" else "",
                "note": outcome.note,
            }
    write_csv(path, COLUMNS, [rows[video] for video in sorted(rows)])


def read_record(folder: str | Path) -> list[dict[str, str]]:
    """Return what is noted of the results in a folder; nothing where no note is readable."""
    try:
        rows = [row for _, row in read_table(Path(folder) / RECORD, COLUMNS)]
    except AnnotationError:
        return []
    return [{c: row.get(c, "") for c in COLUMNS} for row in rows if row.get("video")]
