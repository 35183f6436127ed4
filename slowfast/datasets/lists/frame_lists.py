"""The frame lists of AVA and Charades: which images make which video.

A header, then ``original_vido_id video_id frame_id path labels`` with spaces between, one line per
frame; ``labels`` is a quoted list of class numbers, or ``""``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from slowfast.datasets.columns import StringTable
from slowfast.utils.errors import AnnotationError
from slowfast.utils.input_files import parse_whole, read_lines

HEADER = "original_vido_id video_id frame_id path labels"
NUMBERED = re.compile(r"^(.*?)(\d+)(\D*)$", re.DOTALL)


@dataclass(frozen=True)
class NumberedPaths(Sequence):
    """Paths that differ in a running number alone: of millions, only the first is kept.

    Args:
        head, tail: what stands before and after the number.
        first: the number of the first.
        digits: least number of digits.
        count: how many there are.
    """

    head: str
    first: int
    digits: int
    tail: str
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, k: int) -> str:
        if not 0 <= k < self.count:
            raise IndexError(k)
        return f"{self.head}{self.first + k:0{self.digits}d}{self.tail}"


def compact(paths: list[str]) -> Sequence[str]:
    """Return the same paths in less memory."""
    match = NUMBERED.match(paths[0])
    if match:
        head, number, tail = match.groups()
        numbered = NumberedPaths(head, int(number), len(number), tail, len(paths))
        if all(ours == theirs for ours, theirs in zip(numbered, paths, strict=True)):
            return numbered
    return StringTable.from_strings(paths)


@dataclass(frozen=True)
class FrameLine:
    """A line of a frame list.

    Attributes:
        video: name of the video.
        path: of the image, below the folder of all images.
        labels: class numbers of the frame.
    """

    video: str
    path: str
    labels: tuple[int, ...]


def read_frame_list(path: str | Path) -> Iterator[tuple[str, list[FrameLine]]]:
    """Yield each video with its lines, in the order of the list.

    Raises:
        AnnotationError: the file is missing, empty or has a wrong line; or a video's lines do not
            stand together.
    """
    seen: set[str] = set()
    for video, lines in groupby(_lines(path), key=lambda line: line.video):
        if video in seen:
            raise AnnotationError(f"{path}: the frames of {video} do not stand together.")
        seen.add(video)
        yield video, list(lines)
    if not seen:
        raise AnnotationError(f"{path}: lists no frame at all.")


def _lines(path: str | Path) -> Iterator[FrameLine]:
    for number, text in read_lines(path, "no readable frame list"):
        fields = text.split()
        if not fields or (number == 1 and fields[0].startswith("original_vid")):
            continue
        yield _line(path, number, fields)


def _line(path: str | Path, number: int, fields: list[str]) -> FrameLine:
    if len(fields) != 5:
        raise AnnotationError(
            f"{path}, line {number}: {len(fields)} fields, expected the five of '{HEADER}'."
        )
    quoted = fields[4].strip('"')
    try:
        labels = tuple(parse_whole(k, "label") for k in quoted.split(",")) if quoted else ()
    except ValueError as error:
        raise AnnotationError(
            f"{path}, line {number}: labels {fields[4][:120]}, expected class numbers with commas "
            "between, in quotes."
        ) from error
    return FrameLine(fields[0], fields[3], labels)
