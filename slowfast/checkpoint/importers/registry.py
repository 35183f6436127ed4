"""The table of checkpoint formats, by ``MODEL.INIT_METHOD``."""

from __future__ import annotations

import re

from slowfast.checkpoint.importers.rule import Change, Rule
from slowfast.utils.errors import CheckpointError, did_you_mean
from slowfast.utils.registry import Registry

IMPORTERS = Registry("checkpoint format (MODEL.INIT_METHOD)")
AUTO, SCRATCH = "auto", "scratch"


def add(name: str, rule: Rule) -> Rule:
    """Enter a rule under its ``MODEL.INIT_METHOD`` and return it."""
    return IMPORTERS.register(rule, name=name)


def find(method: str) -> tuple[str, Rule]:
    """Return name and rule of a method, however it is spelt: ``VideoMoCo``, ``video-moco`` ...

    Raises:
        CheckpointError: there is none; the message names the nearest.
    """
    if _bare(method) == SCRATCH:
        raise CheckpointError(
            "MODEL.INIT_METHOD scratch means random weights: there is nothing to load."
        )
    for name in IMPORTERS:
        rule = IMPORTERS.get(name)
        if _bare(method) in map(_bare, (name, rule.title, *rule.spellings)):
            return name, rule
    known = [*IMPORTERS, AUTO, SCRATCH]
    raise CheckpointError(
        f"MODEL.INIT_METHOD {method!r} is no known format. {did_you_mean(method, known)} "
        f"All: {', '.join(known)}."
    )


def changes() -> list[Change]:
    """Return what methods changed in a network."""
    return [rule.change for rule in map(IMPORTERS.get, IMPORTERS) if rule.change]


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
