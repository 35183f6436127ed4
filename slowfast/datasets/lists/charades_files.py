"""Charades' lists: when which action happens in which video.

From frame lists (a line per frame with its actions) or from the official
``Charades_v1_{train,test}.csv`` (a line per video, actions as ``c092 11.90 21.20;...`` in seconds).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slowfast.datasets.lists.frame_lists import FrameLine, compact, read_frame_list
from slowfast.utils.errors import AnnotationError, brief
from slowfast.utils.input_files import read_lines, read_table, readable
from slowfast.utils.logging import get_logger

logger = get_logger(__name__)

ACTION = re.compile(r"c(\d{1,4})\s+(\d{1,9}(?:\.\d*)?)\s+(\d{1,9}(?:\.\d*)?)", re.ASCII)
LONGEST_SECONDS = 1_000_000


@dataclass(frozen=True)
class CharadesVideo:
    """A video of the list.

    Attributes:
        name: of the video.
        path: its file, or the folder of its images.
        intervals: its actions: (class from 0, first frame, last frame), frames counted from 0.
        frames: its images below the folder of all; empty for a file.
    """

    name: str
    path: str
    intervals: np.ndarray
    frames: Sequence[str] = ()


def read_frame_videos(path: str | Path, prefix: str | Path) -> list[CharadesVideo]:
    """Return the videos of a frame list, their frames below ``prefix``.

    Raises:
        AnnotationError: the list is missing or wrong.
    """
    videos = []
    for name, lines in read_frame_list(path):
        folder = str((Path(prefix) / lines[0].path).parent)
        frames = compact([line.path for line in lines])
        videos.append(CharadesVideo(name, folder, _array(_intervals(lines)), frames))
    return videos


def _array(intervals: Iterable[tuple[int, int, int]]) -> np.ndarray:
    return np.array(list(intervals), dtype=np.int32).reshape(-1, 3)


def _intervals(lines: list[FrameLine]) -> Iterable[tuple[int, int, int]]:
    """Join the actions of successive frames."""
    open_since: dict[int, int] = {}
    for frame, line in enumerate(lines):
        for action in set(open_since) - set(line.labels):
            yield action, open_since.pop(action), frame - 1
        for action in line.labels:
            open_since.setdefault(action, frame)
    for action, begin in open_since.items():
        yield action, begin, len(lines) - 1


def read_annotated_videos(
    path: str | Path, folder: str | Path, frame_rate: int
) -> list[CharadesVideo]:
    """Return the videos of an official annotation file, as files ``FOLDER/ID.mp4``.

    Args:
        path: ``Charades_v1_train.csv`` or ``Charades_v1_test.csv``.
        folder: of the video files.
        frame_rate: at which frames are counted, per second.

    Raises:
        AnnotationError: the file is missing, has no such columns, or a wrong line.
    """
    videos = [
        CharadesVideo(
            row["id"],
            str(Path(folder) / f"{row['id']}.mp4"),
            _array(_timed(row["actions"], frame_rate, path, number)),
        )
        for number, row in read_table(path, ("actions", "id"), "no readable annotations")
    ]
    if not videos:
        raise AnnotationError(f"{path}: lists no video at all.")
    return videos


def _timed(text: str, rate: int, path: str | Path, line: int) -> Iterable[tuple[int, int, int]]:
    for part in filter(None, text.split(";")):
        match = ACTION.fullmatch(part.strip())
        if not match or float(match[3]) > LONGEST_SECONDS:
            raise AnnotationError(
                f"{path}, line {line}: action {brief(part)}, expected such as 'c092 11.90 21.20'."
            )
        action, begin, end = match.groups()
        if float(end) < float(begin):
            logger.warning(
                "%s, line %d: action %s ends before it begins: left out.", path, line, part
            )
            continue
        yield int(action), math.ceil(float(begin) * rate), math.floor(float(end) * rate)


def read_class_names(path: Path, num_classes: int) -> list[str]:
    """Return the names in ``Charades_v1_classes.txt`` (``c000 Name``).

    Raises:
        AnnotationError: a line is wrong, or there are other classes.
    """
    lines = [readable(line) for _, line in read_lines(path)]
    names = [line.strip().partition(" ")[2].strip() for line in lines if line.strip()]
    if len(names) != num_classes or not all(names):
        raise AnnotationError(
            f"{path}: {len(names)} classes with names, MODEL.NUM_CLASSES is {num_classes}; expected "
            "one line such as 'c000 Holding some clothes' for each."
        )
    return names
