"""What the boxes of an MP4 or QuickTime file say, before FFmpeg believes them (ISO/IEC 14496-12).

FFmpeg allocates an entry for every sample that a header claims, so that a damaged number costs
gigabytes. The tables themselves are not read here: a file costs some forty small reads.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from slowfast.utils.byte_files import Window
from slowfast.utils.remote import is_remote

OUTER_BOXES = {
    *(b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"moof"),
    *(b"uuid", b"styp", b"sidx", b"pnot", b"pdin"),
}
PARENT_BOXES = {b"moov", b"trak", b"mdia", b"minf", b"stbl"}
BYTES_PER_ENTRY = {b"stts": 8, b"ctts": 8, b"stsc": 12, b"stss": 4, b"stco": 4, b"co64": 8}
MAX_BOXES = 100_000
MAX_DEPTH = 8


@dataclass
class Mp4Boxes:
    """Facts of a file.

    Attributes:
        is_mp4: whether it is of this family at all; all else is empty where it is not.
        end: where the last outer box ends, bytes; beyond the file's size where it was cut off.
        seconds: the length that the movie header claims.
        fragmented: whether more frames follow in fragments (``moof``).
        problem: why a claim cannot be true; empty where none is false.
        samples: the largest number of samples that a track of frames claims.
        layouts: channel-layout boxes for more than two channels: place of the name, content.
        handler, boxes: kind of the track that is being read, and boxes read so far.
    """

    is_mp4: bool = False
    end: int = 0
    seconds: float = 0.0
    fragmented: bool = False
    problem: str = ""
    samples: int = 0
    layouts: dict[int, bytes] = field(default_factory=dict)
    handler: bytes = b""
    boxes: int = 0


def read_mp4_boxes(file: BinaryIO, size: int) -> Mp4Boxes:
    """Return what the boxes of a file of so many bytes say; never raises for what they hold."""
    facts = Mp4Boxes()
    for number, (kind, begin, end) in enumerate(_boxes(file, 0, size)):
        if number == 0:
            facts.is_mp4 = kind in OUTER_BOXES
        if not facts.is_mp4 or number > MAX_BOXES:
            break
        if kind in OUTER_BOXES:  # players pass over whatever else stands at the end
            facts.end = max(facts.end, end)
        facts.fragmented |= kind == b"moof"
        if kind == b"moov":
            _read_level(file, begin, min(end, size), facts)
    return facts


def _boxes(file: BinaryIO, position: int, limit: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, begin of the content and end of each box between two places."""
    while position + 8 <= limit:
        file.seek(position)
        header = file.read(16)
        length, kind = int.from_bytes(header[:4], "big"), header[4:8]
        content = position + 8
        if length == 1 and len(header) == 16:
            length, content = int.from_bytes(header[8:], "big"), position + 16
        # 0 stands for "to the end of the file"; less than a header is not a box
        end = position + length if length >= 8 else limit
        yield kind, content, end
        position = end


def _read_level(file: BinaryIO, begin: int, end: int, facts: Mp4Boxes, depth: int = 0) -> None:
    """Read the boxes of one parent, and those of the parents inside it."""
    for kind, content, stop in _boxes(file, begin, end):
        facts.boxes += 1
        if facts.boxes > MAX_BOXES or depth > MAX_DEPTH:
            facts.problem = "its header nests too many boxes"
            return
        stop = min(stop, end)
        if kind in PARENT_BOXES:
            _read_level(file, content, stop, facts, depth + 1)
        elif kind == b"mvhd":
            facts.seconds = max(facts.seconds, _movie_seconds(_bytes_at(file, content, 32)))
        elif kind == b"hdlr":
            facts.handler = _bytes_at(file, content + 8, 4)
        elif kind == b"stsz":
            _check_sizes(_bytes_at(file, content, 12), stop - content, facts)
        elif kind in BYTES_PER_ENTRY:
            count = int.from_bytes(_bytes_at(file, content + 4, 4), "big")
            if count * BYTES_PER_ENTRY[kind] > stop - content:
                facts.problem = f"its header claims {count} entries in a table that is too small"
        elif kind == b"stsd":
            _find_layouts(file, content, stop, facts)


def _check_sizes(table: bytes, room: int, facts: Mp4Boxes) -> None:
    if len(table) < 12:
        return
    each, count = struct.unpack(">II", table[4:12])
    if each == 0 and 4 * count > room:
        facts.problem = f"its header claims {count} samples in a table that is too small"
    elif facts.handler != b"soun":  # uncompressed audio counts every sample
        facts.samples = max(facts.samples, count)


def _movie_seconds(box: bytes) -> float:
    if len(box) < 32 or box[0] not in (0, 1):
        return 0.0
    layout = ">II" if box[0] == 0 else ">IQ"
    ticks, length = struct.unpack_from(layout, box, 12 if box[0] == 0 else 20)
    unknown = length in (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
    return 0.0 if unknown or not ticks else length / ticks


def _find_layouts(file: BinaryIO, begin: int, end: int, facts: Mp4Boxes) -> None:
    content = _bytes_at(file, begin, min(end - begin, 1 << 16))
    place = content.find(b"chan")
    while place >= 0:
        tag = content[place + 8 : place + 12]
        channels = int.from_bytes(tag[2:], "big")  # the low half of a tag counts the channels
        if len(tag) == 4 and channels not in (1, 2):
            length = int.from_bytes(content[max(place - 4, 0) : place], "big")
            facts.layouts[begin + place] = content[place : place - 4 + max(length, 16)]
        place = content.find(b"chan", place + 4)


def _bytes_at(file: BinaryIO, position: int, count: int) -> bytes:
    file.seek(position)
    return file.read(max(count, 0))


class MaskedFile(Window):
    """A file whose bytes at some places read as ``free``: boxes of that name are passed over.

    Without a ``chan`` box FFmpeg takes the usual layout of as many channels.
    """

    def __init__(self, file: BinaryIO, name: str, size: int, places: Iterable[int]) -> None:
        super().__init__(file, name, 0, size)
        self._places = list(places)

    def _between(self, begin: int, end: int) -> bytes:
        data = super()._between(begin, end)
        for place in self._places:
            low, high = max(place, begin), min(place + 4, end)
            if low < high:
                mask = b"free"[low - place : high - place]
                data = data[: low - begin] + mask + data[high - begin :]
        return data


# What was found of the channel layouts met so far, by the content of their boxes.
_MISLEADS: dict[tuple[bytes, ...], bool] = {}
_PROBE = """
import sys, av
with av.open(sys.argv[1]) as media:
    mixer = av.AudioResampler("s32", "mono", 16000)
    for _, frame in zip(range(20), media.decode(audio=0)):
        frame.pts = None
        mixer.resample(frame)
"""


def layout_misleads(path: str | Path, boxes: Mp4Boxes) -> bool:
    """Tell whether a file's channel layout keeps its audio from being read, tried in a child.

    PyAV 18 frees layouts with an order of their own twice, which ends the process. Each kind of
    layout is tried once; of files that lie elsewhere none is trusted.
    """
    key = tuple(boxes.layouts.values())
    if is_remote(path):
        return bool(key)
    if key and key not in _MISLEADS:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE, os.path.abspath(path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        _MISLEADS[key] = done.returncode != 0
    return _MISLEADS.get(key, False)
