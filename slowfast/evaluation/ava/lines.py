"""Lines of small text files and the fields in them, with errors that name the file and the line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from slowfast.evaluation.boxes import image_key
from slowfast.utils.input_files import at_line, parse_number, parse_whole, read_lines, read_text

__all__ = ["parse_key", "parse_lines", "parse_number", "parse_video", "parse_whole", "read_text"]

Row = TypeVar("Row")


def parse_lines(path: str | Path, parse: Callable[[str], Row]) -> list[Row]:
    """Return what ``parse`` makes of each line that is not blank.

    Raises:
        AnnotationError: the file cannot be read, or ``parse`` raised a ValueError with a sentence;
            the message then names the file and the line.
    """
    rows = []
    for number, line in read_lines(path):
        text = line.strip()
        if text:
            with at_line(path, number, text):
                rows.append(parse(text))
    return rows


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
