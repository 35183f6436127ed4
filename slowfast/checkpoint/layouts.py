"""The three ways in which torch has laid out checkpoints, read without running any of them."""

from __future__ import annotations

import io
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from torch import Tensor

from slowfast.checkpoint.file_kind import TAR_PARTS, is_tar, is_zip, read_head, zip_root
from slowfast.checkpoint.stored import DTYPES, Storage, Stream, check_elements
from slowfast.checkpoint.unpickle import Inert, unpickle
from slowfast.utils.errors import CheckpointError

# The first two pickles of a file from before torch 1.6.
MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001


def read_restricted(path: Path, device: str) -> tuple[Any, list[str]]:
    """Read a file by the restricted unpickler.

    Args:
        path: of a kind that :func:`~slowfast.checkpoint.file_kind.check_kind` lets pass.
        device: ``cpu``, or ``meta`` for everything but the numbers.

    Returns:
        What the file holds, and the full names that are only noted.

    Raises:
        CheckpointError: a pickle, but not one of torch.
        UnpicklingError: it asks for what no checkpoint needs. Bytes without sense raise many
            other errors, see :data:`~slowfast.checkpoint.reader.UNREADABLE`.
    """
    head = read_head(path)
    read = _read_zip if is_zip(head) else _read_tar if is_tar(head) else _read_legacy
    with open(path, "rb") as file:
        return read(file, path.stat().st_size, device)


class _Storages:
    """Storages by key; called with the ids that pickles of torch give them.

    Args:
        held: bytes of the file.
        device: where they are made.
        fill: called with the key and the bytes of a new one.
    """

    def __init__(self, held: int, device: str, fill: Callable[[str, Tensor], None]) -> None:
        self.left, self.device, self.fill = held, device, fill
        self.by_key: dict[str, Storage] = {}

    def __call__(self, pid: Any) -> Any:
        match pid:
            case ("module", Inert() as network, *_):  # a network pickled whole, with its source
                return network
            case ("storage", Inert() as kind, str(key), _, int(numel), *view):
                dtype = DTYPES.get(kind.name)  # quantised numbers have none
                return kind if dtype is None else self._get(key, dtype, numel, *view)
        raise pickle.UnpicklingError("an id that is not that of a storage")

    def _get(self, key: str, dtype: Any, numel: int, view: tuple | None = None) -> Storage:
        if key not in self.by_key:
            storage = self.by_key[key] = Storage.blank(dtype, numel, self.left, self.device)
            self.left -= len(storage.raw)
            self.fill(key, storage.raw)
        storage = Storage(self.by_key[key].raw, dtype)
        return storage if view is None else storage.part(*view[1:])


def _later(key: str, raw: Tensor) -> None:
    """Leave the bytes for later: they follow the pickle."""


def _check_byte_order(little: bool) -> None:
    if not little:
        raise pickle.UnpicklingError("it was written by a big-endian machine")


def _read_zip(file: BinaryIO, size: int, device: str) -> tuple[Any, list[str]]:
    with zipfile.ZipFile(file) as archive:
        root = zip_root(archive.namelist())
        if f"{root}/byteorder" in archive.namelist():
            _check_byte_order(archive.read(f"{root}/byteorder") == b"little")

        def fill(key: str, raw: Tensor) -> None:
            member = archive.getinfo(f"{root}/data/{key}")
            if len(raw) > member.file_size:
                raise EOFError(f"{len(raw)} bytes expected, {member.file_size} there")
            if not raw.is_meta:
                with archive.open(member) as data:
                    Stream(data, member.file_size).fill(raw)

        data = archive.read(f"{root}/data.pkl")
        held = sum(member.file_size for member in archive.infolist())
        stream = Stream(io.BytesIO(data), len(data))
        return unpickle(stream, _Storages(held, device, fill), held)


def _next(stream: Stream) -> Any:
    """Return what the next pickle holds, which refers to no storages."""
    return unpickle(stream, _Storages(0, "meta", _later), stream.left)[0]


def _int64(stream: Stream) -> int:
    return struct.unpack("<q", stream.read(8))[0]


def _read_legacy(file: BinaryIO, size: int, device: str) -> tuple[Any, list[str]]:
    stream = Stream(file, size)
    first = _next(stream)
    if first != MAGIC:
        raise CheckpointError(
            f"{file.name}: a plain pickle (of a {type(first).__name__}), no checkpoint of torch. "
            "Make tensors of its arrays where it was made, and torch.save them."
        )
    version, system = _next(stream), _next(stream)
    if version != VERSION:
        raise pickle.UnpicklingError("a version of the format that is not known")
    _check_byte_order(system.get("little_endian", True))
    storages = _Storages(size, device, _later)
    content, inert = unpickle(stream, storages, size)
    for key in _next(stream):
        storage = storages.by_key.pop(key)
        if _int64(stream) * storage.dtype.itemsize != len(storage.raw):
            raise pickle.UnpicklingError("a storage has another length than its tensors say")
        stream.fill(storage.raw)
    if storages.by_key:
        raise EOFError("it ends early: tensors without their numbers")
    return content, inert


def _read_tar(file: BinaryIO, size: int, device: str) -> tuple[Any, list[str]]:
    with tarfile.open(fileobj=file, mode="r:") as archive:
        parts = {}
        for name in TAR_PARTS:
            member = archive.getmember(name)
            if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):  # a link, a sparse file
                raise pickle.UnpicklingError(f"{name} of the archive is no plain file")
            parts[name] = Stream(archive.extractfile(member), member.size)
        objects = _tar_storages(parts["storages"], device)
        _add_tar_tensors(parts["tensors"], objects, size)

        def look_up(pid: Any) -> Any:
            return pid[0] if isinstance(pid, tuple) else objects[int(pid)]

        return unpickle(parts["pickle"], look_up, size)


def _tar_storages(stream: Stream, device: str) -> dict[int, Any]:
    objects: dict[int, Any] = {}
    for _ in range(_next(stream)):
        key, _, kind = _next(stream)
        storage = Storage.blank(DTYPES[kind.name], _int64(stream), stream.left, device)
        stream.fill(storage.raw)
        objects[int(key)] = storage
    for key, root, start, numel in _next(stream):
        objects[int(key)] = objects[int(root)].part(start, numel)
    return objects


def _add_tar_tensors(stream: Stream, objects: dict[int, Any], held: int) -> None:
    for _ in range(_next(stream)):
        key, storage, _ = _next(stream)
        dims, _ = struct.unpack("<ii", stream.read(8))
        numbers = struct.unpack(f"<{2 * dims + 1}q", stream.read(8 * (2 * dims + 1)))
        tensor = objects[int(storage)].tensor(numbers[-1], numbers[:dims], numbers[dims:-1])
        check_elements(tensor, held)
        objects[int(key)] = tensor
