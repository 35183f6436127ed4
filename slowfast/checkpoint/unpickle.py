"""Reading a pickle without running any of it.

A pickle names the classes and functions that rebuild its objects; plain unpickling imports and calls
them. Here a name never becomes more than an :class:`Inert` note of itself. The few names in
:data:`MAKERS` stand for functions of this file, which build tensors and plain containers.
"""

from __future__ import annotations

import pickle
import re
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor

from slowfast.checkpoint.stored import DTYPES, Storage, Stream, check_elements, plain, shown

# Hashing a nested tuple takes as long as the tuple is when written out, and pickles share parts.
KEY_PARTS = 1000
COPIED = (dict, list, tuple, set, frozenset, str, bytes)


class Inert:
    """What a file says about an object of a class that is not admitted; nothing of it was run.

    Attributes:
        module: of the class or function.
        name: of the class or function.
        args: what it was to be called with; None where it is only named.
        state: what its attributes were to be, usually a dict.
        elements: what was to be appended or added to it.
        entries: what was to be set in it by key.
    """

    __slots__ = ("args", "elements", "entries", "module", "name", "state")

    def __init__(self, module: str, name: str, args: tuple | None = None) -> None:
        self.module, self.name, self.args = module, name, args
        self.state: Any = None
        self.elements: list[Any] = []
        self.entries: dict[Any, Any] = {}

    @property
    def path(self) -> str:
        """The full name."""
        return f"{self.module}.{self.name}"

    def __repr__(self) -> str:
        return f"<inert {shown(self.path)}>"


def _tensor(storage, offset, size, stride, requires_grad=False, hooks=None, metadata=None):
    if not isinstance(storage, Storage) or metadata:  # quantised; a pending conjugation
        return NotImplemented
    return storage.tensor(offset, size, stride).requires_grad_(bool(requires_grad))


def _tensor_v3(storage, offset, size, stride, requires_grad, hooks, dtype, metadata=None):
    if not isinstance(storage, Storage) or metadata:
        return NotImplemented
    return storage.tensor(offset, size, stride, dtype).requires_grad_(bool(requires_grad))


def _parameter(data, requires_grad=True, hooks=None, state=None):
    if not isinstance(data, Tensor):
        return NotImplemented
    return torch.nn.Parameter(data, bool(requires_grad))


def _subclassed(rebuild, kind, args, state=None):
    """Return the plain tensor within one of a subclass or with attributes."""
    maker = TENSORS.get(rebuild.path) if isinstance(rebuild, Inert) else None
    return NotImplemented if maker is None else maker(*plain(args))


def _bytearray(*args):
    if any(isinstance(arg, int) for arg in args):
        raise pickle.UnpicklingError("it asks for a bytearray of a length instead of a content")
    return NotImplemented


def _key(key: Any) -> Any:
    """Return a key, having made sure that its hash is not a matter of years."""
    parts = [key]
    for part in parts:
        if isinstance(part, (tuple, frozenset)):
            parts.extend(part)
            if len(parts) > KEY_PARTS:
                raise pickle.UnpicklingError("a key of a dict or set is a large nested tuple")
    return key


def _mapping(kind: type[dict]) -> Callable[..., dict]:
    def make(items=()):
        result = kind()
        for key, value in map(plain, items.items() if isinstance(items, dict) else plain(items)):
            result[_key(key)] = value
        return result

    return make


def _defaultdict(factory=None, items=()):
    found = FACTORIES.get(factory.path) if isinstance(factory, Inert) else None
    return defaultdict(found, _mapping(dict)(items))


FACTORIES = {f"builtins.{kind.__name__}": kind for kind in (dict, float, int, list, set, str)}
TENSORS = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_v3,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
}
MAKERS = TENSORS | {
    "torch._tensor._rebuild_from_type_v2": _subclassed,
    "torch.Size": lambda size=(): torch.Size(plain(size)),
    "torch.device": torch.device,
    "collections.OrderedDict": _mapping(OrderedDict),
    "collections.Counter": _mapping(Counter),
    "collections.defaultdict": _defaultdict,
    "builtins.dict": _mapping(dict),
    "builtins.list": lambda items=(): list(plain(items)),
    "builtins.set": lambda items=(): set(map(_key, plain(items))),
    "builtins.frozenset": lambda items=(): frozenset(map(_key, plain(items))),
    "builtins.bytearray": _bytearray,
}
NUMBERS = {f"torch.{n}": kind for n, kind in vars(torch).items() if isinstance(kind, torch.dtype)}
# Nothing of these would run here either; but who asks for them means no good, and is refused.
HOSTILE = re.compile(
    r"(os|posix|nt|sys|subprocess|shutil|socket|pty|runpy|importlib|ctypes)\..*"
    r"|(builtins|io|_io)\.(eval|exec|compile|open|__import__)",
    re.DOTALL,
)


class RestrictedUnpickler(pickle._Unpickler):
    """An unpickler that makes tensors, plain containers and :class:`Inert` notes, nothing else.

    It is built upon the one that the standard library has in Python: every opcode that calls
    something or changes an object must pass through here, and of the one in C only
    :meth:`find_class` can be overridden.

    Args:
        stream: of the pickle.
        persistent_load: turns the id of a storage or tensor that lies outside the pickle into it.
        held: bytes of the file.

    Attributes:
        inert: full names that are not admitted, in the order of the file.
    """

    def __init__(self, stream: Stream, persistent_load: Callable[[Any], Any], held: int) -> None:
        # Strings of Python 2 may hold any bytes, and no tensor hangs on them.
        super().__init__(stream, encoding="utf-8", errors="backslashreplace")
        self._outside, self._held, self._copied = persistent_load, held, 0
        self.inert: dict[str, None] = {}

    def persistent_load(self, pid: Any) -> Any:
        """Return the storage or tensor of an id."""
        return self._outside(pid)

    def find_class(self, module: str, name: str) -> Any:
        """Return a note of the name; a number type is itself."""
        module = {"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module)
        note = Inert(module, name)
        if note.path in NUMBERS:
            return NUMBERS[note.path]
        if not (
            note.path in MAKERS
            or note.path in FACTORIES
            or name in DTYPES
            or note.path in ("torch.Tensor", "torch.nn.parameter.Parameter")
        ):
            self.inert[note.path] = None
        return note

    def get_extension(self, code: int) -> None:
        """Refuse codes that stand for names: what they mean is not in the file."""
        raise pickle.UnpicklingError(f"extension code {code}")

    def _instantiate(self, callee: Any, args: Iterable[Any]) -> None:
        if not isinstance(callee, Inert) or not isinstance(args, (tuple, list)):
            raise pickle.UnpicklingError(f"a {type(callee).__name__} is called")
        named = callee.args is None
        if named and HOSTILE.fullmatch(callee.path):
            raise pickle.UnpicklingError(
                f"it asks for {shown(callee.path)} to be called, which no checkpoint needs"
            )
        if callee.path in MAKERS or callee.path.startswith(("torch.", "_codecs.")):
            self._count_copies(args)
        made = MAKERS[callee.path](*args) if named and callee.path in MAKERS else NotImplemented
        if made is NotImplemented:
            self.inert[callee.path] = None
            made = Inert(callee.module, callee.name, tuple(args))
        elif isinstance(made, Tensor):
            check_elements(made, self._held)
        self.append(made)

    def _count_copies(self, args: Iterable[Any]) -> None:
        # Every element took a byte to write; more of them come from naming the same list in call
        # after call, whose copies would fill any memory, here or in torch.
        self._copied += sum(len(arg) for arg in args if isinstance(arg, COPIED))
        if self._copied > self._held:
            raise pickle.UnpicklingError("it asks for the same values to be copied without end")

    def _reduce(self) -> None:
        args = self.stack.pop()
        self._instantiate(self.stack.pop(), args)

    def _newobj_ex(self) -> None:
        kwargs, args = self.stack.pop(), self.stack.pop()
        self._instantiate(self.stack.pop(), (args, kwargs))

    def _build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if isinstance(target, Inert):
            target.state = state
        elif not isinstance(target, OrderedDict) or not isinstance(state, dict):
            raise pickle.UnpicklingError(f"attributes for a {type(target).__name__}")
        elif isinstance(state.get("_metadata"), dict):  # the versions of layers in a state dict
            target._metadata = state["_metadata"]

    def _extend(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, (Inert, list)):
            (target.elements if isinstance(target, Inert) else target).extend(items)
        elif isinstance(target, set):
            target.update(map(_key, items))
        else:
            raise pickle.UnpicklingError(f"elements for a {type(target).__name__}")

    def _set(self, items: list[Any]) -> None:
        target = self.stack[-1]
        entries = target.entries if isinstance(target, Inert) else target
        if not isinstance(entries, dict):
            raise pickle.UnpicklingError(f"entries for a {type(target).__name__}")
        for key, value in zip(items[::2], items[1::2], strict=True):
            entries[_key(key)] = value

    def _frozenset(self) -> None:
        items = self.pop_mark()  # before .append is looked up, which it changes
        self.append(frozenset(map(_key, items)))

    def _dict(self) -> None:
        items = self.pop_mark()
        self.append({})
        self._set(items)

    def _setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set([key, value])

    def _refuse(self) -> None:
        raise pickle.UnpicklingError("an opcode that torch does not write")

    dispatch: ClassVar[dict[int, Callable]] = pickle._Unpickler.dispatch | {
        pickle.REDUCE[0]: _reduce,
        pickle.NEWOBJ[0]: _reduce,
        pickle.NEWOBJ_EX[0]: _newobj_ex,
        pickle.BUILD[0]: _build,
        pickle.APPEND[0]: lambda self: self._extend([self.stack.pop()]),
        pickle.APPENDS[0]: lambda self: self._extend(self.pop_mark()),
        pickle.ADDITEMS[0]: lambda self: self._extend(self.pop_mark()),
        pickle.FROZENSET[0]: _frozenset,
        pickle.DICT[0]: _dict,
        pickle.SETITEM[0]: _setitem,
        pickle.SETITEMS[0]: lambda self: self._set(self.pop_mark()),
        pickle.BYTEARRAY8[0]: _refuse,
        pickle.NEXT_BUFFER[0]: _refuse,
        pickle.READONLY_BUFFER[0]: _refuse,
    }


def unpickle(
    stream: Stream, persistent_load: Callable[[Any], Any], held: int
) -> tuple[Any, list[str]]:
    """Return what a pickle holds and the names in it that are not admitted."""
    unpickler = RestrictedUnpickler(stream, persistent_load, held)
    return unpickler.load(), list(unpickler.inert)
