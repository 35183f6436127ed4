"""HMDB51's official lists: ``<class>_test_split<k>.txt`` with lines ``file flag``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from slowfast.datasets.build import dataset_list
from slowfast.datasets.items import ItemTable
from slowfast.datasets.lists.text_lists import MissingListError, read_lines, under, wrong_line
from slowfast.utils.needed import Needed
from slowfast.utils.paths import is_clutter

FLAGS = {"0": "unused", "1": "train", "2": "test"}


def read_hmdb51(folder: str | Path, fold: int, train: bool, prefix: str = "") -> ItemTable:
    """Read one fold; classes are the sorted names of the list files, not of video folders.

    Args:
        folder: where the lists lie.
        fold: 1, 2 or 3.
        train: files with flag 1, or else those with flag 2.
        prefix: folder that holds ``class/file.avi``.
    """
    ending = f"_test_split{fold}.txt"
    lists = sorted(Path(folder).glob(f"*{ending}")) if Path(folder).is_dir() else []
    lists = [path for path in lists if not is_clutter(path.name)]
    if not lists:
        raise MissingListError(
            f"{folder}: no '<class>{ending}' there. Check DATA.PATH_TO_DATA_DIR."
        )
    names = sorted(path.name.removesuffix(ending) for path in lists)
    wanted = "train" if train else "test"
    files, labels = [], []
    for label, name in enumerate(names):
        path = Path(folder) / f"{name}{ending}"
        for number, line in read_lines(path):
            *file, flag = line.rsplit(maxsplit=1)
            if flag not in FLAGS or not file:
                raise wrong_line(path, number, line, "expected 'file.avi 0', '1' or '2'.")
            if FLAGS[flag] == wanted:
                files.append(under(prefix, f"{name}/{file[0]}"))
                labels.append(label)
    return ItemTable(files, labels, names, f"{folder}/*{ending}")


HMDB51 = "https://serre-lab.clps.brown.edu/resource/hmdb-a-large-human-motion-database"


def _needs(cfg, split: str) -> Iterator[Needed]:
    data, lists = cfg.DATA, f"{HMDB51}, test_train_splits.rar"
    what = "lists of HMDB51, CLASS_test_split1.txt"
    yield Needed("DATA.PATH_TO_DATA_DIR", data.PATH_TO_DATA_DIR, what, lists)
    if data.PATH_PREFIX:
        videos = f"{HMDB51}, hmdb51_org.rar"
        yield Needed("DATA.PATH_PREFIX", data.PATH_PREFIX, "videos, class/*.avi", videos)


@dataset_list("hmdb51", _needs)
def hmdb51(cfg, split: str) -> ItemTable:
    """Read fold ``DATA.FOLD``; validation and test both read the test half."""
    data = cfg.DATA
    return read_hmdb51(data.PATH_TO_DATA_DIR, data.FOLD, split == "train", data.PATH_PREFIX)
