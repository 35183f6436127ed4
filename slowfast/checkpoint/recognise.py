"""Which format a file has, by the names of its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from slowfast.checkpoint.formats import AUTO, FORMATS, CheckpointFormat, ParsedState, find_format
from slowfast.checkpoint.formats.base import VIDEO, containers, find_tensors, is_wrapped_twice
from slowfast.checkpoint.networks import fitting_networks
from slowfast.utils.errors import CheckpointError


def matching_formats(content: Mapping[str, Any], inflate: bool = False, at: str = "") -> list[str]:
    """Return the formats that know every tensor of a file.

    Of several, only those whose tensors fill one of our networks. Where no format finds its tensors
    in its own place, they are searched for everywhere in the file; where none knows every tensor,
    one that fills a network does, whatever heads there are beside it.
    """
    formats = {name: FORMATS.get(name) for name in FORMATS}
    parsed = {name: [fmt.parse(content, at)] for name, fmt in formats.items()}
    if not any(own.complete for (own,) in parsed.values()):
        parsed = {name: parse_anywhere(fmt, content, at) for name, fmt in formats.items()}
    known = [name for name, states in parsed.items() if states[0].complete]
    if len(known) == 1:
        return known
    fitting = [name for name in known or parsed if networks_of(parsed[name][0], inflate)]
    if not fitting:
        cut = {name: parse_anywhere(fmt, content, at, True)[0] for name, fmt in formats.items()}
        fitting = [n for n, s in cut.items() if s.complete and networks_of(s, inflate)]
    return fitting or known


def parse_anywhere(
    fmt: CheckpointFormat, content: Mapping[str, Any], at: str = "", shared: bool = False
) -> list[ParsedState]:
    """Return the tensors from the place of a format or, if none are there, from all that fit."""
    own = fmt.parse(content, at, shared)
    if at or VIDEO in own.parts:
        return [own]
    others = [fmt.parse(content, key, shared) for key in containers(content)]
    fitting = [parsed for parsed in others if parsed.complete]
    if fitting or shared:
        return fitting or [own]
    cut = [s for s in parse_anywhere(fmt, content, at, shared=True) if s.complete]
    return cut or [own]


def networks_of(parsed: ParsedState, inflate: bool = False) -> list[str]:
    """Return the backbones that the video part of a file shapes_match."""
    part = parsed.part(VIDEO)
    return fitting_networks({name: tuple(t.shape) for name, t in part.items()}, inflate)


def detect_format(
    path: Path, content: Mapping[str, Any], method: str, inflate: bool = False, at: str = ""
) -> tuple[str, CheckpointFormat, ParsedState]:
    """Return the format of a file, and its tensors sorted by it.

    Args:
        path: for messages.
        content: of the file.
        method: ``MODEL.INIT_METHOD``; ``auto`` finds it out.
        inflate: 2-D kernels may be stretched over time.
        at: ``CHECKPOINT.AT``.

    Raises:
        CheckpointError: the file has not that format, or, for ``auto``, none or several.
    """
    _refuse_two_wrappers(path, content)
    if at and not find_tensors(content, at):
        raise CheckpointError(
            f"{path}: no tensors under CHECKPOINT.AT {at!r}. The file holds: {describe(content)}."
        )
    if method.strip().lower() == AUTO:
        method = _only_one(path, content, inflate, at)
    name, fmt = find_format(method)
    parsed = fmt.parse(content, at)
    if parsed.complete:
        return name, fmt, _without_beginning(content, fmt, parsed)
    others = matching_formats(content, inflate, at)
    if others and name not in others:
        raise CheckpointError(
            f"{path}: this is not a checkpoint of {fmt.title} (MODEL.INIT_METHOD {name}); its "
            f"tensors are named as by {' or '.join(others)}. Set MODEL.INIT_METHOD {others[0]}."
        )
    return name, fmt, _only_place(path, content, name, fmt, at)


def _without_beginning(
    content: Mapping[str, Any], fmt: CheckpointFormat, parsed: ParsedState
) -> ParsedState:
    """Return the tensors without what all names begin with, where only so they fill a network."""
    if networks_of(parsed, inflate=True):
        return parsed
    cut = fmt.parse(content, parsed.at, shared=True)
    return cut if cut.complete and networks_of(cut, inflate=True) else parsed


def _only_place(
    path: Path, content: Mapping[str, Any], name: str, fmt: CheckpointFormat, at: str
) -> ParsedState:
    parsed, *more = parse_anywhere(fmt, content, at)
    if more:
        raise CheckpointError(
            f"{path}: several entries hold tensors of {fmt.title}: "
            f"{', '.join(state.at for state in (parsed, *more))}. Choose by CHECKPOINT.AT."
        )
    if VIDEO not in parsed.parts:
        where = f", looked for under {fmt.at!r}" if fmt.at else ""
        raise CheckpointError(
            f"{path}: no tensor of {fmt.title}'s video network (MODEL.INIT_METHOD {name}) is "
            f"here{where}. The file holds: {describe(content)}."
        )
    return parsed


def _only_one(path: Path, content: Mapping[str, Any], inflate: bool, at: str) -> str:
    found = matching_formats(content, inflate, at)
    first, *others = found or [""]
    if first and set(others) <= set(FORMATS.get(first).same_as):
        return first
    if found:
        raise CheckpointError(
            f"{path}: MODEL.INIT_METHOD auto cannot choose, the names of its tensors are those of "
            f"{' and of '.join(found)}. Set MODEL.INIT_METHOD to the one that made it."
        )
    raise CheckpointError(
        f"{path}: MODEL.INIT_METHOD auto knows no format with such names. The file holds: "
        f"{describe(content)}. Known formats: {', '.join(FORMATS)}."
    )


def _refuse_two_wrappers(path: Path, content: Mapping[str, Any]) -> None:
    for tensors in (content, *content.values()):
        if isinstance(tensors, Mapping):
            names = [k for k, v in tensors.items() if isinstance(k, str) and isinstance(v, Tensor)]
            if is_wrapped_twice(names):
                raise CheckpointError(
                    f"{path}: the names of its tensors begin with 'module.' twice (such as "
                    f"{names[0]}): a wrapped model was wrapped again before it was saved. Save it "
                    "anew with one 'module.' cut off each name."
                )


def describe(content: Mapping[str, Any], limit: int = 8) -> str:
    """Return the top level of a file in words, such as ``model (312 tensors: stem.0.weight, ...)``."""
    tensors = [k for k, v in content.items() if isinstance(v, Tensor)]
    words = [_tensors_in_words("", tensors)] if tensors else []
    words += [
        _value_in_words(str(key), value)
        for key, value in content.items()
        if not isinstance(value, Tensor)
    ]
    return "; ".join(words[:limit] + ["..."] * (len(words) > limit)) or "nothing"


def _value_in_words(key: str, value: Any) -> str:
    if not isinstance(value, Mapping):
        return f"{key} ({type(value).__name__})"
    names = [name for name, inner in value.items() if isinstance(inner, Tensor)]
    return _tensors_in_words(key, names) if names else f"{key} ({len(value)} entries)"


def _tensors_in_words(key: str, names: list[str]) -> str:
    return f"{key} ({len(names)} tensors: {names[0]}, ...)".strip()
