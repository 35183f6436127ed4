"""Tabulate the results of several runs: ``compare_runs.py RUN_DIR [RUN_DIR ...]``."""

import argparse
import sys

from slowfast.engine.run import guarded
from slowfast.visualization.compare import compare_runs


def main() -> int:
    """Print the table; with ``--out`` also write it with a plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", help="folders with a results.json")
    parser.add_argument("--out", help="folder for comparison.csv and comparison.png")
    args = parser.parse_args()
    return guarded(lambda: print(compare_runs(args.runs, args.out)))


if __name__ == "__main__":
    sys.exit(main())
