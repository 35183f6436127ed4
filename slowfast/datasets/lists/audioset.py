"""AudioSet (Gemmeke et al. 2017): lists of ten-second segments, cut out and laid out as AVID had them.

``<subset>.txt`` has one ``<video id>_<begin in ms>_<end in ms>.mp4`` per line. The files lie in
``<subset>_segments/video``; what follows a hyphen names a part of a subset, so that those of
``unbalanced_train-100k`` lie in ``unbalanced_train_segments/video``. Segments have no labels here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from slowfast.datasets.build import dataset_list
from slowfast.datasets.items import ItemTable
from slowfast.datasets.lists.kinetics import UNLABELLED
from slowfast.datasets.lists.text_lists import MissingListError, read_lines, wrong_line
from slowfast.datasets.lists.video_folder import VIDEO_SUFFIXES
from slowfast.utils.errors import AnnotationError
from slowfast.utils.logging import get_logger
from slowfast.utils.needed import Needed

logger = get_logger(__name__)

SEGMENT = re.compile(r"[\w-]+_(\d{1,9})_(\d{1,9})(\.\w+)", re.ASCII)


def segments_folder(subset: str, prefix: str | Path = "") -> Path:
    """Return where the files of a subset, or of a part of one, lie."""
    whole, _, _ = subset.partition("-")
    return Path(prefix) / f"{whole}_segments" / "video"


def read_audioset(folder: str | Path, subset: str, prefix: str | Path = "") -> ItemTable:
    """Read the list of a subset in its order.

    A whole subset without a list is what its folder holds, ordered by name.

    Args:
        folder: where ``<subset>.txt`` lies.
        subset: ``unbalanced_train``, ``unbalanced_train-100k``, ``balanced_train`` or ``eval``.
        prefix: folder that holds ``<subset>_segments``.

    Raises:
        MissingListError: neither list nor folder exists.
        AnnotationError: a line is no segment, or the folder holds none.
    """
    path, media = Path(folder) / f"{subset}.txt", segments_folder(subset, prefix)
    try:
        names, source = list_segments(path), path
    except MissingListError as error:
        names, source = _without_list(error, subset, media), media
    return ItemTable([f"{media}/{name}" for name in names], [UNLABELLED] * len(names), [], source)


def list_segments(path: str | Path) -> list[str]:
    """Return the file names of a list.

    Raises:
        MissingListError: there is no such file.
        AnnotationError: a line is no segment.
    """
    names = []
    for number, line in read_lines(path):
        segment = SEGMENT.fullmatch(line)
        if segment is None:
            problem = "expected '<video id>_<begin in ms>_<end in ms>.mp4'."
            raise wrong_line(path, number, line, problem)
        if int(segment[1]) >= int(segment[2]):
            raise wrong_line(path, number, line, "the segment ends before it begins.")
        names.append(line)
    return names


def find_segments(media: Path) -> list[str]:
    """Return the file names of the segments in a folder, sorted.

    Raises:
        AnnotationError: there is none.
    """
    found = os.listdir(media)
    names = sorted(name for name in found if _is_segment_video(name))
    if not names:
        raise AnnotationError(
            f"{media}: none of its {len(found)} files is called "
            "'<video id>_<begin in ms>_<end in ms>.mp4'."
        )
    logger.info("%s: the list is its %d segments by name.", media, len(names))
    if len(names) < len(found):
        logger.warning("%s: %d other files are left out.", media, len(found) - len(names))
    return names


def _is_segment_video(name: str) -> bool:
    segment = SEGMENT.fullmatch(name)
    return segment is not None and segment[3].lower() in VIDEO_SUFFIXES


def _without_list(error: MissingListError, subset: str, media: Path) -> list[str]:
    if "-" in subset:  # the folder holds the whole subset, the list would name a part of it
        raise error
    if not media.is_dir():
        raise MissingListError(
            f"{error} Nor does the folder {media} exist, which could stand for the list: check "
            "DATA.PATH_PREFIX and AUDIOSET."
        ) from error
    return find_segments(media)


def _needs(cfg, split: str) -> Iterator[Needed]:
    media = str(segments_folder(_subset(cfg, split), cfg.DATA.PATH_PREFIX))
    origin = "https://research.google.com/audioset/download.html, which names the segments"
    yield Needed("DATA.PATH_PREFIX", media, "segments of AudioSet, ID_BEGIN_END.mp4", origin)


@dataset_list("audioset", _needs)
def audioset(cfg, split: str) -> ItemTable:
    """Read ``AUDIOSET.TRAIN_SUBSET``, or ``AUDIOSET.EVAL_SUBSET`` for validation and test."""
    data = cfg.DATA
    return read_audioset(data.PATH_TO_DATA_DIR, _subset(cfg, split), data.PATH_PREFIX)


def _subset(cfg, split: str) -> str:
    return cfg.AUDIOSET.TRAIN_SUBSET if split == "train" else cfg.AUDIOSET.EVAL_SUBSET
