"""Turning what a YAML file or a command line says into the type that a key has.

Kinds are written ``int float bool str list tuple any`` or, for a sequence whose elements are of one
type, ``list[float]``, ``tuple[str]``, ``list[tuple]``.
"""

from __future__ import annotations

import ast
from typing import Any

import yaml

SCALARS = (bool, int, float, str)


def kind_of(value: Any, elements: bool = True) -> str:
    """Return the kind of a default; with ``elements`` also that of what a sequence holds."""
    if value is None:
        return "any"
    kind = type(value).__name__
    if not (elements and value and isinstance(value, (list, tuple))):
        return kind
    types = {type(element) for element in value}
    if types == {int, float}:
        types = {float}
    if len(types) == 1 and types <= {int, float, str, tuple}:
        return f"{kind}[{types.pop().__name__}]"
    return kind


def coerce(value: Any, kind: str, word: bool = False) -> Any:
    """Return ``value`` as ``kind``; ``ValueError`` when it is something else.

    An int serves as a float, a list as a tuple and the other way round, and text is read as the
    literal it spells (``1e-4``, ``(3, 7, 7)``, ``None``, ``true``). None passes for every kind.
    ``word`` marks a value typed on a command line, where quotes belong to the shell, not the text.
    """
    if isinstance(value, str):
        value = _read_text(value, kind, word)
    if value is None:
        return None
    base, _, element = kind.partition("[")
    if base in ("list", "tuple"):
        if not isinstance(value, (list, tuple)):
            raise ValueError(kind)
        items = [_fit_element(item, element.rstrip("]")) for item in value]
        return tuple(items) if base == "tuple" else items
    return _fit_scalar(value, base)


def _fit_scalar(value: Any, kind: str) -> Any:
    if kind == "any":
        return _plain(value)
    if kind == "float" and type(value) is int:
        try:
            return float(value)
        except OverflowError as error:
            raise ValueError(kind) from error
    if type(value).__name__ != kind:
        raise ValueError(kind)
    return value


def _fit_element(item: Any, kind: str) -> Any:
    """Check one element; integers among floats stay as they were written."""
    if not kind:
        return _plain(item)
    if item is None:
        raise ValueError(kind)
    if kind == "tuple":
        return tuple(_plain(list(coerce(item, "list"))))
    fitted = coerce(item, kind)
    if fitted is None:
        raise ValueError(kind)
    return item if type(item) is int else fitted


def _plain(value: Any) -> Any:
    """Return a nested value in the one form that also survives YAML: lists, numbers, text, None."""
    if isinstance(value, (list, tuple)):
        return [_plain(_number(item)) for item in value]
    if value is not None and not isinstance(value, SCALARS):
        raise ValueError(type(value).__name__)
    return value


def _number(value: Any) -> Any:
    """Read YAML's ``1e-4``, which it takes for text, as the number that was meant."""
    if isinstance(value, str):
        literal = _literal(value)
        return literal if isinstance(literal, (int, float, tuple, list)) else value
    return value


def _read_text(text: str, kind: str, word: bool) -> Any:
    """Read the literal that ``text`` spells for a key of this kind, else return it unchanged."""
    if text == "None" or (word and text == "null" and kind != "str"):
        return None
    if kind == "str":
        quoted = word and len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
        return _literal(text) if quoted else text
    if kind == "bool":
        return {"true": True, "false": False}.get(text.lower(), text)
    if kind in ("int", "float"):
        try:
            return int(text) if kind == "int" else float(text.replace(".inf", "inf"))
        except ValueError:
            return text
    return _literal(text)


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        pass
    if text.strip().startswith("["):
        try:
            return yaml.safe_load(text)
        except yaml.YAMLError:
            pass
    return text
