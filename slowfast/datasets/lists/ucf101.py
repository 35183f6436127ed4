"""UCF101's official lists: ``classInd.txt``, ``trainlist0k.txt`` and ``testlist0k.txt``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from slowfast.datasets.build import dataset_list
from slowfast.datasets.items import ItemTable
from slowfast.datasets.lists.text_lists import parse_label, read_lines, under, wrong_line
from slowfast.utils.errors import did_you_mean
from slowfast.utils.needed import Needed
from slowfast.utils.paths import list_file


def read_class_index(path: str | Path) -> list[str]:
    """Return the class names of ``classInd.txt`` (lines ``number name``, counted from 1)."""
    names = []
    for number, line in read_lines(path):
        fields = line.split()
        if len(fields) != 2 or parse_label(path, number, line, fields[0]) != len(names) + 1:
            raise wrong_line(path, number, line, f"expected '{len(names) + 1} ClassName'.")
        names.append(fields[1])
    return names


def read_ucf101(folder: str | Path, fold: int, train: bool, prefix: str = "") -> ItemTable:
    """Read one fold.

    Args:
        folder: where the three kinds of list lie; it may be on a web server.
        fold: 1, 2 or 3.
        train: the training or the test half.
        prefix: folder that holds ``Class/file.avi``.

    Raises:
        AnnotationError: a missing list, an unknown class, or a label that contradicts it.
    """
    key = "DATA.PATH_TO_DATA_DIR"
    names = read_class_index(list_file(folder, "classInd.txt", key))
    number_of = {name: k for k, name in enumerate(names)}
    path = list_file(folder, f"{'train' if train else 'test'}list{fold:02d}.txt", key)
    files, labels = [], []
    for number, line in read_lines(path):
        file, *label = line.split(maxsplit=1)
        class_name = Path(file).parent.name
        if class_name not in number_of:
            problem = f"unknown class {class_name!r}. {did_you_mean(class_name, names)}"
            raise wrong_line(path, number, line, problem)
        if label and parse_label(path, number, line, label[0]) != number_of[class_name] + 1:
            problem = f"classInd.txt gives {class_name} the number {number_of[class_name] + 1}."
            raise wrong_line(path, number, line, problem)
        files.append(under(prefix, file))
        labels.append(number_of[class_name])
    return ItemTable(files, labels, names, path)


UCF101 = "https://www.crcv.ucf.edu/data/UCF101.php"


def _needs(cfg, split: str) -> Iterator[Needed]:
    folder, key = cfg.DATA.PATH_TO_DATA_DIR, "DATA.PATH_TO_DATA_DIR"
    lists = f"{UCF101}, UCF101TrainTestSplits-RecognitionTask.zip"
    for name in ("classInd.txt", f"{_half(split)}list{cfg.DATA.FOLD:02d}.txt"):
        yield Needed(key, f"{folder}/{name}", "lists of UCF101", lists)
    if cfg.DATA.PATH_PREFIX:
        videos = f"{UCF101}, UCF101.rar"
        yield Needed("DATA.PATH_PREFIX", cfg.DATA.PATH_PREFIX, "videos, Class/v_*.avi", videos)


def _half(split: str) -> str:
    return "train" if split == "train" else "test"


@dataset_list("ucf101", _needs)
def ucf101(cfg, split: str) -> ItemTable:
    """Read fold ``DATA.FOLD``; validation and test both read the test list."""
    data = cfg.DATA
    return read_ucf101(data.PATH_TO_DATA_DIR, data.FOLD, split == "train", data.PATH_PREFIX)
