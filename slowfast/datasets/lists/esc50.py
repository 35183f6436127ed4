"""Lists of recordings in folds: ESC-50 with its subset ESC-10 (Piczak 2015), and lists as of DCASE.

ESC-50 is ``meta/esc50.csv`` with the columns filename, fold, target, category and esc10, and the
files in ``audio``. One fold is tested, the others are learned from.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from slowfast.datasets.build import dataset_list
from slowfast.datasets.items import ItemTable
from slowfast.datasets.lists.text_lists import MissingListError, read_lines, under, wrong_line
from slowfast.utils.errors import AnnotationError, ConfigError
from slowfast.utils.input_files import at_line, parse_whole, read_table
from slowfast.utils.needed import Needed

COLUMNS = ("filename", "fold", "category")
PLACES = ("meta/esc50.csv", "esc50.csv")
TEST_NAMES = ("test", "evaluate")


def read_esc50(
    folder: str | Path, fold: int, train: bool, prefix: str = "", only_esc10: bool = False
) -> ItemTable:
    """Read one fold; classes are numbered in the order of their names.

    Args:
        folder: holds ``meta/esc50.csv`` or ``esc50.csv``.
        fold: the one that is tested.
        train: return the others instead.
        prefix: folder of the files; empty for ``audio`` in the folder.
        only_esc10: leave out what the column ``esc10`` does not call True.

    Raises:
        AnnotationError: the table is missing or wrong.
        ConfigError: there is no such fold.
    """
    tables = [Path(folder) / name for name in PLACES]
    table = next((path for path in tables if path.is_file()), None)
    if table is None:
        raise MissingListError(f"{tables[0]}: no such table. Check DATA.PATH_TO_DATA_DIR.")
    rows = []
    for number, row in read_table(table, (*COLUMNS, *(["esc10"] if only_esc10 else []))):
        if only_esc10 and row["esc10"].strip().lower() not in ("true", "1"):
            continue
        with at_line(table, number):
            rows.append((row["filename"], parse_whole(row["fold"], "fold", 1), row["category"]))
    names, folds = sorted({name for *_, name in rows}), sorted({k for _, k, _ in rows})
    if fold not in folds:
        raise ConfigError(f"DATA.FOLD {fold}: {table} has the folds {folds}.")
    number_of = {name: k for k, name in enumerate(names)}
    chosen = [(file, number_of[name]) for file, k, name in rows if (k == fold) != train]
    files = [under(prefix or Path(folder) / "audio", file) for file, _ in chosen]
    return ItemTable(files, [label for _, label in chosen], names, table)


def read_fold_list(folder: str | Path, fold: int, train: bool, prefix: str = "") -> ItemTable:
    """Read ``fold<k>_train.txt``, or ``fold<k>_test.txt`` or ``_evaluate.txt``, as DCASE has them.

    A line is a path, a tab and the name of its class. The classes are those of the training list.

    Raises:
        AnnotationError: a list is missing or wrong.
    """
    train_list = _fold_path(folder, fold, ("train",))
    names = sorted({name for _, _, name in _fold_lines(train_list)})
    path = train_list if train else _fold_path(folder, fold, TEST_NAMES)
    files, labels = [], []
    for number, file, name in _fold_lines(path):
        if name not in names:
            problem = f"no file of class {name!r} is in {train_list.name}."
            raise wrong_line(path, number, f"{file}\t{name}", problem)
        files.append(under(prefix or folder, file))
        labels.append(names.index(name))
    return ItemTable(files, labels, names, path)


def _fold_path(folder: str | Path, fold: int, kinds: tuple[str, ...]) -> Path:
    paths = [Path(folder) / f"fold{fold}_{kind}.txt" for kind in kinds]
    found = next((path for path in paths if path.is_file()), None)
    if found is None:
        raise MissingListError(f"{paths[0]}: no such list file. Check DATA.PATH_TO_DATA_DIR.")
    return found


def _fold_lines(path: Path) -> list[tuple[int, str, str]]:
    found = []
    for number, line in read_lines(path):
        file, tab, rest = line.partition("\t")
        if not tab or not rest.strip():
            raise wrong_line(path, number, line, "expected a path, a tab and a class.")
        found.append((number, file.strip(), rest.split("\t")[0].strip()))
    if not found:
        raise AnnotationError(f"{path}: lists no file at all.")
    return found


def _needs(cfg, split: str) -> Iterator[Needed]:
    folder, what = cfg.DATA.PATH_TO_DATA_DIR, "ESC-50: meta/esc50.csv and audio/*.wav"
    yield Needed("DATA.PATH_TO_DATA_DIR", folder, what, "https://github.com/karolpiczak/ESC-50")


@dataset_list("esc50", _needs)
def esc50(cfg, split: str) -> ItemTable:
    """Read fold ``DATA.FOLD`` of ESC-50; validation and test both read the tested fold."""
    data = cfg.DATA
    return read_esc50(data.PATH_TO_DATA_DIR, data.FOLD, split == "train", data.PATH_PREFIX)


@dataset_list("esc10", _needs)
def esc10(cfg, split: str) -> ItemTable:
    """Read fold ``DATA.FOLD`` of ESC-10, the ten classes of ESC-50 that its table marks."""
    data = cfg.DATA
    return read_esc50(data.PATH_TO_DATA_DIR, data.FOLD, split == "train", data.PATH_PREFIX, True)


@dataset_list("dcase")
def dcase(cfg, split: str) -> ItemTable:
    """Read fold ``DATA.FOLD`` of lists as DCASE has them; validation reads the test list."""
    data = cfg.DATA
    return read_fold_list(data.PATH_TO_DATA_DIR, data.FOLD, split == "train", data.PATH_PREFIX)
