"""Lines of small text files and the fields in them, with errors that name the file and the line."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from slowfast.evaluation.boxes import image_key
from slowfast.utils.errors import AnnotationError

Row = TypeVar("Row")


def parse_lines(path: str | Path, parse: Callable[[str], Row]) -> list[Row]:
    """Return what ``parse`` makes of each line that is not blank.

    Raises:
        AnnotationError: the file cannot be read, or ``parse`` raised a ValueError with a sentence;
            the message then names the file and the line.
    """
    rows = []
    for number, line in _lines(path):
        try:
            rows.append(parse(line))
        except ValueError as problem:
            shown = line if len(line) <= 120 else line[:117] + "..."
            message = f"{path}, line {number}: {problem} The line is {shown!r}."
            raise AnnotationError(message) from None
    return rows


def read_text(path: str | Path) -> str:
    """Return a UTF-8 text without a byte order mark, its lines ending in a line feed.

    Raises:
        AnnotationError: there is no such file, or it is no text.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise AnnotationError(f"{path}: no such file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise AnnotationError(f"{path}: not a readable text file ({error}).") from error


def _lines(path: str | Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if line.strip():
            yield number, line.strip()


def parse_key(video: str, second: str) -> str:
    """Return the key of a frame.

    Raises:
        ValueError: the video has no name, or the second is no whole number.
    """
    return image_key(parse_video(video), parse_whole(second, "second", 0))


def parse_video(text: str) -> str:
    """Return a name, or raise a ValueError if there is none."""
    # Some programs quote texts and not numbers; the quotes are no part of the name.
    name = text.strip().strip('"')
    if not name:
        raise ValueError("the video has no name.")
    return name


def parse_whole(text: str, name: str, low: int) -> int:
    """Return a whole number below 1e9, or raise a ValueError if ``text`` is none from ``low``."""
    text = text.strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) >= low):
        raise ValueError(f"the {name} is {text!r}, expected a whole number from {low}.")
    return int(text)


def parse_number(text: str, name: str) -> float:
    """Return a finite number, or raise a ValueError."""
    try:
        value = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{name} is {text!r}, expected a number.")
    return value
