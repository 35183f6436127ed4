"""Charades: several overlapping actions in each video (Sigurdsson et al., "Hollywood in Homes").

A training clip has the actions of its own frames, a validation or test video those of all its
frames, as PySlowFast counts them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from slowfast.datasets.build import dataset_list
from slowfast.datasets.columns import FrameNames, Ragged
from slowfast.datasets.items import ItemTable
from slowfast.datasets.lists.charades_files import (
    CharadesVideo,
    read_annotated_videos,
    read_class_names,
    read_frame_videos,
)
from slowfast.utils.errors import AnnotationError
from slowfast.utils.needed import Needed
from slowfast.utils.paths import list_file

CLASS_FILE = "Charades_v1_classes.txt"
FILES = {
    "frames": ("train.csv", "val.csv"),
    "video": ("Charades_v1_train.csv", "Charades_v1_test.csv"),
}


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
