"""Write a run of AVID, AVID-CMA, GDT or STiCA in the layout of its release: ``RUN_OR_CHECKPOINT OUT``."""

import argparse
import sys
from pathlib import Path

from slowfast.checkpoint.export import export_file
from slowfast.engine.failures import run_cli


def main() -> int:
    """Write the file and name it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path, help="run folder or checkpoint")
    parser.add_argument("out", type=Path, help="file to write, such as checkpoint.pth.tar")
    args = parser.parse_args()
    return run_cli(lambda: print(f"Wrote {export_file(args.checkpoint, args.out)}"))


if __name__ == "__main__":
    sys.exit(main())
