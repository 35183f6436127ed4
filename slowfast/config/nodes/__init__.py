"""The default tree: every key with its default and its meaning, one file per subject.

A new group of keys is a new file with its ``TABLES``, named here once.
"""

from importlib import import_module

from slowfast.config.schema import Key, Node, join_tables

SUBJECTS = (
    *("run", "training", "data", "audio", "text", "augmentation", "model", "networks", "ssl"),
    *("detection", "zero_shot", "probe", "display"),
)

TABLES: tuple[Node, ...] = tuple(
    table for subject in SUBJECTS for table in import_module(f"{__name__}.{subject}").TABLES
)
KEYS: dict[str, Key] = join_tables(TABLES)
