"""Kinetics-style lists: ``train.csv``, ``val.csv``, ``test.csv`` with ``path label`` lines.

A third field between path and label is ignored, as PySlowFast does; a list of paths alone has no
labels (self-supervised pretraining). A label is a number, or a name where the classes have names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from slowfast.datasets.build import dataset_list
from slowfast.datasets.items import ItemTable
from slowfast.datasets.lists.text_lists import (
    parse_label,
    read_class_names,
    read_lines,
    split_quoted,
    under,
    wrong_line,
)
from slowfast.utils.needed import Needed
from slowfast.utils.paths import list_file, local_path

UNLABELLED = -1
NO_NAMES: Mapping[str, int] = MappingProxyType({})
OTHER_SEPARATORS = re.compile(r"[\s,;|]+-?\w+$")


def parse_line(
    path: str | Path, number: int, line: str, separator: str, names: Mapping[str, int] = NO_NAMES
) -> tuple[str, int]:
    """Return file and label of a line; the label is -1 where the line is a path alone.

    Raises:
        AnnotationError: wrong separator or label.
    """
    file, rest = split_quoted(line, separator) or ("", line)
    if not rest.strip():
        return file, UNLABELLED
    before, found, label = rest.rpartition(separator)
    if not found:
        if OTHER_SEPARATORS.search(line) and not Path(line).suffix[1:].isalpha():
            problem = f"no separator {separator!r} found; set DATA.PATH_LABEL_SEPARATOR."
            raise wrong_line(path, number, line, problem)
        return line, UNLABELLED
    if not file:
        # A third field between path and label is a number that nothing reads.
        file = before.rstrip()
        head, found, third = file.rpartition(separator)
        file = head.rstrip() if found and third.strip().isdigit() and head else file
    elif before.strip() and not before.strip().strip(separator).strip().isdigit():
        problem = f"{before.strip()!r} stands between path and label."
        raise wrong_line(path, number, line, problem)
    label = label.strip()
    if label in names:
        return file, names[label]
    if names and any(map(str.isalpha, label)):
        problem = f"{label!r} is not the name of a class in DATA.CLASS_NAMES_PATH."
        raise wrong_line(path, number, line, problem)
    return file, parse_label(path, number, line, label)


def read_kinetics_csv(
    path: str | Path, separator: str = " ", prefix: str = "", names: Sequence[str] = ()
) -> ItemTable:
    """Read one list.

    Args:
        path: the list file.
        separator: between the fields of a line; paths may contain it.
        prefix: folder joined before each path.
        names: of the classes in order, where labels may be names.
    """
    numbers = {name: k for k, name in enumerate(names)}
    files, labels = [], []
    for number, line in read_lines(path):
        file, label = parse_line(path, number, line, separator, numbers)
        if labels and (label == UNLABELLED) != (labels[-1] == UNLABELLED):
            problem = "lines with and without a label are mixed."
            raise wrong_line(path, number, line, problem)
        files.append(under(prefix, file))
        labels.append(label)
    return ItemTable(files, labels, list(names), path)


def _names_file(data) -> str:
    """Return where the classes have their names, or nothing: both are optional."""
    beside = f"{data.PATH_TO_DATA_DIR}/class_names.txt"
    return data.CLASS_NAMES_PATH or (beside if os.path.exists(beside) else "")


def _needs(cfg, split: str) -> Iterator[Needed]:
    data = cfg.DATA
    what = "list with a line 'path label' for each video"
    path = f"{data.PATH_TO_DATA_DIR}/{split}.csv"
    yield Needed("DATA.PATH_TO_DATA_DIR", path, what, "you")
    if data.CLASS_NAMES_PATH:
        origin = "configs/zero_shot/class_names for Kinetics-700"
        yield Needed("DATA.CLASS_NAMES_PATH", data.CLASS_NAMES_PATH, "names of classes", origin)
    if data.PATH_PREFIX and not Path(path).exists():  # its paths may be absolute
        origin = "https://github.com/cvdfoundation/kinetics-dataset for Kinetics"
        yield Needed("DATA.PATH_PREFIX", data.PATH_PREFIX, "videos of the list", origin)


@dataset_list("kinetics", _needs)
def kinetics(cfg, split: str) -> ItemTable:
    """Read ``<DATA.PATH_TO_DATA_DIR>/<split>.csv``, with the names of ``class_names.txt`` beside it."""
    data = cfg.DATA
    path = list_file(data.PATH_TO_DATA_DIR, f"{split}.csv", "DATA.PATH_TO_DATA_DIR")
    file = _names_file(data)
    names = read_class_names(local_path(file, "DATA.CLASS_NAMES_PATH")) if file else []
    return read_kinetics_csv(path, data.PATH_LABEL_SEPARATOR, data.PATH_PREFIX, names)
