"""Videos in folders ``$ROOT/$SPLIT/$CLASS/*`` or ``$ROOT/$CLASS/*``: no list file needed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from slowfast.datasets.build import dataset_list
from slowfast.datasets.items import ItemTable
from slowfast.datasets.lists.text_lists import MissingListError
from slowfast.datasets.media.frame_folder import IMAGE_SUFFIXES
from slowfast.utils.errors import AnnotationError
from slowfast.utils.needed import Needed
from slowfast.utils.paths import is_clutter

VIDEO_SUFFIXES = {".mp4", ".avi", ".mkv", ".webm", ".mov", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv"}
VIDEO_SUFFIXES |= {".gif", ".mts", ".m2ts", ".ts", ".ogv", ".3gp", ".vob"}


def read_video_folder(root: str | Path, split: str) -> ItemTable:
    """List the videos of a split in sorted order; hidden files and folders are passed over.

    The classes are the sorted class folders of *all* splits, so that a class that is missing in
    one split does not shift the labels of the others.

    Raises:
        AnnotationError: no such split, no class folder, or no video in it.
    """
    root = Path(root)
    if not (root / split).is_dir():
        found = sorted(p.name for p in root.iterdir() if p.is_dir()) if root.is_dir() else []
        raise MissingListError(
            f"{root / split}: no such folder (found: {json.dumps(found)}). Expected "
            "ROOT/SPLIT/CLASS/video with DATA.PATH_TO_DATA_DIR as ROOT."
        )
    splits = _folders(root)
    names = sorted({c.name for s in splits for c in _folders(s)})
    return _list(root / split, names)


def _list(folder: Path, names: list[str]) -> ItemTable:
    files, labels = [], []
    for label, name in enumerate(names):
        for path in sorted((folder / name).rglob("*")):
            hidden = any(map(is_clutter, path.relative_to(folder / name).parts))
            if not hidden and is_video(path):
                files.append(str(path))
                labels.append(label)
    if not files:
        raise AnnotationError(f"{folder}: no video file in any class folder.")
    return ItemTable(files, labels, names, folder)


def is_video(path: Path) -> bool:
    """Tell whether a path is a video file, or a folder of the frames of one."""
    if path.is_file():
        return path.suffix.lower() in VIDEO_SUFFIXES
    return any(one.suffix.lower() in IMAGE_SUFFIXES for one in path.iterdir())


def _folders(folder: Path) -> list[Path]:
    return [p for p in folder.iterdir() if p.is_dir() and not is_clutter(p.name)]


def _folder_of(cfg, split: str) -> Path:
    root = Path(cfg.DATA.PATH_TO_DATA_DIR)
    return root / ("val" if split == "test" and not (root / "test").is_dir() else split)


def _needs(cfg, split: str) -> Iterator[Needed]:
    folder, what = str(_folder_of(cfg, split)), "folders CLASS with videos in each"
    yield Needed("DATA.PATH_TO_DATA_DIR", folder, what, "you")


def _needs_root(cfg, split: str) -> Iterator[Needed]:
    what = "folders CLASS with videos in each"
    yield Needed("DATA.PATH_TO_DATA_DIR", cfg.DATA.PATH_TO_DATA_DIR, what, "you")


@dataset_list("video_folder", _needs)
def video_folder(cfg, split: str) -> ItemTable:
    """List ``DATA.PATH_TO_DATA_DIR/<split>``; testing reads ``val`` where there is no ``test``."""
    return read_video_folder(cfg.DATA.PATH_TO_DATA_DIR, _folder_of(cfg, split).name)


@dataset_list("class_folders", _needs_root)
def class_folders(cfg, split: str) -> ItemTable:
    """List all videos below ``DATA.PATH_TO_DATA_DIR/CLASS``, whatever the split: a set as a whole."""
    root = Path(cfg.DATA.PATH_TO_DATA_DIR)
    if not root.is_dir():
        raise MissingListError(f"{root} (DATA.PATH_TO_DATA_DIR): no such folder of class folders.")
    return _list(root, sorted(path.name for path in _folders(root)))
