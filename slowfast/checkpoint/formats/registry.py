"""The table of checkpoint formats, by ``MODEL.INIT_METHOD``."""

from __future__ import annotations

import re

from slowfast.checkpoint.formats.base import ArchitecturePatch, CheckpointFormat
from slowfast.utils.errors import CheckpointError, did_you_mean
from slowfast.utils.registry import Registry

FORMATS = Registry("checkpoint format (MODEL.INIT_METHOD)", "slowfast.checkpoint.formats")
AUTO, SCRATCH = "auto", "scratch"


def register(name: str, fmt: CheckpointFormat) -> CheckpointFormat:
    """Enter a format under its ``MODEL.INIT_METHOD`` and return it."""
    return FORMATS.register(fmt, name=name)


def find_format(method: str) -> tuple[str, CheckpointFormat]:
    """Return name and format of a method, however it is spelt: ``VideoMoCo``, ``video-moco`` ...

    Raises:
        CheckpointError: there is none; the message names the nearest.
    """
    if _bare(method) == SCRATCH:
        raise CheckpointError(
            "MODEL.INIT_METHOD scratch means random weights: there is nothing to load."
        )
    for name in FORMATS:
        fmt = FORMATS.get(name)
        if _bare(method) in map(_bare, (name, fmt.title, *fmt.spellings)):
            return name, fmt
    known = [*FORMATS, AUTO, SCRATCH]
    raise CheckpointError(
        f"MODEL.INIT_METHOD {method!r} is not a known format. {did_you_mean(method, known)} "
        f"All: {', '.join(known)}."
    )


def patches() -> list[ArchitecturePatch]:
    """Return what methods changed in a network."""
    return [fmt.patch for fmt in map(FORMATS.get, FORMATS) if fmt.patch]


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
