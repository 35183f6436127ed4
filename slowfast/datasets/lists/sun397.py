"""SUN397 (Xiao et al., CVPR 2010): still images of scenes, which stand for videos in pretraining.

``ClassName.txt`` has a line such as ``/c/car_interior/frontseat`` for each class, whose images lie in the
folder of that name. The set is read as a whole, to train on; two classes are left out, as published
with zero-shot classification.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from slowfast.datasets.build import dataset_list
from slowfast.datasets.columns import FrameNames
from slowfast.datasets.items import ItemTable
from slowfast.datasets.lists.text_lists import MissingListError, read_lines, wrong_line
from slowfast.datasets.media.frame_folder import IMAGE_SUFFIXES
from slowfast.utils.errors import AnnotationError
from slowfast.utils.needed import Needed

CLASSES = "ClassName.txt"
LEFT_OUT = ("barndoor", "thriftshop")


def read_sun397(folder: str | Path, prefix: str | Path) -> ItemTable:
    """Read all images by class, both in sorted order.

    Args:
        folder: of ``ClassName.txt``.
        prefix: folder of the images.

    Raises:
        AnnotationError: a wrong line, or a class without images.
    """
    path = Path(folder) / CLASSES
    folders = {}
    for number, line in read_lines(path):
        _, letter, name = (line.split("/", 2) + ["", ""])[:3]
        if not line.startswith("/") or len(letter) != 1 or not name:
            raise wrong_line(path, number, line, "expected a class such as /a/abbey.")
        if name not in LEFT_OUT:
            folders[name] = Path(prefix) / letter / name
    files: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(sorted(folders)):
        images = _images(folders[name])
        if not images:
            raise AnnotationError(
                f"{folders[name]}: no image of the class {name} ({path}); check DATA.PATH_PREFIX."
            )
        files += images
        labels += [label] * len(images)
    frames = FrameNames("", {file: [file] for file in files})
    return ItemTable(files, labels, sorted(folders), path, frames=frames)


def _images(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        names = [e.name for e in entries if os.path.splitext(e.name)[1].lower() in IMAGE_SUFFIXES]
    return [f"{folder}/{name}" for name in sorted(names)]


SITE = "https://vision.princeton.edu/projects/2010/SUN"


def _needs(cfg, split: str) -> Iterator[Needed]:
    data = cfg.DATA
    names = f"{data.PATH_TO_DATA_DIR}/{CLASSES}"
    yield Needed("DATA.PATH_TO_DATA_DIR", names, "classes of SUN397", f"{SITE}, Partitions.zip")
    yield Needed(
        "DATA.PATH_PREFIX", data.PATH_PREFIX, "images, a/abbey/*.jpg", f"{SITE}, SUN397.tar.gz"
    )


@dataset_list("sun397", _needs)
def sun397(cfg, split: str) -> ItemTable:
    """Read ``ClassName.txt`` in ``DATA.PATH_TO_DATA_DIR`` and the images below ``DATA.PATH_PREFIX``."""
    if split != "train":
        raise MissingListError(
            "SUN397 is read as a whole and has no list to validate on: set TRAIN.EVAL_PERIOD 0."
        )
    return read_sun397(cfg.DATA.PATH_TO_DATA_DIR, cfg.DATA.PATH_PREFIX)
