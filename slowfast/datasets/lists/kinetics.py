"""Kinetics-style lists: ``train.csv``, ``val.csv``, ``test.csv`` with ``path label`` lines.

A third field between path and label is ignored, as PySlowFast does; a list of paths alone has no
labels (self-supervised pretraining).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

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
OTHER_SEPARATORS = re.compile(r"[\s,;|]+-?\w+$")


def parse_line(path: str | Path, number: int, line: str, separator: str) -> tuple[str, int]:
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
    return file, parse_label(path, number, line, label.strip())


def read_kinetics_csv(path: str | Path, separator: str = " ", prefix: str = "") -> ItemTable:
    """Read one list.

    Args:
        path: the list file.
        separator: between the fields of a line; paths may contain it.
        prefix: folder joined before each path.
    """
    files, labels = [], []
    for number, line in read_lines(path):
        file, label = parse_line(path, number, line, separator)
        if labels and (label == UNLABELLED) != (labels[-1] == UNLABELLED):
            problem = "lines with and without a label are mixed."
            raise wrong_line(path, number, line, problem)
        files.append(under(prefix, file))
        labels.append(label)
    return ItemTable(files, labels, [], path)


def _needs(cfg, split: str) -> Iterator[Needed]:
    data = cfg.DATA
    what = "list with a line 'path label' for each video"
    path = f"{data.PATH_TO_DATA_DIR}/{split}.csv"
    yield Needed("DATA.PATH_TO_DATA_DIR", path, what, "you")
    if data.PATH_PREFIX and not Path(path).exists():  # its paths may be absolute
        origin = "https://github.com/cvdfoundation/kinetics-dataset for Kinetics"
        yield Needed("DATA.PATH_PREFIX", data.PATH_PREFIX, "videos of the list", origin)


@dataset_list("kinetics", _needs)
def kinetics(cfg, split: str) -> ItemTable:
    """Read ``<DATA.PATH_TO_DATA_DIR>/<split>.csv``."""
    data = cfg.DATA
    path = list_file(data.PATH_TO_DATA_DIR, f"{split}.csv", "DATA.PATH_TO_DATA_DIR")
    videos = read_kinetics_csv(path, data.PATH_LABEL_SEPARATOR, data.PATH_PREFIX)
    if data.CLASS_NAMES_PATH:
        videos.class_names = read_class_names(
            local_path(data.CLASS_NAMES_PATH, "DATA.CLASS_NAMES_PATH")
        )
    return videos
