"""Reading of text lists line by line, with errors that name file and line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from slowfast.utils import input_files
from slowfast.utils.errors import AnnotationError
from slowfast.utils.input_files import at_line, parse_whole, read_json, readable, wrong_line
from slowfast.utils.remote import SCHEME, is_remote, split_member


class MissingListError(AnnotationError):
    """A list, or the folder that stands for one, that does not exist."""


def read_lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """Yield ``(line number, text)`` of the non-empty lines, without line ends or a BOM.

    Raises:
        MissingListError: there is no such file.
        AnnotationError: it is not text.
    """
    if not os.path.exists(path):
        raise MissingListError(f"{path}: no such list file. {_neighbours(Path(path))}")
    for number, line in input_files.read_lines(path):
        text = line.strip()
        if text:
            yield number, text


def _neighbours(path: Path) -> str:
    if not path.parent.is_dir():
        return f"The folder {path.parent} does not exist either: check DATA.PATH_TO_DATA_DIR."
    names = sorted(p.name for p in path.parent.iterdir() if p.is_file())[:8]
    return f"The folder holds: {', '.join(names) or 'no file'}."


def under(prefix: str | Path, name: str) -> str:
    """Return a path of a list seen from the folder of all its files, which may lie elsewhere.

    ``zip://`` before the name of an archive makes no difference: it lies in the folder too.
    """
    if name.startswith("zip://"):
        name = "::".join(filter(None, split_member(name)))
    if SCHEME.match(name):
        return name
    path = os.path.join(prefix, name)
    if is_remote(path):
        return path
    plain = not ("//" in path or "/./" in path or path.startswith("./") or path.endswith("/"))
    return path if plain else str(Path(path))  # which takes a hundred times as long


def split_quoted(line: str, separator: str) -> tuple[str, str] | None:
    """Return the path between the quotes that a line begins with and what follows, or None."""
    end = line.replace('""', "  ").find('"', 1)  # a doubled quote stands for one
    if line[0] != '"' or end < 0:
        return None
    rest = line[end + 1 :]
    if rest and not (rest[0].isspace() or rest.startswith(separator)):
        return None  # the quotes are part of the name
    return line[1:end].replace('""', '"'), rest


def parse_label(path: str | Path, number: int, line: str, text: str) -> int:
    """Return a class number.

    Raises:
        AnnotationError: it is not a whole number below 1e9, or negative.
    """
    if text[:1] == "-" and text[1:].isdecimal():
        raise wrong_line(path, number, line, f"the label {text} is negative.")
    if not text.isdecimal():
        raise wrong_line(path, number, line, f"the label {text!r} is not a whole number.")
    with at_line(path, number, line):
        return parse_whole(text, "label")


def read_class_names(path: str | Path) -> list[str]:
    """Return one class name per line, or the names of a JSON ``{name: number}`` in order."""
    if Path(path).suffix == ".json":
        return _names_from_json(Path(path))
    return [readable(line) for _, line in read_lines(path)]


def _names_from_json(path: Path) -> list[str]:
    numbers = read_json(path)
    try:
        return sorted(numbers, key=lambda name: parse_whole(str(numbers[name]), f"id of {name}"))
    except ValueError as problem:
        raise AnnotationError(f"{path}: not a JSON object of name: number; {problem}") from None
