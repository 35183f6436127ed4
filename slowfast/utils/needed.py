"""Files that a run cannot do without: all that are missing are said at once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

from slowfast.utils.errors import ConfigError
from slowfast.utils.remote import is_remote


class Needed(NamedTuple):
    """A file or folder.

    Attributes:
        key: of the config, that says where it lies.
        path: where that is; an address is not looked up.
        what: it is, in a few words.
        origin: where it comes from: an address, a command, or who writes it.
    """

    key: str
    path: str
    what: str
    origin: str = ""


def check_present(needed: Iterable[Needed]) -> None:
    """Return if all exist.

    Raises:
        ConfigError: names each that does not, its key and where it comes from.
    """
    missing: dict[str, list[str]] = {}
    for one in dict.fromkeys(needed):
        if not is_remote(one.path) and not os.path.exists(one.path):
            origin = f", from {one.origin}" if one.origin else ""
            missing.setdefault(f"{one.key}: {one.what}{origin}", []).append(one.path)
    if missing:
        lines = ["\n    ".join([f"  {reason}", *paths]) for reason, paths in missing.items()]
        raise ConfigError(
            "No such file or folder. Put them where the config looks, or set its keys:\n"
            + "\n".join(lines)
        )
