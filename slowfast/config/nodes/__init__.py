"""The default tree: every key with its default and its meaning, one file per subject.

A new group of keys is a new file with its ``TABLES``, named here once.
"""

from slowfast.config.nodes import (
    audio,
    augmentation,
    charades,
    convnets,
    data,
    demo,
    detection,
    model,
    mvit,
    probe,
    run,
    solver,
    ssl,
    ssl_upstream,
    tensorboard,
    text,
    train_test,
    zero_shot,
)
from slowfast.config.schema import Key, Node, join_tables

SUBJECTS = (
    run,
    train_test,
    solver,
    data,
    audio,
    text,
    augmentation,
    model,
    convnets,
    mvit,
    ssl,
    ssl_upstream,
    detection,
    charades,
    zero_shot,
    probe,
    tensorboard,
    demo,
)

TABLES: tuple[Node, ...] = tuple(table for subject in SUBJECTS for table in subject.TABLES)
KEYS: dict[str, Key] = join_tables(TABLES)
