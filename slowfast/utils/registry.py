"""Name -> object tables, so that a new part of the framework is one new file."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

from slowfast.utils.errors import ConfigError, did_you_mean


def import_all(package: str) -> None:
    """Import every module of a package, whose registrations then count; not its sub-packages."""
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if not module.ispkg:
            importlib.import_module(f"{package}.{module.name}")


class Registry:
    """A table of named objects; look-ups ignore case and unknown names list the nearest ones.

    Args:
        kind: what the table holds, used in messages ("dataset", "backbone", ...).
        packages: their modules register themselves; they are imported at the first look-up.
    """

    def __init__(self, kind: str, *packages: str) -> None:
        self.kind = kind
        self._packages = packages
        self._objects: dict[str, Any] = {}
        self._by_lower: dict[str, str] = {}

    def register(self, obj: Any = None, *, name: str | None = None) -> Any:
        """Add ``obj`` under ``name`` (default: its ``__name__``); usable as a decorator.

        Raises:
            ValueError: the name is taken.
        """
        if obj is None:
            return lambda target: self.register(target, name=name)
        name = name or obj.__name__
        if name.lower() in self._by_lower:
            raise ValueError(f"{self.kind} {name!r} is registered twice")
        self._objects[name] = obj
        self._by_lower[name.lower()] = name
        return obj

    def get(self, name: str) -> Any:
        """Return the object called ``name``, in any case.

        Raises:
            ConfigError: there is none; the message names the nearest.
        """
        self._discover()
        key = self._by_lower.get(str(name).lower())
        if key is None:
            raise ConfigError(f"Unknown {self.kind} {name!r}. {did_you_mean(str(name), self)}")
        return self._objects[key]

    def _discover(self) -> None:
        packages, self._packages = self._packages, ()  # modules may look up while imported
        for package in packages:
            import_all(package)

    def __contains__(self, name: str) -> bool:
        self._discover()
        return str(name).lower() in self._by_lower

    def __iter__(self) -> Iterator[str]:
        self._discover()
        return iter(self._objects)

    def __len__(self) -> int:
        self._discover()
        return len(self._objects)
