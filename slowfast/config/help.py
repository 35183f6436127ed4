"""The reference of all keys, as ``run_net.py --help-config`` prints it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from slowfast.config.coerce import kind_of
from slowfast.config.defaults import get_cfg
from slowfast.config.nodes import KEYS, TABLES
from slowfast.config.schema import Key
from slowfast.utils.errors import ConfigError, did_you_mean_key

WIDEST_DEFAULT = 24


def help_config(prefix: str = "") -> str:
    """Return the keys whose names start with ``prefix``: type, default, meaning and choices.

    Where none does, those that have the word in their name or meaning.
    """
    groups = []
    wanted = prefix.strip().upper()
    if any(name.upper().startswith(f"{wanted}.") for name in KEYS):
        wanted += "."  # a whole group: DATA without DATA_LOADER
    for title, keys in _groups():
        shown = {name: key for name, key in keys.items() if name.upper().startswith(wanted)}
        if shown:
            groups.append((title, shown))
    if not groups:  # no such beginning: then every key with the word in its name or meaning
        groups = [(title, _with_word(keys, wanted)) for title, keys in _groups()]
        groups = [(title, shown) for title, shown in groups if shown]
    if not groups:
        nodes = {name.rpartition(".")[0] for name in KEYS} - {""}
        hint = did_you_mean_key(prefix, [*nodes, *KEYS])
        raise ConfigError(f"no config key starts with {prefix}. {hint}")
    return "\n\n".join(_table(title, keys) for title, keys in groups)


def _with_word(keys: dict[str, Key], word: str) -> dict[str, Key]:
    pattern = re.compile(rf"(?<![A-Z]){re.escape(word.rstrip('.'))}(?![A-Z])")
    return {
        name: key
        for name, key in keys.items()
        if pattern.search(name.upper()) or pattern.search(key.meaning.upper())
    }


def _groups() -> Iterator[tuple[str, dict[str, Key]]]:
    """Yield the tables, and last the keys that ``add_custom_config`` added."""
    for table in TABLES:
        yield f"{table.path}: {table.title}" if table.path else table.title, table.names()
    leaves = get_cfg().leaves()
    yield (
        "Keys of your own",
        {
            name: Key(value, "", kind=kind_of(value, elements=False))
            for name, value in leaves.items()
            if name not in KEYS
        },
    )


def _table(title: str, keys: dict[str, Key]) -> str:
    name_width = max(map(len, keys))
    kind_width = max(len(key.kind) for key in keys.values())
    defaults = {name: _shown(key.default) for name, key in keys.items()}
    default_width = max(map(len, defaults.values()))
    lines = [title]
    for name, key in keys.items():
        choices = f" [{', '.join(map(str, key.choices))}]" if key.choices else ""
        columns = (
            name.ljust(name_width),
            key.kind.ljust(kind_width),
            defaults[name].ljust(default_width),
            key.meaning + choices,
        )
        lines.append(("  " + "  ".join(columns)).rstrip())
        if defaults[name] != repr(key.default):
            lines.append(f"      default: {key.default!r}")
    return "\n".join(lines)


def _shown(default: Any) -> str:
    text = repr(default)
    return text if len(text) <= WIDEST_DEFAULT else "(below)"
