"""Charades: several overlapping actions in each video (Sigurdsson et al., "Hollywood in Homes").

Lists are frame lists (a line per frame with its actions) or the official
``Charades_v1_{train,test}.csv`` (a line per video, actions as ``c092 11.90 21.20;...`` in seconds). A
training clip has the actions of its own frames, a validation or test video those of all its frames, as
PySlowFast counts them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slowfast.datasets.build import dataset_list
from slowfast.datasets.columns import FrameNames, Ragged
from slowfast.datasets.items import ItemTable
from slowfast.datasets.lists.frame_lists import FrameLine, compact, read_frame_list
from slowfast.utils.errors import AnnotationError, brief
from slowfast.utils.input_files import read_lines, read_table, readable
from slowfast.utils.logging import get_logger
from slowfast.utils.needed import Needed
from slowfast.utils.paths import list_file

logger = get_logger(__name__)

ACTION = re.compile(r"c(\d{1,4})\s+(\d{1,9}(?:\.\d*)?)\s+(\d{1,9}(?:\.\d*)?)", re.ASCII)
LONGEST_SECONDS = 1_000_000
CLASS_FILE = "Charades_v1_classes.txt"
FILES = {
    "frames": ("train.csv", "val.csv"),
    "video": ("Charades_v1_train.csv", "Charades_v1_test.csv"),
}


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


def _needs(cfg, split: str) -> Iterator[Needed]:
    node, data, script = cfg.CHARADES, cfg.DATA, "bash scripts/prepare-charades/download_"
    name, key = FILES[node.SOURCE][split != "train"], "DATA.PATH_TO_DATA_DIR"
    path = f"{data.PATH_TO_DATA_DIR}/{name}"
    yield Needed(key, path, "list of Charades", f"{script}annotations.sh")
    if node.SOURCE == "video":
        yield Needed("CHARADES.VIDEO_DIR", node.VIDEO_DIR, "videos of Charades", f"{script}data.sh")
    elif data.PATH_PREFIX and not Path(path).exists():  # its paths may be absolute
        key, what = "DATA.PATH_PREFIX", "frames, VIDEO/VIDEO-000001.jpg"
        yield Needed(key, data.PATH_PREFIX, what, f"{script}data.sh")


@dataset_list("charades", _needs)
def charades(cfg, split: str) -> ItemTable:
    """Read the list of ``CHARADES.SOURCE``; validation and test read the same one.

    Raises:
        AnnotationError: lists are missing or wrong.
    """
    videos, source = read_videos(cfg, split)
    images = cfg.CHARADES.SOURCE == "frames"
    root = cfg.DATA.PATH_PREFIX if images else None
    return table_of(videos, cfg.MODEL.NUM_CLASSES, source, cfg.CHARADES.FRAME_RATE, root)


def read_videos(cfg, split: str) -> tuple[list[CharadesVideo], str]:
    """Return the videos of a split and the list they stand in (``CHARADES.SOURCE``)."""
    node = cfg.CHARADES
    name = FILES[node.SOURCE][split != "train"]
    path = list_file(cfg.DATA.PATH_TO_DATA_DIR, name, "DATA.PATH_TO_DATA_DIR")
    if node.SOURCE == "video":
        return read_annotated_videos(path, node.VIDEO_DIR, node.FRAME_RATE), str(path)
    return read_frame_videos(path, cfg.DATA.PATH_PREFIX), str(path)


def table_of(
    videos: list[CharadesVideo],
    num_classes: int,
    source: str,
    frame_rate: float = 24,
    root: str | None = None,
) -> ItemTable:
    """Return the items of videos.

    Args:
        videos: of the list.
        num_classes: C.
        source: the list; names of the classes may lie beside it or one folder above.
        frame_rate: at which frames are counted.
        root: folder of all images, where images are read.

    Raises:
        AnnotationError: an action is not among the classes.
    """
    for video in videos:
        largest = video.intervals[:, 0].max(initial=-1)
        if largest >= num_classes:
            raise AnnotationError(
                f"{source}: action {largest} of {video.name} is not below MODEL.NUM_CLASSES = "
                f"{num_classes}. Set it to the number of classes (Charades has 157)."
            )
    folders = (Path(source).parent, Path(source).parent.parent)
    files = [folder / CLASS_FILE for folder in folders if (folder / CLASS_FILE).is_file()]
    return ItemTable(
        (video.path for video in videos),
        None,
        read_class_names(files[0], num_classes) if files else [],
        source,
        intervals=Ragged.join([{"interval": video.intervals} for video in videos]),
        frames=None if root is None else FrameNames(root, {v.path: v.frames for v in videos}),
        frame_rate=frame_rate,
    )


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
