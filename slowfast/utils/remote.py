"""Files that are not files of this machine's disk, read in parts: ``https://``, ``s3://`` and whatever else
fsspec opens, and members of zip archives anywhere.

``train-000.zip::a.mp4`` is a member of an archive; the archive may itself lie elsewhere
(``s3://bucket/train-000.zip::a.mp4``), and ``zip://`` may stand before either. A member that is stored
(``zip -0``) is read in parts; a compressed one is unpacked in memory.

Parts are whole blocks, which :class:`~slowfast.utils.block_cache.BlockCache` keeps on the local disk.
Nothing here is shared between processes but that folder: a file belongs to the process that opened it.
"""

from __future__ import annotations

import hashlib
import http.client
import io
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from abc import ABC, abstractmethod
from collections import OrderedDict
from typing import BinaryIO

from slowfast.utils.block_cache import BLOCK_BYTES, BlockCache
from slowfast.utils.byte_files import ByteFile, members_of, open_member

WEB = ("http://", "https://")
SCHEME = re.compile(r"[a-z][a-z0-9+.-]+://")
MEMBER = re.compile(r"(?:zip://)?(.+?\.zip)::/*(.+)", re.IGNORECASE | re.DOTALL)
FSSPEC_ORDER = re.compile(r"zip://(.+)::(.+\.zip)", re.IGNORECASE | re.DOTALL)
ATTEMPTS = 4
PAUSE_SECONDS = 0.2  # before the second attempt; before each further one it is three times as long
REQUEST_SECONDS = 30.0
BLOCKS_IN_MEMORY = 8
URL_CHARACTERS = "%/:?#[]@!$&'()*+,;=~"
PASSING_STATUS = {408, 425, 429, 500, 502, 503, 504}


def is_remote(path: str | os.PathLike) -> bool:
    """Tell what this module opens from the path of a file or folder."""
    text = str(path)
    return bool(SCHEME.match(text)) or ".zip::" in text.lower()


def split_member(path: str) -> tuple[str, str]:
    """Return the archive and the name of a member; the name is empty where the path names none."""
    match = MEMBER.fullmatch(path)
    if match is None:
        swapped = FSSPEC_ORDER.fullmatch(path)
        return (swapped[2], swapped[1]) if swapped else (path, "")
    return match[1], match[2]


def open_binary(path: str | os.PathLike, cache: BlockCache | None = None) -> BinaryIO:
    """Open a file of any kind for reading; it can seek and knows its ``name``.

    Args:
        path: of a file here, or see above.
        cache: keeps blocks of what lies elsewhere.

    Raises:
        OSError: it does not exist or cannot be read; what passes by itself was tried several times.
    """
    text = str(path)
    if not is_remote(text):
        return open(path, "rb")
    archive, member = split_member(text)
    if member:
        return open_member(open_binary(archive, cache), archive, member)
    kind = HttpSource if text.startswith(WEB) else FsspecSource
    return RemoteFile(persistently(lambda: kind(text)), cache)


def size_of(path: str | os.PathLike) -> int:
    """Return the bytes of a file of any kind.

    Raises:
        OSError: it does not exist, or its size is not known.
    """
    if not is_remote(path):
        return os.path.getsize(path)
    with open_binary(path) as file:
        return file.seek(0, io.SEEK_END)


def exists(path: str | os.PathLike) -> bool:
    """Tell whether there is such a file, of any kind.

    Raises:
        OSError: where it lies cannot be asked.
    """
    if not is_remote(path):
        return os.path.exists(path)
    try:
        size_of(path)
    except FileNotFoundError:
        return False
    return True


def is_archive(path: str) -> bool:
    """Tell the path of an archive, by its name."""
    return path.lower().endswith(".zip")


def split_folder(path: str) -> tuple[str, str]:
    """Return what a file lies in, an archive or a folder, and its name there."""
    archive, member = split_member(path)
    if member:
        return archive, member
    folder, _, name = path.rpartition("/")
    return folder, name


def names_in(folder: str) -> set[str]:
    """Return the names in an archive, or in a folder that fsspec can list.

    Raises:
        OSError: it does not exist or cannot be read.
    """
    if is_archive(folder):
        with open_binary(folder) as file:
            return set(members_of(file, folder))
    filesystem, inner = _filesystem(folder)
    try:
        found = filesystem.ls(inner, detail=False)
    except FileNotFoundError:
        return set()
    return {str(name).rstrip("/").rpartition("/")[2] for name in found}


class Source(ABC):
    """Where the bytes of a file come from.

    Attributes:
        name: of the file.
        size: in bytes.
        version: another one after the file has changed, where that can be known.
    """

    name: str
    size: int
    version: str

    @abstractmethod
    def fetch(self, begin: int, end: int) -> bytes:
        """Return the bytes from one place to another, both inside the file."""


class HttpSource(Source):
    """A file on a web server that answers requests for parts of it."""

    def __init__(self, url: str) -> None:
        self.name, self._url = url, urllib.parse.quote(url, safe=URL_CHARACTERS)
        with self._ask(0, 1) as answer:
            total = re.fullmatch(r"bytes \S+/(\d+)", answer.headers.get("Content-Range", ""))
            if answer.status != http.client.PARTIAL_CONTENT or total is None:
                raise OSError(
                    "the server does not hand out parts of files (no answer to a Range request)"
                )
            stamp = (answer.headers.get(key, "") for key in ("ETag", "Last-Modified"))
            self.size, self.version = int(total[1]), "|".join(stamp)

    def _ask(self, begin: int, end: int):
        wanted = {"Range": f"bytes={begin}-{end - 1}", "Accept-Encoding": "identity"}
        request = urllib.request.Request(self._url, headers=wanted)
        try:
            return urllib.request.urlopen(request, timeout=REQUEST_SECONDS)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (404, 410):
                raise FileNotFoundError(f"no such file on the server ({error.code})") from error
            if error.code not in PASSING_STATUS:
                raise PermissionError(
                    f"the server refuses ({error.code} {error.reason})"
                ) from error
            raise

    def fetch(self, begin: int, end: int) -> bytes:
        """Return the bytes from one place to another."""
        with self._ask(begin, end) as answer:
            return answer.read()


class FsspecSource(Source):
    """A file of any file system that fsspec knows."""

    def __init__(self, path: str) -> None:
        self.name = path
        self._filesystem, self._path = _filesystem(path)
        facts = self._filesystem.info(self._path)
        if facts.get("type") == "directory" or facts.get("size") is None:
            raise FileNotFoundError("not a file")
        self.size, self.version = int(facts["size"]), str(self._filesystem.ukey(self._path))

    def fetch(self, begin: int, end: int) -> bytes:
        """Return the bytes from one place to another."""
        return self._filesystem.cat_file(self._path, start=begin, end=end)


def _filesystem(path: str):
    """Return what fsspec opens a path with, and the path as that knows it."""
    import fsspec

    try:
        return fsspec.core.url_to_fs(path)
    except (ImportError, ValueError) as error:
        raise OSError(f"fsspec cannot open it: {error}") from error


def persistently(read):
    """Return what ``read`` returns; what may pass by itself is tried again, with longer pauses.

    Raises:
        OSError: it failed every time, or at once where another attempt would not help.
    """
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_SECONDS * 3 ** (attempt - 1))
        try:
            return read()
        except (FileNotFoundError, PermissionError, IsADirectoryError):
            raise
        except (OSError, http.client.HTTPException, EOFError) as error:
            failure = error
    if isinstance(failure, OSError):
        raise failure
    raise OSError(f"{type(failure).__name__}: {failure}") from failure


class RemoteFile(ByteFile):
    """A file elsewhere as a file here.

    Args:
        source: of its bytes.
        cache: where blocks are looked up first and kept.

    Attributes:
        fetched: bytes that the source was asked for.
        version: another one after the file has changed, where that can be known.
    """

    def __init__(self, source: Source, cache: BlockCache | None = None) -> None:
        super().__init__(source.name, source.size)
        self._source, self._cache, self.fetched = source, cache, 0
        self.version = source.version
        identity = f"{source.name}\0{source.size}\0{source.version}"
        self._key = hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def _between(self, begin: int, end: int) -> bytes:
        first, last = begin // BLOCK_BYTES, (end - 1) // BLOCK_BYTES
        joined = b"".join([self._block(number) for number in range(first, last + 1)])
        return joined[begin - first * BLOCK_BYTES : end - first * BLOCK_BYTES]

    def _block(self, number: int) -> bytes:
        if number in self._blocks:
            self._blocks.move_to_end(number)
            return self._blocks[number]
        begin = number * BLOCK_BYTES
        end = min(begin + BLOCK_BYTES, self.size)
        data = self._cache.get(self._key, number) if self._cache else None
        if data is None or len(data) != end - begin:
            data = persistently(lambda: self._whole(begin, end))
            if self._cache:
                self._cache.put(self._key, number, data)
        self._blocks[number] = data
        if len(self._blocks) > BLOCKS_IN_MEMORY:
            self._blocks.popitem(last=False)
        return data

    def _whole(self, begin: int, end: int) -> bytes:
        data = self._source.fetch(begin, end)
        self.fetched += len(data)
        if len(data) != end - begin:
            raise EOFError(f"{len(data)} of {end - begin} bytes came")
        return data
