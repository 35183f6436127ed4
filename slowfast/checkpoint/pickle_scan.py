"""Looking through the pickle of a checkpoint before ``torch.load(weights_only=True)`` reads it.

``torch.load`` runs nothing that it does not know, but it trusts sizes: older versions of torch read
beyond a storage that claims more than the file holds, tensors may claim any memory, and hashing nested
tuples may take for ever. Here the opcodes are followed without building anything, so that such files
are refused, and the names that need a stand-in are known.
"""

from __future__ import annotations

import pickle
import pickletools
import re
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import torch

# A view may repeat what is stored, but not without end.
ELEMENTS_PER_BYTE = 100
MAX_DIMENSIONS = 64  # what torch can compute with
# Hashing a nested tuple takes as long as the tuple is when written out, and as deep a stack.
KEY_PARTS, DEPTH = 1000, 100

CONSTANTS = {"NONE", "NEWTRUE", "NEWFALSE", "BINFLOAT", "BINUNICODE", "SHORT_BINSTRING"}
CONSTANTS |= {"BININT", "BININT1", "BININT2", "LONG1"}
TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
TENSORS = {
    f"torch._utils._rebuild_{name}": dtype
    for name, dtype in {"tensor": None, "tensor_v2": None, "tensor_v3": 6, "qtensor": None}.items()
}
SUBCLASS = "torch._tensor._rebuild_from_type_v2"
# torch would call these with any size, or with numbers of the file.
UNCHECKED = re.compile(
    r"torch\.(\w+\.)*\w*(Tensor|Storage)"
    r"|torch\._utils\._rebuild_(device_tensor|wrapper|nested)\w*"
)
# Nothing of these would run; but a file that names them is hostile.
HOSTILE = re.compile(
    r"(os|posix|nt|sys|subprocess|shutil|socket|pty|runpy|importlib|ctypes)\..*"
    r"|(builtins|io|_io)\.(eval|exec|compile|open|__import__)",
    re.DOTALL,
)


def shown(text: str) -> str:
    """Return text of a file fit for a message: one short line that no terminal interprets."""
    return ascii(text[:200])[1:-1]


@dataclass(eq=False, slots=True)
class Item:
    """What is known of a value: a constant, the items of a tuple, or nothing.

    Attributes:
        value: constant, tuple of items, ``(bytes, itemsize)`` of a storage, or None.
        name: full name, of a class or function.
        maker: name of the class or function that made it.
        size: elements of a container.
        parts, depth: of tuples within tuples, written out; the largest one in other containers.
    """

    value: Any = None
    name: str = ""
    maker: str = ""
    size: int = 0
    parts: int = 1
    depth: int = 0


@dataclass
class Found:
    """What a pickle names and claims.

    Attributes:
        names: classes and functions, in order.
        mappings, lists: those whose objects are filled as a dict or a list.
        storages: key -> bytes.
        words: all strings.
    """

    names: dict[str, None] = field(default_factory=dict)
    mappings: set[str] = field(default_factory=set)
    lists: set[str] = field(default_factory=set)
    storages: dict[str, int] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)


class Scan:
    """Follows one pickle.

    Args:
        file: stands at the pickle; is left behind it.
        held: bytes of the whole file.
        held_of: bytes that the file holds of a storage.

    Raises:
        UnpicklingError: it asks for what no checkpoint needs, or torch cannot read it.
        EOFError: it is cut off, or a storage claims more than there is. Bytes without sense raise
            other errors of :data:`~slowfast.checkpoint.reader.UNREADABLE`.
    """

    def __init__(self, file: BinaryIO, held: int, held_of: Callable[[str], int]) -> None:
        self.found, self.held, self.held_of = Found(), held, held_of
        self.stack: list[Item] = []
        self.marks: list[list[Item]] = []
        self.memo: dict[int, Item] = {}
        self.copied = 0
        for opcode, argument in _opcodes(file):
            self._follow(opcode, argument)

    def _follow(self, opcode: str, argument: Any) -> None:
        stack = self.stack
        if opcode in CONSTANTS:
            self._constant(argument)
        elif opcode == "GLOBAL":
            stack.append(self._global(argument))
        elif opcode == "MARK":
            self.marks.append(stack)
            self.stack = []
        elif opcode in TUPLES or opcode == "TUPLE":
            self._tuple(self._pop(TUPLES[opcode]) if opcode in TUPLES else self._pop_mark())
        elif opcode in ("EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET"):
            stack.append(Item())
        elif opcode in ("APPEND", "APPENDS"):
            items = self._pop(1) if opcode == "APPEND" else self._pop_mark()
            self._fill(self.found.lists, items, items)
        elif opcode in ("SETITEM", "SETITEMS"):
            items = self._pop(2) if opcode == "SETITEM" else self._pop_mark()
            _check_keys(items[::2])
            self._fill(self.found.mappings, items, ())
        elif opcode in ("BINPUT", "LONG_BINPUT"):
            self.memo[argument] = stack[-1]
        elif opcode in ("BINGET", "LONG_BINGET"):
            stack.append(self.memo[argument])
        elif opcode in ("REDUCE", "NEWOBJ"):
            callee, arguments = self._pop(2)
            self.stack.append(self._call(callee, arguments))
        elif opcode == "BUILD":
            self._pop(1)
        elif opcode == "BINPERSID":
            self.stack.append(self._storage(self._pop(1)[0]))
        elif opcode not in ("PROTO", "STOP"):
            raise pickle.UnpicklingError(
                f"the opcode {opcode}, which torch.load(weights_only=True) does not read; save it "
                "anew with pickle_protocol=2"
            )

    def _pop(self, count: int) -> list[Item]:
        if len(self.stack) < count:
            raise pickle.UnpicklingError("more is taken than was there")
        start = len(self.stack) - count
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def _pop_mark(self) -> list[Item]:
        items, self.stack = self.stack, self.marks.pop()
        return items

    def _constant(self, value: Any) -> None:
        if isinstance(value, str):
            self.found.words.add(value)
        self.stack.append(Item(value))

    def _global(self, argument: str) -> Item:
        module, _, name = argument.partition(" ")
        if (module, name) in NAME_MAPPING:
            module, name = NAME_MAPPING[module, name]
        path = f"{IMPORT_MAPPING.get(module, module)}.{name}"
        if HOSTILE.fullmatch(path):
            raise pickle.UnpicklingError(f"it asks for {shown(path)}, which no checkpoint needs")
        self.found.names[path] = None
        return Item(name=path)

    def _tuple(self, items: list[Item]) -> None:
        nested = [item for item in items if isinstance(item.value, tuple)]
        parts = 1 + len(items) + sum(item.parts for item in nested)
        depth = 1 + max((item.depth for item in nested), default=0)
        if parts > self.held or depth > DEPTH:
            raise pickle.UnpicklingError("a large nested tuple")
        self.stack.append(Item(tuple(items), size=len(items), parts=parts, depth=depth))

    def _fill(self, kind: set[str], items: list[Item], hashable: list[Item] | tuple) -> None:
        target = self.stack[-1]
        if target.maker:
            kind.add(target.maker)
        target.size += len(items)
        target.parts = max((target.parts, *(item.parts for item in hashable)))

    def _call(self, callee: Item, arguments: Item) -> Item:
        if not callee.name or not isinstance(arguments.value, tuple):
            raise pickle.UnpicklingError("something is called that is not a class or function")
        name, items = callee.name, arguments.value
        if UNCHECKED.fullmatch(name) and items:
            raise pickle.UnpicklingError(f"it asks for {shown(name)} to be called")
        if name == SUBCLASS:
            return self._call(items[0], items[2])
        if name in TENSORS:
            self._check_tensor(name, items)
        elif name == "builtins.bytearray" and any(isinstance(item.value, int) for item in items):
            raise pickle.UnpicklingError("a bytearray of a length instead of a content")
        # Every element took a byte to write; more of them come from naming the same list again.
        self.copied += sum(item.size for item in items)
        if self.copied > self.held:
            raise pickle.UnpicklingError("the same values are copied without end")
        _check_keys(item for item in items if not isinstance(item.value, tuple))
        return Item(maker=name)

    def _storage(self, pid: Item) -> Item:
        words = [item.value for item in pid.value] if isinstance(pid.value, tuple) else []
        if words[:1] == ["module"]:
            raise pickle.UnpicklingError("a network pickled whole, with its source")
        if words[:1] != ["storage"] or not isinstance(words[4], int):
            raise pickle.UnpicklingError("an id that is not that of a storage")
        kind = getattr(torch, pid.value[1].name.rpartition(".")[2])
        itemsize = getattr(kind, "dtype", torch.uint8).itemsize  # UntypedStorage has none
        count, there = words[4] * itemsize, self.held_of(words[2])
        if not 0 <= count <= there:
            raise EOFError(f"a storage claims {count} bytes, the file has {there}")
        self.found.storages[words[2]] = count
        return Item((count, itemsize), maker="storage")

    def _check_tensor(self, name: str, items: tuple[Item, ...]) -> None:
        """Raise an UnpicklingError where a view reaches beyond its storage."""
        storage, offset, *shape = items[:4]
        size, stride = ([item.value for item in axes.value] for axes in shape)
        numbers = [offset.value, *size, *stride]
        if storage.maker != "storage" or len(size) > MAX_DIMENSIONS:
            raise pickle.UnpicklingError("a tensor without storage or proper shape")
        if not all(isinstance(number, int) for number in numbers):
            raise pickle.UnpicklingError("a tensor without a proper shape")
        held, itemsize = storage.value
        if TENSORS[name]:
            itemsize = getattr(torch, items[TENSORS[name]].name.rpartition(".")[2]).itemsize
        last = offset.value + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if min(numbers) < 0 or (0 not in size and (last + 1) * itemsize > held):
            raise pickle.UnpicklingError(
                f"a tensor of shape {tuple(size)} claims more than its {held} bytes"
            )
        if torch.Size(size).numel() > ELEMENTS_PER_BYTE * self.held:
            raise pickle.UnpicklingError(
                f"a tensor of shape {tuple(size)} is claimed, the file has {self.held} bytes"
            )


def _check_keys(items) -> None:
    if any(item.parts > KEY_PARTS for item in items):
        raise pickle.UnpicklingError("a key of a dict or set is a large nested tuple")


def _opcodes(file: BinaryIO) -> Iterator[tuple[str, Any]]:
    try:
        for opcode, argument, _ in pickletools.genops(file):
            yield opcode.name, argument
    except ValueError as error:
        cut = ("exhausted", "remain", "not enough data", "no newline found")
        if any(word in str(error) for word in cut):
            raise EOFError(f"it ends early: {error}") from error
        raise
