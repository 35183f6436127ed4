"""HowTo100M (Miech et al., ICCV 2019): a list of video ids, a folder of videos, a folder of captions.

``train.csv`` or, as released with GDT, ``howto.csv`` has a column ``video_id``; without either, the
list is what the folder of videos holds. ``val.csv`` and ``test.csv`` are of the same form; where there
are none, some videos of the list are held out. Videos have any usual ending.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from slowfast.datasets.build import dataset_list
from slowfast.datasets.captions import SUFFIX
from slowfast.datasets.columns import StringTable
from slowfast.datasets.items import ItemTable
from slowfast.datasets.lists.text_lists import MissingListError
from slowfast.datasets.lists.video_folder import VIDEO_SUFFIXES
from slowfast.utils.errors import AnnotationError
from slowfast.utils.input_files import read_rows
from slowfast.utils.logging import get_logger
from slowfast.utils.needed import Needed

logger = get_logger(__name__)

ID = "video_id"
LISTS = {
    "train": ("train.csv", "howto.csv"),
    "val": ("val.csv",),
    "test": ("test.csv", "val.csv"),
}
SHOWN = 3


def read_ids(path: Path) -> Iterator[str]:
    """Yield the ids of a list.

    Raises:
        AnnotationError: it has no column ``video_id``, or a row is too short.
    """
    rows = read_rows(path)
    _, header = next(rows, (1, []))
    if ID not in header:
        raise AnnotationError(f"{path}: no column {ID} in its first line, {','.join(header)!r}.")
    column = header.index(ID)
    for number, fields in rows:
        if len(fields) <= column or not fields[column].strip():
            raise AnnotationError(f"{path}, line {number}: no {ID}.")
        yield fields[column].strip()


def find_videos(folder: Path) -> dict[str, str]:
    """Return the endings of the videos in a folder by their names without it."""
    with os.scandir(folder) as entries:
        parts = (os.path.splitext(entry.name) for entry in entries)
        return {name: suffix for name, suffix in parts if suffix.lower() in VIDEO_SUFFIXES}


def find_captions(folder: Path) -> set[str]:
    """Return the names, without ending, of the files of captions in a folder.

    Raises:
        AnnotationError: there is no such folder.
    """
    try:
        with os.scandir(folder) as entries:
            return {e.name.removesuffix(SUFFIX) for e in entries if e.name.endswith(SUFFIX)}
    except OSError as error:
        raise AnnotationError(
            f"{folder} (TEXT.CAPTION_DIR): no such folder of captions ({error.strerror})."
        ) from error


def read_howto100m(
    folder: str | Path, split: str, prefix: str | Path, captions: str | Path, held_out: int = 1000
) -> ItemTable:
    """Return the videos of a split that have a file and captions; the others are counted.

    Args:
        folder: of the lists.
        split: ``train``, ``val`` or ``test``.
        prefix: folder of the videos.
        captions: folder of the captions.
        held_out: videos that are not trained on, where no list names those to validate on.

    Raises:
        MissingListError: neither lists nor videos are there.
        AnnotationError: a list is wrong, or nothing is left of it.
    """
    folder, prefix = Path(folder), Path(prefix)
    suffixes = find_videos(prefix) if prefix.is_dir() else {}
    spoken = find_captions(Path(captions))
    ids, source = _listed(folder, split, prefix, suffixes, held_out)
    missing: dict[str, list[str]] = {"video": [], "captions": []}

    def kept() -> Iterator[str]:
        for name in ids:
            lost = "video" if name not in suffixes else "captions" if name not in spoken else ""
            if lost:
                missing[lost].append(name)
            else:
                yield f"{prefix}/{name}{suffixes[name]}"

    paths = StringTable.from_strings(kept())
    where = {"video": prefix, "captions": captions}
    told = [
        f"{len(names)} have no {what} in {where[what]} ({', '.join(names[:SHOWN])}, ...)"
        for what, names in missing.items()
        if names
    ]
    if not len(paths):
        raise AnnotationError(f"{source}: no video is left: {' and '.join(told) or 'it is empty'}.")
    if told:
        logger.warning("%s: %s; they are left out.", source, " and ".join(told))
    return ItemTable(paths, None, [], source)


def _listed(
    folder: Path, split: str, prefix: Path, suffixes: dict[str, str], held_out: int
) -> tuple[Iterator[str] | list[str], Path]:
    """Return the ids of a split, and the file or folder that lists them."""
    lists = {
        name: next((folder / file for file in files if (folder / file).is_file()), None)
        for name, files in LISTS.items()
    }
    own = lists[split]
    if own and (split != "train" or lists["val"]):
        return read_ids(own), own
    source = lists["train"] or prefix
    every = list(read_ids(source)) if lists["train"] else sorted(suffixes)
    if not every:
        raise MissingListError(
            f"{folder}: none of {', '.join(LISTS[split])}, and {prefix} holds no video that could "
            "stand for a list: check DATA.PATH_TO_DATA_DIR and DATA.PATH_PREFIX."
        )
    held = np.zeros(len(every), bool)
    held[np.linspace(0, len(every) - 1, min(held_out, len(every) // 2)).round().astype(int)] = True
    wanted = held if split != "train" else ~held
    return [name for name, mine in zip(every, wanted, strict=True) if mine], source


SITE = "https://www.di.ens.fr/willow/research/howto100m"


def _needs(cfg, split: str) -> Iterator[Needed]:
    yield Needed("DATA.PATH_PREFIX", cfg.DATA.PATH_PREFIX, "videos, ID.mp4", SITE)
    captions = "https://www.rocq.inria.fr/cluster-willow/amiech/howto100m/howto100m_captions.zip"
    yield Needed("TEXT.CAPTION_DIR", cfg.TEXT.CAPTION_DIR, "captions, ID.csv", captions)


@dataset_list("howto100m", _needs)
def howto100m(cfg, split: str) -> ItemTable:
    """Read the lists in ``DATA.PATH_TO_DATA_DIR`` of videos in ``DATA.PATH_PREFIX``."""
    data = cfg.DATA
    return read_howto100m(
        data.PATH_TO_DATA_DIR,
        split,
        data.PATH_PREFIX,
        cfg.TEXT.CAPTION_DIR,
        cfg.HOWTO100M.HELD_OUT,
    )
