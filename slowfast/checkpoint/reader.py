"""Reading any checkpoint file, ours or foreign, without running code that it may hold."""

from __future__ import annotations

import io
import json
import math
import mmap
import pickle
import struct
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor, nn

from slowfast.checkpoint.file_kind import file_kind, zip_root
from slowfast.checkpoint.pickle_scan import Found, Scan, shown
from slowfast.utils.errors import CheckpointError
from slowfast.utils.logging import get_logger
from slowfast.utils.patience import patiently

logger = get_logger(__name__)

# What the readers of zip archives and pickles raise when the bytes make no sense.
TORN = (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError)
# Types of tensors as safetensors writes them.
SAFETENSORS = {
    **{"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16},
    **{"I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8},
    **{"U8": torch.uint8, "BOOL": torch.bool},
}
UNREADABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,  # also RecursionError and NotImplementedError
    TypeError,
    ValueError,  # also UnicodeError
    pickle.PickleError,
    struct.error,
)


class Inert:
    """What a file says about an object of a foreign class; nothing of the class was imported or run.

    Attributes:
        path: full name of the class or function.
        args: what it was called with.
        state: what its attributes were to be, usually a dict.
    """

    __slots__ = ("args", "path", "state")

    def __init__(self, path: str, args: tuple = (), state: Any = None) -> None:
        self.path, self.args, self.state = path, args, state

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __reduce__(self) -> tuple:
        return Inert, (self.path, self.args, self.state)

    def __repr__(self) -> str:
        return f"<inert {shown(self.path)}>"


def state_of_network(value: Any) -> dict[str, Tensor] | None:
    """Return the tensors of a network that was pickled whole, as ``state_dict`` names them.

    Args:
        value: what stands for an object of a file, or a network itself.

    Returns:
        None where it stands for something else than a network.
    """
    if isinstance(value, nn.Module):
        return value.state_dict()
    if not (isinstance(value, Inert) and isinstance(value.state, dict)):
        return None
    attributes, state = value.state, {}
    if not isinstance(attributes.get("_modules"), dict):
        return None
    passing = attributes.get("_non_persistent_buffers_set") or ()
    for kind in ("_parameters", "_buffers"):
        own = attributes.get(kind) or {}
        state |= {
            k: t.detach() for k, t in own.items() if isinstance(t, Tensor) and k not in passing
        }
    for name, child in attributes["_modules"].items():
        inner = state_of_network(child) or {}
        state |= {f"{name}.{own}": tensor for own, tensor in inner.items()}
    return state


def _stand_in(name: str, kind: Callable[[], Any] | None) -> tuple[type, str]:
    """Return a class that takes the place of a name: it makes empty containers of a kind, or notes."""

    def new(cls, *args):
        return kind() if kind else Inert(name, args)

    return type("StandIn", (), {"__new__": new, "path": name}), name


def load_checkpoint_file(path: str | Path, trust_pickle: bool = False) -> dict[str, Any]:
    """Read a checkpoint without running any code it may hold, and verify its checksums.

    Objects that are neither tensors nor plain values become :class:`Inert` notes of themselves.
    ``torch.load`` alone does not notice a flipped byte; the checksums of the archive do.

    Args:
        path: a file of ``torch.save`` of torch 0.2 and later, or of safetensors.
        trust_pickle: read a file that cannot be read in this way by plain pickle
            (``CHECKPOINT.TRUST_PICKLE``), which runs whatever the file says.

    Raises:
        CheckpointError: missing, torn, damaged, of another kind, claiming more than it holds, or
            not readable without running code. Where a disk fails for a moment, it is tried again.
    """
    path = Path(path)
    try:
        content = patiently(lambda: _read_safely(path))
    except TORN as error:
        raise CheckpointError(
            f"{path}: not a whole checkpoint file ({_reason(error)}). Copy or download it again."
        ) from error
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({_reason(error)}).") from error
    except UNREADABLE as error:
        if not trust_pickle:
            raise CheckpointError(
                f"{path}: cannot be read safely ({_reason(error)}). Get the file from its source "
                "again; if that does not help and you trust its author, CHECKPOINT.TRUST_PICKLE True "
                "reads it by plain pickle, which runs any code it holds."
            ) from error
        content = _read_by_plain_pickle(path)
    content = _opened(content)
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: holds a {type(content).__name__}, not a checkpoint.")
    return content


def _opened(content: Any) -> Any:
    """Return the content of a file with the tensors of each network in the place of the network."""
    state = state_of_network(content)
    if state is not None or not isinstance(content, dict):
        return content if state is None else state
    opened = {key: state_of_network(value) for key, value in content.items()}
    return {k: v if opened[k] is None else opened[k] for k, v in content.items()}


def _reason(error: BaseException) -> str:
    text, kind = str(error).partition("\n")[0], type(error).__name__
    bare = isinstance(error, (pickle.PickleError, OSError, *TORN))
    return shown(text if bare and text else f"{kind}: {text}" if text else kind)


def _read_safely(path: Path) -> Any:
    kind = file_kind(path)
    if kind == "safetensors":
        return _read_safetensors(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with open(path, "rb") as file:
            found = (_scan_zip if kind == "zip" else _scan_legacy)(file, path.stat().st_size)
        try:
            with torch.serialization.safe_globals(_stand_ins(found)):
                content = torch.load(path, map_location="cpu", weights_only=True)
        finally:
            # Of sparse tensors of a file that failed: older torch refuses the next file for them.
            getattr(torch._utils, "_sparse_tensors_to_validate", []).clear()
    if isinstance(content, Inert) and state_of_network(content) is None:
        raise pickle.UnpicklingError(f"it is one object, {shown(content.path)}, no dict of tensors")
    foreign = [name for name in found.names if not name.startswith(("torch.", "collections."))]
    if foreign:
        more = f" and {len(foreign) - 5} more" if len(foreign) > 5 else ""
        first = ", ".join(map(shown, foreign[:5]))
        logger.info("%s: neither imported nor run, only noted: %s%s.", path, first, more)
    return content


def _stand_ins(found: Found) -> list[tuple[Any, str]]:
    """Return what takes the place of the names of a file that torch does not know.

    torch shapes_match plain lists and dicts only, so that objects of their subclasses become such.
    """
    known = [(Inert, f"{__name__}.Inert"), (frozenset, "builtins.frozenset")]
    for name in found.names.keys() - {name for _, name in known}:
        kind = OrderedDict if name in found.mappings else list if name in found.lists else None
        known.append(_stand_in(name, kind))
    return known


def _scan_zip(file: BinaryIO, size: int) -> Found:
    with zipfile.ZipFile(file) as archive:
        root = zip_root(archive.namelist())
        data = io.BytesIO(archive.read(f"{root}/data.pkl"))
        return Scan(data, size, lambda key: archive.getinfo(f"{root}/data/{key}").file_size).found


def _scan_legacy(file: BinaryIO, size: int) -> Found:
    """Scan magic number, version and system, then the content, then the keys of its storages."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:  # read() takes what is there
        for _ in range(3):
            Scan(data, size, lambda key: 0)
        found = Scan(data, size, lambda key: size).found
        listed = Scan(data, size, lambda key: 0).found.words
        needed = sum(8 + count for count in found.storages.values())
        if found.storages.keys() - listed or needed > size - data.tell():
            raise EOFError("it ends early: tensors without their numbers")
    return found


def _read_safetensors(path: Path) -> dict[str, Any]:
    """Read a file of safetensors: the length of a JSON header, the header, and the numbers.

    https://huggingface.co/docs/safetensors/index#format
    """
    data = bytearray(path.read_bytes())
    begin = 8 + int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8:begin].decode())
        header.pop("__metadata__", None)
        return {name: _safetensor(data, begin, **entry) for name, entry in header.items()}
    except (ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
        raise EOFError(f"its safetensors header does not fit: {error}") from error


def _safetensor(
    data: bytearray, begin: int, dtype: str, shape: list[int], data_offsets: list[int]
) -> Tensor:
    kind = SAFETENSORS[dtype]
    first, last = (begin + place for place in data_offsets)
    count = math.prod(shape)
    if not (last - first == count * kind.itemsize and begin <= first <= last <= len(data)):
        raise ValueError(f"{shape} of {dtype} at {data_offsets}")
    return torch.frombuffer(data, dtype=torch.uint8)[first:last].clone().view(kind).reshape(shape)


def _read_by_plain_pickle(path: Path) -> Any:
    logger.warning("%s: read by plain pickle, which runs whatever the file says.", path)
    try:
        return torch.load(path, map_location="cpu", weights_only=False)
    except (*UNREADABLE, *TORN) as error:
        raise CheckpointError(
            f"{path}: cannot be read by plain pickle either ({_reason(error)}). Code that it needs "
            "must be importable; otherwise save its tensors anew where it was made."
        ) from error
