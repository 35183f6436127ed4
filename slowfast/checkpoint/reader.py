"""Reading any checkpoint file, ours or foreign, without running code that it may hold."""

from __future__ import annotations

import pickle
import struct
import tarfile
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import torch

from slowfast.checkpoint.file_kind import check_kind
from slowfast.checkpoint.layouts import read_restricted
from slowfast.checkpoint.stored import shown
from slowfast.checkpoint.unpickle import Inert
from slowfast.utils.errors import CheckpointError
from slowfast.utils.logging import get_logger

logger = get_logger(__name__)

# What the readers of zip archives, tar archives and pickles raise when the bytes make no sense.
TORN = (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, tarfile.ReadError)
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
    tarfile.TarError,
    zlib.error,
)


def load_checkpoint_file(path: str | Path, trust_pickle: bool = False) -> dict[str, Any]:
    """Read a checkpoint without running any code it may hold, and verify its checksums.

    Objects that are neither tensors nor plain values become
    :class:`~slowfast.checkpoint.unpickle.Inert` notes of themselves. ``torch.load`` alone does not
    notice a flipped byte; the checksums of the archive do.

    Args:
        path: a file of ``torch.save``, of any version of torch.
        trust_pickle: read a file that cannot be read in this way by plain pickle
            (``CHECKPOINT.TRUST_PICKLE``), which runs whatever the file says.

    Raises:
        CheckpointError: missing, torn, damaged, of another kind, claiming more than it holds, or
            not readable without running code.
    """
    path = Path(path)
    try:
        check_kind(path)
        content = _read_safely(path)
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
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: holds a {type(content).__name__}, not a checkpoint.")
    return content


def _reason(error: BaseException) -> str:
    text, kind = str(error).partition("\n")[0], type(error).__name__
    bare = isinstance(error, (pickle.PickleError, OSError, *TORN))
    return shown(text if bare and text else f"{kind}: {text}" if text else kind)


def _read_safely(path: Path) -> Any:
    # Without its numbers first: torch would allocate whatever the file claims.
    read_restricted(path, "meta")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except (*UNREADABLE, *TORN) as error:
        logger.debug("%s: more than tensors and plain values (%s).", path, error)
        _forget_unfinished()
    content, inert = read_restricted(path, "cpu")
    if isinstance(content, Inert):
        raise pickle.UnpicklingError(f"it is one object, {shown(content.path)}, no dict of tensors")
    if inert:
        first = ", ".join(shown(name) for name in inert[:5])
        more = f" and {len(inert) - 5} more" if len(inert) > 5 else ""
        logger.info("%s: neither imported nor run, only noted: %s%s.", path, first, more)
    return content


def _forget_unfinished() -> None:
    """Drop sparse tensors of a file that failed: older torch refuses the next file for them."""
    getattr(torch._utils, "_sparse_tensors_to_validate", []).clear()


def _read_by_plain_pickle(path: Path) -> Any:
    logger.warning("%s: read by plain pickle, which runs whatever the file says.", path)
    try:
        return torch.load(path, map_location="cpu", weights_only=False)
    except (*UNREADABLE, *TORN) as error:
        raise CheckpointError(
            f"{path}: cannot be read by plain pickle either ({_reason(error)}). Code that it needs "
            "must be importable; otherwise save its tensors anew where it was made."
        ) from error
