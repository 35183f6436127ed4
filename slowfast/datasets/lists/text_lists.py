"""Reading of text lists line by line, with errors that name file and line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from slowfast.utils.errors import AnnotationError


class MissingListError(AnnotationError):
    """A list, or the folder that stands for one, that does not exist."""


def read_lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """Yield ``(line number, text)`` of the non-empty lines, without line ends or a BOM.

    Raises:
        MissingListError: there is no such file.
        AnnotationError: it is not UTF-8 text.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise MissingListError(f"{path}: no such list file. {_neighbours(Path(path))}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise AnnotationError(f"{path}: not a readable text file ({error}).") from error
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield number, line.strip()


def _neighbours(path: Path) -> str:
    if not path.parent.is_dir():
        return f"The folder {path.parent} does not exist either: check DATA.PATH_TO_DATA_DIR."
    names = sorted(p.name for p in path.parent.iterdir() if p.is_file())[:8]
    return f"The folder holds: {', '.join(names) or 'no file'}."


def wrong_line(path: str | Path, number: int, line: str, problem: str) -> AnnotationError:
    """Return the error for one line of a list."""
    shown = line if len(line) <= 120 else line[:117] + "..."
    return AnnotationError(f"{path}, line {number}: {problem} The line is {shown!r}.")


def parse_label(path: str | Path, number: int, line: str, text: str) -> int:
    """Return a class number.

    Raises:
        AnnotationError: it is not a whole number, or negative.
    """
    try:
        label = int(text)
    except ValueError:
        problem = f"the label {text!r} is not a whole number."
        raise wrong_line(path, number, line, problem) from None
    if label < 0:
        raise wrong_line(path, number, line, f"the label {label} is negative.")
    return label


def read_class_names(path: str | Path) -> list[str]:
    """Return one class name per line, or the names of a JSON ``{name: number}`` in order."""
    if Path(path).suffix == ".json":
        return _names_from_json(Path(path))
    return [line for _, line in read_lines(path)]


def _names_from_json(path: Path) -> list[str]:
    try:
        numbers = json.loads(path.read_text())
        return sorted(numbers, key=numbers.__getitem__)
    except (OSError, ValueError, AttributeError, TypeError, LookupError) as error:
        raise AnnotationError(f"{path}: not a JSON object of name: number ({error}).") from error
