"""``CfgNode``: a YACS tree that knows the type and the place of each of its keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from yacs.config import CfgNode as YacsNode

from slowfast.config.coerce import coerce, kind_of
from slowfast.config.nodes import KEYS
from slowfast.config.yaml_file import Entry, read_entries
from slowfast.utils.errors import ConfigError, brief, did_you_mean_key


class ReadLog:
    """Which keys were given and which were read; one for a tree and all its copies.

    Attributes:
        given: key -> ``FILE:LINE``, or an empty text for a command line.
        read: keys that anything has read.
        paused: do not note reads.
    """

    def __init__(self) -> None:
        self.given: dict[str, str] = {}
        self.read: set[str] = set()
        self.paused = False

    def __deepcopy__(self, _: object) -> ReadLog:
        return self


class CfgNode(YacsNode):
    """A tree of config keys, read as ``cfg.SOLVER.BASE_LR``.

    Files and overrides may only set keys that exist, with the type that the key was declared with.
    A merge that fails names everything wrong at once and changes nothing. The tree notes which keys
    are read one by one; a copy or a dump of all of it does not count.
    """

    def __init__(self, init_dict=None, key_list=None, new_allowed: bool = False) -> None:
        super().__init__(init_dict, key_list, new_allowed)
        self._join(ReadLog(), "".join(f"{name}." for name in key_list or []))

    def _join(self, log: ReadLog, prefix: str) -> None:
        """Note reads of this node and of those below in ``log``, under names with a prefix."""
        self.__dict__["_log"], self.__dict__["_prefix"] = log, prefix
        for name, value in self.items():
            if isinstance(value, CfgNode):
                value._join(log, f"{prefix}{name}.")

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        if isinstance(value, CfgNode) and "_log" in self.__dict__:  # not before it is unpickled
            value._join(self._log, f"{self._prefix}{name}.")

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        if not (isinstance(value, YacsNode) or self._log.paused):
            self._log.read.add(self._prefix + name)
        return value

    def get(self, name: str, default: Any = None) -> Any:
        """Return a key or group, or ``default`` where there is none of that name."""
        return self[name] if name in self else default  # noqa: SIM401 (counts as a read)

    @contextmanager
    def unobserved(self) -> Iterator[None]:
        """Read keys inside without counting: to check or compare them, not to act on them."""
        before, self._log.paused = self._log.paused, True
        try:
            yield
        finally:
            self._log.paused = before

    def unread(self) -> dict[str, str]:
        """Return the given keys that nothing has read -> ``FILE:LINE``, empty for a command line."""
        log = self._log
        return {name: where for name, where in log.given.items() if name not in log.read}

    def was_read(self, name: str) -> bool:
        """Tell whether anything has read a key, given or not."""
        return name in self._log.read

    def fresh(self) -> CfgNode:
        """Return a copy with a log of its own."""
        copied = self.clone()
        copied._join(ReadLog(), "")
        return copied

    def merge_from_file(self, cfg_filename: str | Path) -> None:
        """Set what a YAML file says; its ``_BASE_`` (a path beside it) is merged first."""
        self.merge_entries(read_entries(cfg_filename))

    def merge_from_list(self, cfg_list: Sequence[Any]) -> None:
        """Set ``[KEY, VALUE, KEY, VALUE, ...]``, as typed on a command line."""
        self.merge_entries(pair_entries(cfg_list))

    def merge_from_other_cfg(self, cfg_other: YacsNode) -> None:
        """Set every key of another tree."""
        self.merge_entries(Entry(name, value) for name, value in _leaves(cfg_other))

    def leaves(self) -> dict[str, Any]:
        """Return every value by its full dotted name."""
        return dict(_leaves(self))

    def dump(self, **kwargs: Any) -> str:
        """Return the tree as YAML that merges back to an equal tree (options of ``yaml.dump``)."""
        options = {"sort_keys": False, "default_flow_style": None, "allow_unicode": True}
        return yaml.safe_dump(plain(self), **{**options, **kwargs})

    @classmethod
    def load_cfg(cls, cfg_file_obj_or_str: Any) -> CfgNode:
        """Build a tree from YAML text, such as the ``cfg`` entry of a checkpoint."""
        source = cfg_file_obj_or_str
        try:
            tree = yaml.safe_load(source if isinstance(source, str) else source.read())
        except yaml.YAMLError as error:
            raise ConfigError(f"this config text is not valid YAML: {error}") from error
        if not isinstance(tree, dict):
            raise ConfigError(f"a config text is a mapping, found {type(tree).__name__}.")
        return cls(tree)

    def merge_entries(self, entries: Iterable[Entry]) -> None:
        """Set what entries say, or raise one error that names all that is wrong with them."""
        if self.is_frozen():
            raise ConfigError("this config is frozen; call defrost() or clone it before merging.")
        accepted: list[tuple[CfgNode, str, Any]] = []
        given: dict[str, str] = {}
        problems: list[str] = []
        for entry in entries:
            try:
                accepted += self._accept(entry)
                if entry.word or entry.where:
                    given[entry.name] = entry.where
            except ConfigError as error:
                problems.append(f"{entry.where}: {error}" if entry.where else str(error))
        if problems:
            raise ConfigError("\n".join(problems))
        for node, leaf, value in accepted:
            node[leaf] = value
        self._log.given.update(given)

    def _accept(self, entry: Entry) -> list[tuple[CfgNode, str, Any]]:
        """Return where the value of an entry goes: one place, or none for an empty group."""
        *groups, leaf = entry.name.split(".")
        node: Any = self
        for group in groups:
            node = node.get(group) if isinstance(node, YacsNode) else None
        if not isinstance(node, YacsNode) or leaf not in node:
            hint = did_you_mean_key(entry.name, self.leaves())
            raise ConfigError(f"unknown config key {entry.name[:200]}. {hint}")
        current = dict.get(node, leaf)  # not a read
        if isinstance(current, YacsNode):
            if entry.value in (None, {}) and not entry.word:
                return []
            raise ConfigError(
                f"{entry.name} is a group of keys, not a key; set one of {', '.join(current)}."
            )
        kind = KEYS[entry.name].kind if entry.name in KEYS else kind_of(current, elements=False)
        try:
            return [(node, leaf, coerce(entry.value, kind, entry.word))]
        except ValueError:
            found = f"{brief(entry.value, 500)} ({type(entry.value).__name__})"
            raise ConfigError(f"{entry.name} expects {kind}, found {found}.") from None


def pair_entries(cfg_list: Sequence[Any]) -> list[Entry]:
    """Return the entries of ``[KEY, VALUE, KEY, VALUE, ...]``."""
    words = list(cfg_list)
    if len(words) % 2:
        raise ConfigError(
            f"overrides are pairs of KEY VALUE, found {len(words)} words: "
            f"{words[-1]!r} has no partner in: {' '.join(map(str, words))}"
        )
    pairs = zip(words[::2], words[1::2], strict=True)
    return [Entry(str(key), value, word=True) for key, value in pairs]


def _leaves(node: YacsNode, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in node.items():
        if isinstance(value, YacsNode):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def plain(value: Any) -> Any:
    """Return plain dicts and lists, which safe YAML can write and which compare as it reads them."""
    if isinstance(value, YacsNode):
        return {name: plain(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    return value
