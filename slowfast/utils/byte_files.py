"""Files within files: the bytes from one place to another, and members of zip archives."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from abc import ABC, abstractmethod
from typing import BinaryIO, NamedTuple

LARGEST_UNPACKED = 1 << 30  # bytes of a compressed member
KNOWN_MEMBERS = 200_000  # of archives whose tables of contents a process keeps
BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
    ValueError,
    EOFError,
)


class ByteFile(io.RawIOBase, ABC):
    """So many bytes as a file, by what gives those from one place to another."""

    def __init__(self, name: str, size: int) -> None:
        super().__init__()
        self.name, self.size, self._place = name, size, 0

    @abstractmethod
    def _between(self, begin: int, end: int) -> bytes:
        """Return the bytes from one place to another, both inside."""

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can seek."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place and return it."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.size}[whence]
        if origin + offset < 0:
            raise ValueError(f"place {origin + offset} lies before the file")
        self._place = origin + offset
        return self._place

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes: so many, or up to the end."""
        begin, left = self._place, max(self.size - self._place, 0)
        self._place += left if size is None or size < 0 else min(size, left)
        return self._between(begin, self._place) if self._place > begin else b""

    def readinto(self, buffer) -> int:
        """Fill a buffer and return the bytes read."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class Window(ByteFile):
    """The bytes of a file from one place on as a file; closing it closes the file."""

    def __init__(self, file: BinaryIO, name: str, begin: int, size: int) -> None:
        super().__init__(name, size)
        self._file, self._begin = file, begin

    def _between(self, begin: int, end: int) -> bytes:
        self._file.seek(self._begin + begin)
        return self._file.read(end - begin)

    def close(self) -> None:
        """Close the file too."""
        self._file.close()
        super().close()


class Member(NamedTuple):
    """A member of an archive: where its header begins, and how its bytes are kept."""

    offset: int
    packed: int
    size: int
    method: int
    flags: int


def open_member(file: BinaryIO, archive: str, member: str) -> BinaryIO:
    """Open a member of an opened archive; closing it closes the archive.

    Raises:
        OSError: no such member, or one that cannot be read.
    """
    try:
        facts = members_of(file, archive).get(member)
        if facts is None:
            raise FileNotFoundError(f"{archive} has no member {member!r}")
        if facts.flags & 0x1:
            raise PermissionError("the member of the archive is encrypted")
        if facts.method == zipfile.ZIP_STORED:
            return Window(file, f"{archive}::{member}", _begin_of(file, facts), facts.size)
        if facts.size > LARGEST_UNPACKED:
            raise OSError(f"a compressed member of {facts.size} bytes; store it instead (zip -0)")
        with file, zipfile.ZipFile(file) as opened:
            whole = io.BytesIO(opened.read(member))
    except BROKEN_ZIP as error:
        file.close()
        raise OSError(f"{archive}: {error}") from error
    except BaseException:
        file.close()
        raise
    whole.name = f"{archive}::{member}"
    return whole


def _begin_of(file: BinaryIO, member: Member) -> int:
    """Return where the bytes of a stored member begin: behind its name and what else precedes them."""
    file.seek(member.offset)
    header = file.read(30)
    if header[:4] != b"PK\x03\x04" or member.packed != member.size:
        raise zipfile.BadZipFile("a member does not begin where the table of contents says")
    lengths = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
    return member.offset + 30 + sum(lengths)


_CONTENTS: dict[tuple[str, int, str | int], dict[str, Member]] = {}


def _version_of(file: BinaryIO) -> str | int:
    """Return what is another after an archive was replaced by one of the same size."""
    if hasattr(file, "version"):
        return file.version
    try:
        return os.fstat(file.fileno()).st_mtime_ns
    except OSError:  # in memory
        return ""


def members_of(file: BinaryIO, archive: str) -> dict[str, Member]:
    """Return the members of an archive by name; those of archives read last are kept.

    Raises:
        OSError: it is no archive, or damaged.
    """
    key = archive, file.seek(0, io.SEEK_END), _version_of(file)
    if key in _CONTENTS:
        return _CONTENTS[key]
    try:
        with zipfile.ZipFile(file) as opened:
            files = [one for one in opened.infolist() if not one.is_dir()]
        found = {
            one.filename: Member(
                *(one.header_offset, one.compress_size, one.file_size),
                *(one.compress_type, one.flag_bits),
            )
            for one in files
        }
        if len(found) < len(files):
            raise zipfile.BadZipFile("a name occurs twice")
    except BROKEN_ZIP as error:
        raise OSError(f"{archive} is not a readable zip archive: {error}") from error
    while _CONTENTS and sum(map(len, [*_CONTENTS.values()])) + len(found) > KNOWN_MEMBERS:
        _CONTENTS.pop(next(iter(_CONTENTS)), None)
    _CONTENTS[key] = found
    return found
