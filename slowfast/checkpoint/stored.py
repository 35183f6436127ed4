"""The numbers of a checkpoint file: never more of them than the file holds."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any, BinaryIO

import torch
from torch import Tensor

# A view may repeat what is stored, but not without end.
ELEMENTS_PER_BYTE = 100
MAX_DIMENSIONS = 64  # what torch can compute with
DTYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "ComplexFloatStorage": torch.complex64,
    "ComplexDoubleStorage": torch.complex128,
    "UntypedStorage": torch.uint8,
}


def shown(text: str) -> str:
    """Return text of a file fit for a message: one short line that no terminal interprets."""
    return ascii(text[:200])[1:-1]


def plain(items: Any) -> Any:
    """Return a container; a tensor, which may repeat one number for ever, is not written out.

    Raises:
        UnpicklingError: it is no container.
    """
    if not isinstance(items, (dict, list, tuple, set, frozenset)):
        raise pickle.UnpicklingError(f"a {type(items).__name__} instead of a container")
    return items


class Stream:
    """A file that is never asked for more than it holds, so that no claimed length is allocated.

    Args:
        file: read from where it stands.
        size: bytes that are left in it.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.left = file, size

    def _take(self, count: int) -> None:
        if not 0 <= count <= self.left:
            raise EOFError(f"it ends early: {count} bytes expected, {self.left} left")
        self.left -= count

    def read(self, count: int) -> bytes:
        """Return exactly ``count`` bytes."""
        self._take(count)
        return self.file.read(count)

    def readline(self) -> bytes:
        """Return a line with its end."""
        line = self.file.readline()
        self._take(len(line) if line.endswith(b"\n") else self.left + 1)
        return line

    def fill(self, raw: Tensor) -> None:
        """Fill a tensor of bytes; where it holds no memory (device meta), skip them."""
        self._take(raw.numel())
        if raw.is_meta:
            self.file.seek(raw.numel(), 1)
        elif raw.numel() and self.file.readinto(memoryview(raw.numpy())) != raw.numel():
            raise EOFError("it ends early")


@dataclass(frozen=True, eq=False)
class Storage:
    """Bytes of a file, and the type of the numbers that they stand for."""

    raw: Tensor
    dtype: torch.dtype

    @classmethod
    def blank(cls, dtype: torch.dtype, numel: int, left: int, device: str) -> Storage:
        """Return one to be filled.

        Raises:
            EOFError: it claims more than the ``left`` bytes of the file.
        """
        count = numel * dtype.itemsize
        if not 0 <= count <= left:
            raise EOFError(f"a storage claims {count} bytes, the file has {left}")
        return cls(torch.empty(count, dtype=torch.uint8, device=device), dtype)

    def part(self, start: int, numel: int) -> Storage:
        """Return ``numel`` of its numbers."""
        size = self.dtype.itemsize
        return Storage(self.raw[start * size : (start + numel) * size], self.dtype)

    def tensor(
        self, offset: int, size: tuple, stride: tuple, dtype: torch.dtype | None = None
    ) -> Tensor:
        """Return a view of the numbers.

        Raises:
            UnpicklingError: it reaches beyond them.
        """
        size, stride = tuple(plain(size)), tuple(plain(stride))
        numbers = (offset, *size, *stride)
        if len(size) > MAX_DIMENSIONS or not all(isinstance(number, int) for number in numbers):
            raise pickle.UnpicklingError("a tensor without a proper shape")
        flat = self.raw.view(dtype or self.dtype)
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if min(numbers) < 0 or (0 not in size and last >= len(flat)):
            raise pickle.UnpicklingError(
                f"a tensor of shape {size} claims more than its {len(self.raw)} bytes"
            )
        # Without .data torch would treat it as a view of another tensor when it is trained.
        return flat.as_strided(size, stride, flat.storage_offset() + offset).data


def check_elements(tensor: Tensor, held: int) -> None:
    """Raise an UnpicklingError where a tensor is out of all proportion to ``held`` bytes."""
    if tensor.numel() > ELEMENTS_PER_BYTE * held:
        raise pickle.UnpicklingError(
            f"a tensor of shape {tuple(tensor.shape)} is claimed, the file has {held} bytes"
        )
