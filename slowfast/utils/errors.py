"""The exceptions that reach a user.

Every message says what was found, where (file, line or key), what was expected and what to do.
``tools/run_net.py`` prints them as one message without a traceback and exits with status 1.
"""

from __future__ import annotations

import difflib
import signal
from collections.abc import Iterable

LONGEST_NAME = 100  # that is compared with known ones; comparing takes quadratic time


class SlowFastError(Exception):
    """Base class of every error that is the user's to correct."""


class ConfigError(SlowFastError):
    """A configuration key or value that cannot be used."""


class MediaError(SlowFastError):
    """A video, audio file or frame folder that cannot be read."""


class AnnotationError(SlowFastError):
    """A file list or annotation file with a wrong line."""


class CheckpointError(SlowFastError):
    """A checkpoint that is missing, damaged or does not fit."""


class DownloadError(SlowFastError):
    """A file on a web server that could not be fetched."""


class UnreadableFilesError(MediaError):
    """No file could be read for a sample, nor any of its replacements.

    Args:
        failures: ``(path, reason)`` of every file that was tried.
    """

    def __init__(self, failures: list[tuple[str, str]]) -> None:
        self.failures = failures
        reasons = "\n  ".join(reason for _, reason in failures)
        super().__init__(
            f"{len(failures)} files in a row could not be read (DATA.MAX_RETRIES = "
            f"{len(failures) - 1}):\n  {reasons}\nFind all such files with "
            "'python tools/prepare_data.py verify'."
        )


class TrainingError(SlowFastError):
    """A run that cannot continue (non-finite loss, too many bad files, full disk)."""


class StopRequested(BaseException):
    """Raised once a stop signal is to be obeyed; carries the exit status.

    Args:
        number: of the signal.
        agreed: whether all processes raise it together, and the state may be saved.
    """

    def __init__(self, number: int, agreed: bool = True) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.exit_status, self.agreed = 128 + number, agreed


def brief(value: object, limit: int = 120) -> str:
    """Return a value as a message shows it: its ``repr``, cut where it is long."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an int of thousands of digits, a list within itself
        return f"a {type(value).__name__} that is too large to show"
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def nearest_keys(name: str, known: Iterable[str]) -> list[str]:
    """Return up to three dotted names like ``name`` (``KEY`` or ``KEY=VALUE``), best first.

    The last part counts twice: MODEL.BASE_LR was meant to be SOLVER.BASE_LR.
    """

    def likeness(key: str) -> float:
        pairs = zip((wanted, wanted.rpartition(".")[2]), (key, key.rpartition(".")[2]), strict=True)
        return sum(difflib.SequenceMatcher(None, a, b, False).ratio() for a, b in pairs)

    wanted = name[:LONGEST_NAME].partition("=")[0].upper()
    scores = {key: likeness(key.upper()) for key in known}
    lowest = max(1.2, max(scores.values()) - 0.3)
    close = sorted((key for key in scores if scores[key] >= lowest), key=scores.get, reverse=True)
    return close[:3]


def did_you_mean_key(name: str, known: Iterable[str]) -> str:
    """Return "Did you mean ...?" for an unknown config key, or how to find the right one."""
    close = nearest_keys(name, known)
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return "No key is like it; --help-config lists them all."


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a sentence naming the nearest known names, or listing all when none is near."""
    known = list(known)
    by_lower = {entry.lower(): entry for entry in reversed(known)}
    close = difflib.get_close_matches(name[:LONGEST_NAME].lower(), list(by_lower), cutoff=0.5)
    if close:
        return f"Did you mean {' or '.join(repr(by_lower[entry]) for entry in close)}?"
    return f"Known: {', '.join(sorted(known))}." if known else "None is registered."
