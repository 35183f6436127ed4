"""Files that others wrote or that a crash tore: whatever is wrong with one is an error of one sentence.

Bytes that are not UTF-8 survive as the surrogates by which Python keeps the names of such files (PEP
383), so that an old list still finds the files that it names.
"""

from __future__ import annotations

import csv
import json
import math
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from slowfast.utils.errors import AnnotationError, SlowFastError, brief
from slowfast.utils.patience import patiently

WHOLE = re.compile(r"(\d{1,9})(\.0*)?", re.ASCII)
# How far beyond a frame a box may lie, as a share of its side: rounding. More means pixels.
OVERSHOOT = 0.01
LONGEST_PROBLEM = 300  # characters; a damaged line may be as long as its file
NOT_TEXT = "not a readable text file"
# What numpy and zipfile raise for an archive that is torn, damaged or claims more than it holds.
UNREADABLE_ARRAYS = (
    OSError,
    ValueError,
    LookupError,
    EOFError,
    MemoryError,
    RuntimeError,
    TypeError,
    zipfile.BadZipFile,
    zlib.error,
)


def read_lines(path: str | Path, problem: str = NOT_TEXT) -> Iterator[tuple[int, str]]:
    """Yield ``(line number, line)`` of a text, line ends included, without a byte order mark.

    Args:
        path: of the file.
        problem: what an error calls a file that is not text.

    Raises:
        AnnotationError: the file is missing, or not text.
    """
    try:
        options = {"encoding": "utf-8-sig", "errors": "surrogateescape", "newline": ""}
        with patiently(lambda: open(path, **options)) as file:
            for number, line in enumerate(file, 1):
                if "\0" in line:
                    raise AnnotationError(f"{path}, line {number}: {problem} (it has a zero byte).")
                yield number, line
    except FileNotFoundError as error:
        text = "no such file" if problem is NOT_TEXT else f"{problem} (no such file)"
        raise AnnotationError(f"{path}: {text}.") from error
    except (OSError, ValueError) as error:
        raise AnnotationError(f"{path}: {problem} ({error}).") from error


def read_text(path: str | Path) -> str:
    """Return a whole text, its lines ending in a line feed; see :func:`read_lines`."""
    text = "".join(line for _, line in read_lines(path))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_rows(path: str | Path, problem: str = NOT_TEXT) -> Iterator[tuple[int, list[str]]]:
    """Yield ``(line number, fields)`` of the rows of a csv file that are not blank.

    Raises:
        AnnotationError: the file is missing or not text, or a row is not csv.
    """
    reader = csv.reader(line for _, line in read_lines(path, problem))
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise AnnotationError(
                f"{path}, line {reader.line_num}: {problem} ({error})."
            ) from error
        if fields is None:
            return
        if fields:
            yield reader.line_num, fields


def read_table(
    path: str | Path, columns: Sequence[str], problem: str = NOT_TEXT
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield ``(line number, {column: field})`` of a csv file that begins with a header.

    Raises:
        AnnotationError: see :func:`read_rows`; or a column is missing, or a row is too short.
    """
    rows = read_rows(path, problem)
    _, header = next(rows, (1, []))
    missing = [name for name in columns if name not in header]
    if missing:
        raise AnnotationError(f"{path}: no column {' and '.join(missing)}.")
    for number, fields in rows:
        row = dict(zip(header, fields, strict=False))
        if any(name not in row for name in columns):
            raise AnnotationError(
                f"{path}, line {number}: {len(fields)} fields, expected {len(header)}."
            )
        yield number, row


def read_json(path: str | Path) -> dict[str, Any]:
    """Return the object that a JSON file holds.

    Raises:
        AnnotationError: the file is missing, or holds something else.
    """
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise AnnotationError(f"{path}: not a JSON object ({error}).") from error
    if not isinstance(content, dict):
        raise AnnotationError(f"{path}: not a JSON object (it is a {type(content).__name__}).")
    return content


@contextmanager
def reading_arrays(path: str | Path, error: type[SlowFastError], problem: str) -> Iterator[Any]:
    """Open an ``.npz`` file for the block; what goes wrong in there is its fault.

    Raises:
        error: ``<path>: <problem> (<reason>)``.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if not isinstance(arrays, np.lib.npyio.NpzFile):
                raise ValueError("not an archive of arrays")
            yield arrays
    except UNREADABLE_ARRAYS as reason:
        what = f"{reason}".partition("\n")[0] or type(reason).__name__
        raise error(f"{path}: {problem} ({what}).") from reason


@contextmanager
def at_line(path: str | Path, number: int, line: str = "") -> Iterator[None]:
    """Turn a ValueError of the block, whose text is a sentence, into an error that names the line."""
    try:
        yield
    except ValueError as problem:
        raise wrong_line(path, number, line, str(problem)) from None


def wrong_line(path: str | Path, number: int, line: str, problem: str) -> AnnotationError:
    """Return the error for one line of a file."""
    shown = f" The line is {brief(line)}." if line else ""
    if len(problem) > LONGEST_PROBLEM:
        problem = f"{problem[:LONGEST_PROBLEM]}..."
    return AnnotationError(f"{path}, line {number}: {problem}{shown}")


def parse_whole(text: str, name: str, low: int = 0, high: int = 999_999_999) -> int:
    """Return a whole number, also one that a program wrote as ``902.0``.

    Raises:
        ValueError: it is none, or out of range.
    """
    text = text.strip()
    match = WHOLE.fullmatch(text)
    if match is None or not low <= int(match[1]) <= high:
        limit = "" if high == 999_999_999 else f" to {high}"
        raise ValueError(f"the {name} is {brief(text)}, expected a whole number from {low}{limit}.")
    return int(match[1])


def parse_number(text: str, name: str) -> float:
    """Return a finite number.

    Raises:
        ValueError: it is none.
    """
    try:
        value = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{name} is {brief(text)}, expected a number.")
    return value


def readable(text: str) -> str:
    """Return text that every file, terminal and figure takes: bytes that are not UTF-8 as Latin-1."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape").decode("latin-1")
    return text
