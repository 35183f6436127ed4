"""How a config key is declared: one default, one sentence, and what values make sense.

The default tree is a list of :class:`Node` tables (``slowfast/config/nodes/``). They are read three
times: to build the tree, to check a config and to print ``--help-config``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from slowfast.config.coerce import coerce, kind_of
from slowfast.utils.errors import brief


@dataclass(frozen=True)
class Key:
    """One config key.

    Args:
        default: value where the key is not set; its type is the type of the key.
        meaning: one sentence for the reader, with the unit.
        kind: type, when the default does not tell: ``int float bool str list tuple any``, or a
            sequence with its element, such as ``list[float]``.
        choices: the only values allowed.
        low, high: inclusive bounds of the number, or of every element of a list.
        above: exclusive lower bound.
        length: number of elements that a non-empty list must have.
        optional: None is a value of its own (always so when the default is None).
    """

    default: Any
    meaning: str
    kind: str = ""
    choices: Sequence[Any] = ()
    low: float | None = None
    high: float | None = None
    above: float | None = None
    length: int | None = None
    optional: bool = False

    def __post_init__(self) -> None:
        if not self.kind:
            object.__setattr__(self, "kind", kind_of(self.default))
        if self.default is None:
            object.__setattr__(self, "optional", True)

    def problem(self, value: Any) -> str:
        """Say what is wrong with ``value``, or return an empty string."""
        if value is None:
            return "" if self.optional else f"is None, expected {self.kind}"
        try:
            coerce(value, self.kind)
        except ValueError:
            return f"is {brief(value)} ({type(value).__name__}), expected {self.kind}"
        if self.choices and value not in self.choices:
            return f"is {brief(value)}, expected one of {', '.join(map(repr, self.choices))}"
        is_list = isinstance(value, (list, tuple))
        if is_list and self.length is not None and len(value) not in (0, self.length):
            return f"has {len(value)} elements, expected {self.length}: {brief(value)}"
        numbers = [n for n in (value if is_list else [value]) if isinstance(n, (int, float))]
        if any(self._is_out(number) for number in numbers):
            return f"is {brief(value)}, expected {self._range()}"
        return ""

    def _is_out(self, number: float) -> bool:
        return (
            (isinstance(number, int) and abs(number) >= 2**63)
            or math.isnan(number)
            or (math.isinf(number) and self.default not in (math.inf, -math.inf))
            or (self.low is not None and number < self.low)
            or (self.high is not None and number > self.high)
            or (self.above is not None and number <= self.above)
        )

    def _range(self) -> str:
        words = []
        if self.above is not None:
            words.append(f"more than {self.above:g}")
        if self.low is not None:
            words.append(f"at least {self.low:g}")
        if self.high is not None:
            words.append(f"at most {self.high:g}")
        return " and ".join(words) or "a finite number that fits into 64 bits"


class Node:
    """A table of keys under one dotted path; several tables may share a path."""

    def __init__(self, path: str, title: str, **keys: Key) -> None:
        self.path = path
        self.title = title
        self.keys = keys

    def names(self) -> dict[str, Key]:
        """Return the keys of this table by their full dotted names."""
        prefix = f"{self.path}." if self.path else ""
        return {prefix + leaf: key for leaf, key in self.keys.items()}


def join_tables(tables: Iterable[Node]) -> dict[str, Key]:
    """Return every key of the tables by its full name; a key declared twice is a bug of ours."""
    keys: dict[str, Key] = {}
    for table in tables:
        for name, key in table.names().items():
            if name in keys:
                raise ValueError(f"config key {name} is declared twice")
            keys[name] = key
    return keys
