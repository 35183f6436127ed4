"""Log lines on the terminal and in ``log.txt``; numbers in ``stats.jsonl``."""

from __future__ import annotations

import json
import logging
import math
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slowfast.utils import distributed as du
from slowfast.utils.arguments import admit_any_name

FORMAT = "[%(asctime)s] %(levelname)s %(message)s"
LOG_FILE = "log.txt"
DATE_FORMAT = "%m/%d %H:%M:%S"
PLACES = ("_type", "step", "epoch")  # of a row of stats.jsonl; the rest are numbers


def get_logger(name: str) -> logging.Logger:
    """Return the logger of a module."""
    return logging.getLogger(name)


def setup_logging(output_dir: str | Path | None = None) -> None:
    """Send INFO lines of process 0 to the terminal and to ``output_dir/log.txt``.

    Other processes show warnings only.
    """
    root = logging.getLogger("slowfast")
    root.handlers.clear()
    root.propagate = False
    root.setLevel(logging.INFO if du.is_root_proc() else logging.WARNING)
    admit_any_name()
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stdout)]
    if output_dir is not None and du.is_root_proc():
        log = Path(output_dir) / LOG_FILE
        handlers.append(_LogFile(log, encoding="utf-8", errors="backslashreplace"))
    for handler in handlers:
        handler.setFormatter(logging.Formatter(FORMAT, DATE_FORMAT))
        root.addHandler(handler)


class _LogFile(logging.FileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Lose a line on a full disk in silence: the terminal has shown it."""


def in_words(values: Mapping[str, str | float]) -> str:
    """Return names and values on one line, decimals with four digits."""
    return " ".join(f"{key} {_in_words(value)}" for key, value in values.items())


def _in_words(value: str | float) -> str:
    if not isinstance(value, float):
        return str(value)
    return "undefined" if math.isnan(value) else f"{value:.4g}"


def duration(seconds: float) -> str:
    """Return a time as ``h:mm:ss``, or ``m:ss`` below an hour."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def log_json_stats(stats: dict[str, Any], output_dir: str | Path | None = None) -> None:
    """Append one line of numbers to ``output_dir/stats.jsonl``; without a folder log it instead.

    The log line is PySlowFast's: sorted keys, and floats with five decimals.
    """
    if output_dir is None:
        get_logger(__name__).info("json_stats: {%s}", ", ".join(map(_pair, sorted(stats.items()))))
    elif du.is_root_proc():
        with open(Path(output_dir) / "stats.jsonl", "ab+") as file:
            # A crash may have torn the last line; it must not swallow the next one.
            torn = file.tell() and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n"
            line = json.dumps(stats, allow_nan=False) + "\n"
            file.write((("\n" if torn else "") + line).encode())


def _pair(item: tuple[str, Any]) -> str:
    key, value = item
    text = f"{value:.5f}" if isinstance(value, float) else json.dumps(value)
    return f"{json.dumps(key)}: {text}"


def read_json_stats(path: str | Path) -> list[dict[str, Any]]:
    """Read the rows of ``stats.jsonl``; lines that are none, torn or damaged ones, are left out."""
    rows = []
    if Path(path).is_file():
        for line in Path(path).read_bytes().splitlines():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):  # not JSON, not UTF-8, nested without end
                continue
            if isinstance(row, dict) and _is_placed(row):
                rows.append(row)
    return rows


def _is_placed(row: dict[str, Any]) -> bool:
    kind, step = row.get("_type"), row.get("step")
    return isinstance(kind, str) and type(step) is int and 0 <= step < 2**63
