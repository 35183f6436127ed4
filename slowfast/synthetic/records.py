"""Write a demo world to disk: the media in parallel, then the lists, then the record of it.

``demo.json`` says which world a folder holds and whether it is complete. Running again continues
an interrupted world and leaves a complete one alone.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from slowfast.synthetic.layouts import write_text
from slowfast.utils.errors import ConfigError
from slowfast.utils.files import TEMPORARY
from slowfast.utils.parallel import map_files

Video = TypeVar("Video")

RECORD = "demo.json"
_STALE_SECONDS = 600.0


@dataclass(frozen=True)
class DemoSummary:
    """What a demo world holds.

    ``size_bytes`` counts the media once, ``seconds`` is the time this call took, ``written`` how
    many videos it had to make; ``folders`` maps the name of a layout to its folder.
    """

    root: Path
    videos: int
    written: int
    size_bytes: int
    seconds: float
    class_names: tuple[str, ...]
    folders: dict[str, Path]


def write_world(
    root: Path,
    record: dict[str, object],
    names: Sequence[str],
    media: Sequence[tuple[Video, Sequence[Path]]],
    make: Callable[[Video], object],
    write_lists: Callable[[], None],
    class_names: tuple[str, ...],
    workers: int,
) -> DemoSummary:
    """Make what is missing of a world below ``root`` with ``workers`` processes, or in this one.

    Args:
        record: which world it is: ``world``, ``version``, ``preset`` and ``seed``.
        names: of its files and folders.
        media: each video with the paths of its media.
        make: writes the media of a video.
        write_lists: writes everything else.
    """
    began = time.monotonic()
    complete = check_folder(root, record, names)
    complete = complete and all((root / name).exists() for name in names)  # an older version's
    missing = [video for video, paths in media if not all(path.exists() for path in paths)]
    if missing or not complete:
        write_record(root, record, complete=False)
        kind = str(record["world"]).removeprefix("slowfast demo").strip()
        title = f"demo videos, {kind}" if kind else "demo videos"
        map_files(make, missing, workers=workers, title=title, crashed=make)
        write_lists()
        remove_stale_parts(root)
        write_record(root, record, complete=True)
    return DemoSummary(
        root=root,
        videos=len(media),
        written=len(missing),
        size_bytes=sum(_size(path) for _, paths in media for path in paths),
        seconds=time.monotonic() - began,
        class_names=class_names,
        folders={Path(name).name: root / name for name in names},
    )


def _size(path: Path) -> int:
    files = path.iterdir() if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files)


def check_folder(root: Path, record: dict[str, object], names: Sequence[str]) -> bool:
    """Return whether ``root`` already holds this world completely; refuse any other content.

    ``names`` are those the world has for its files and folders.
    """
    path = root / RECORD
    if not path.exists():
        foreign = [name for name in names if (root / name).exists()]
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


def write_record(root: Path, record: dict[str, object], complete: bool) -> None:
    """Write down which world the folder holds and whether nothing is missing."""
    write_text(root / RECORD, [json.dumps({**record, "complete": complete}, indent=2)])


def remove_stale_parts(root: Path) -> None:
    """Remove what interrupted runs left; younger parts may belong to a process at work."""
    for part in (*root.rglob(".*.part"), *root.rglob(f".*{TEMPORARY}")):
        try:
            if time.time() - part.stat().st_mtime <= _STALE_SECONDS:
                continue
            if part.is_dir():
                shutil.rmtree(part)
            else:
                part.unlink(missing_ok=True)
        except FileNotFoundError:
            continue


def _read_record(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"{path} cannot be read ({error}). Delete its folder to make the demo world anew."
        ) from error
    if not isinstance(found, dict):
        raise ConfigError(f"{path} is not the record of a demo world. Give another folder.")
    return found


def _describe(record: dict[str, object]) -> str:
    return ", ".join(f"{key} {record.get(key)!r}" for key in ("preset", "seed", "version"))
