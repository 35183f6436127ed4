"""Types of command line arguments."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

VIDEO_NAMES = (".mp4", ".mkv", ".mov")


def admit_any_name() -> None:
    """Let standard output take names that are not UTF-8, or that the terminal cannot show."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def begin_command() -> None:
    """Prepare standard output, and warn where a tool of one checkout runs the package of another."""
    admit_any_name()
    beside = Path(sys.argv[0]).resolve().parents[1:2]
    package = Path(__file__).resolve().parents[1]
    for root in beside:
        own = root / "slowfast"
        is_other = (own / "__init__.py").is_file() and (root / "tools").is_dir() and own != package
        if is_other and os.environ.get("RANK", "0") == "0" and not parent_process():
            sys.stderr.write(
                f"warning: {sys.argv[0]} runs the package in {package}, not the one beside it; set "
                f"PYTHONPATH={root}, or 'pip install -e {root}'\n"
            )


def at_least(low: int) -> Callable[[str], int]:
    """Return an argparse type: a whole number from ``low``."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < low:
            raise argparse.ArgumentTypeError(f"expected a number from {low}, found {text!r}")
        return int(text)

    return number


def video_name(text: str) -> Path:
    """Be an argparse type: the path of an H.264 video to write."""
    path = Path(text)
    if path.suffix.lower() not in VIDEO_NAMES:
        raise argparse.ArgumentTypeError(f"{text!r} ends in none of {', '.join(VIDEO_NAMES)}")
    return path


def tool_parser(doc: str | None, **options: Any) -> argparse.ArgumentParser:
    """Return the parser of a tool, whose docstring is its help as it stands."""
    as_it_stands = argparse.RawDescriptionHelpFormatter
    return argparse.ArgumentParser(description=doc, formatter_class=as_it_stands, **options)
