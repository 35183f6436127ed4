"""The exceptions that reach a user.

Every message says what was found, where (file, line or key), what was expected and what to do.
``tools/run_net.py`` prints them as one message without a traceback and exits with status 1.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SlowFastError(Exception):
    """Base class of every error that is the user's to mend."""


class ConfigError(SlowFastError):
    """A configuration key or value that cannot be used."""


class MediaError(SlowFastError):
    """A video, audio file or frame folder that cannot be read."""


class AnnotationError(SlowFastError):
    """A file list or annotation file with a wrong line."""


class CheckpointError(SlowFastError):
    """A checkpoint that is missing, damaged or does not fit."""


class TrainingError(SlowFastError):
    """A run that cannot go on (non-finite loss, too many bad files, full disk)."""


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Return up to ``count`` entries of ``known`` that look most like ``name``, best first."""
    by_lower = {}
    for entry in known:
        by_lower.setdefault(entry.lower(), entry)
    close = difflib.get_close_matches(name.lower(), list(by_lower), n=count, cutoff=0.5)
    return [by_lower[entry] for entry in close]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a sentence naming the nearest known names, or listing all when none is near."""
    known = list(known)
    close = nearest(name, known)
    if close:
        return f"Did you mean {' or '.join(repr(entry) for entry in close)}?"
    return f"Known: {', '.join(sorted(known))}." if known else "None is registered."
