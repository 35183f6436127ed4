"""Tabulate the checkpoints below a folder, or one file: format, network, or why a file cannot be used."""

import argparse
import sys
from pathlib import Path

from slowfast.checkpoint.convert import tabulate
from slowfast.engine.failures import run_cli


def main(argv: list[str] | None = None) -> int:
    """Print a line as soon as a file has been read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="or a file")
    args = parser.parse_args(argv)
    return run_cli(lambda: _run(args.folder))


def _run(folder: Path) -> None:
    for name, size, *rest in tabulate(folder):
        print(f"{name:<48} {size:>8}  " + "  ".join(f"{cell:<20}" for cell in rest).rstrip())


if __name__ == "__main__":
    sys.exit(main())
