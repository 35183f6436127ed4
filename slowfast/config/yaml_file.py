"""Reading YAML config files safely, with the line of every key and ``_BASE_`` inheritance."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from slowfast.utils.errors import ConfigError, brief, did_you_mean
from slowfast.utils.paths import expanded, joined, local_path, shipped
from slowfast.utils.remote import is_remote

logger = logging.getLogger(__name__)

BASE_KEY = "_BASE_"
# Far more than any config has; a file beyond them is another kind of file, or means harm.
MAX_CHARACTERS = 1_000_000
MAX_VALUES = 100_000
LONGEST_PATH = 4096
# What PyYAML raises for a scalar that does not spell what its tag says: 2024-02-30, !!int abc.
UNREADABLE = (ValueError, LookupError, AttributeError, TypeError, OverflowError, RecursionError)


class Entry(NamedTuple):
    """One value for one key: full name, value, where it was said, and whether in a shell."""

    name: str
    value: Any
    where: str = ""
    word: bool = False


def read_entries(path: str | Path) -> list[Entry]:
    """Return what a file sets, after what the files it inherits from set; later entries win."""
    return _read(str(path), above=())


def _read(source: str, above: tuple[Path, ...], asked_by: str = "") -> list[Entry]:
    if "\0" in source or len(source) > LONGEST_PATH:
        raise ConfigError(f"{asked_by or '--cfg'}: {brief(source)} is not the path of a file.")
    path = Path(local_path(source, f"{asked_by}: {BASE_KEY}" if asked_by else "--cfg"))
    if not path.exists():  # configs/... is found from any folder
        path = shipped(path) or path
    source = (
        source if is_remote(source) else str(path)
    )  # for messages, and what _BASE_ is seen from
    real = path.resolve()
    if len(above) > 50:
        raise ConfigError(f"{asked_by}: {BASE_KEY} leads through more than 50 files.")
    if real in above:
        chain = " -> ".join(entry.name for entry in (*above, real))
        raise ConfigError(f"{asked_by}: {BASE_KEY} goes in a circle: {chain}.")
    entries = _parse(source, _text(path, asked_by))
    inherited: list[Entry] = []
    for entry in entries:
        if entry.name != BASE_KEY:
            continue
        if not isinstance(entry.value, str):
            raise ConfigError(
                f"{entry.where}: {BASE_KEY} expects the path of one YAML file, found "
                f"{brief(entry.value)}."
            )
        base = expanded(entry.value, f"{entry.where}: {BASE_KEY}")
        inherited += _read(joined(source, base), (*above, real), entry.where)
    return inherited + [entry for entry in entries if entry.name != BASE_KEY]


def _text(path: Path, asked_by: str) -> str:
    prefix = f"{asked_by}: {BASE_KEY}: " if asked_by else ""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(MAX_CHARACTERS + 1)
    except FileNotFoundError as error:
        neighbours = [entry.name for entry in path.parent.glob("*.y*ml")]
        hint = f" {did_you_mean(path.name, neighbours)}" if neighbours else ""
        raise ConfigError(f"{prefix}config file not found: {path}.{hint}") from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{prefix}config file {path} cannot be read: {error}.") from error
    if len(text) > MAX_CHARACTERS:
        raise ConfigError(f"{prefix}{path} holds more than a megabyte: not a config file.")
    return text


def _parse(path: str, text: str) -> list[Entry]:
    try:
        # Made in here because the loader already refuses control characters when it is created.
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            found = "nothing" if root is None else f"a {root.id}"
            line = 1 if root is None else root.start_mark.line + 1
            raise ConfigError(
                f"{path}:{line}: a config file is a mapping of keys to values, found {found}."
            )
        _check_size(root, path)
        return list(_leaves(loader, root, path, ""))
    except RecursionError:
        raise ConfigError(f"{path}: its values are nested too deeply.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or str(error)
        raise ConfigError(f"{path}{line}: not valid YAML: {reason[:200]}.") from error


def _check_size(root: yaml.Node, path: str) -> None:
    """Refuse what is small as text and has no end, or nearly none, once its aliases are followed."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node, line: int) -> int:
        if id(node) in sizes:
            if not sizes[id(node)]:
                raise ConfigError(f"{path}:{line}: not valid YAML: a value contains itself.")
            return sizes[id(node)]
        sizes[id(node)] = 0  # being counted
        total = 1
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                line = key.start_mark.line + 1
                total += size(key, line) + size(value, line)
        elif isinstance(node, yaml.SequenceNode):
            total += sum(size(part, node.start_mark.line + 1) for part in node.value)
        if total > MAX_VALUES:
            raise ConfigError(f"{path}:{line}: its aliases make more than {MAX_VALUES} values.")
        sizes[id(node)] = total
        return total

    size(root, 1)


def _leaves(
    loader: yaml.SafeLoader,
    mapping: yaml.MappingNode,
    path: str,
    prefix: str,
) -> Iterator[Entry]:
    """Yield the leaves of a mapping under their dotted names, in the order of the file."""
    _warn_of_repeats(mapping, path, prefix)
    loader.flatten_mapping(mapping)  # resolves YAML's own merge key, "<<"
    for key, value in mapping.value:
        where = f"{path}:{key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode):
            raise ConfigError(f"{where}: a key must be a plain word.")
        name = prefix + key.value
        if isinstance(value, yaml.MappingNode) and value.value:
            yield from _leaves(loader, value, path, f"{name}.")
            continue
        try:
            yield Entry(name, loader.construct_object(value, deep=True), where)
        except UNREADABLE as error:
            reason = f"{type(error).__name__}: {error}"[:200]
            raise ConfigError(f"{where}: {name} cannot be read as YAML ({reason}).") from error


def _warn_of_repeats(mapping: yaml.MappingNode, path: str, prefix: str) -> None:
    """A key said twice is legal in published files, where the last one wins; say so."""
    seen: set[str] = set()
    for key, value in mapping.value:
        if not isinstance(key, yaml.ScalarNode) or isinstance(value, yaml.MappingNode):
            continue
        if key.value in seen:
            line = key.start_mark.line + 1
            logger.warning(
                "%s:%d: %s is set twice; this one counts.", path, line, prefix + key.value
            )
        seen.add(key.value)
