"""Tabulate the results of several runs: ``compare_runs.py RUN_DIR [RUN_DIR ...]``."""

import argparse
import sys

from slowfast.engine.cli import guarded
from slowfast.visualization.compare import compare_runs


def main() -> int:
    """Print the table; with ``--out`` also write it with a plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", help="folders with a results.json")
    parser.add_argument("--out", help="folder for comparison.csv and comparison.png")
    parser.add_argument(
        "--labels",
        nargs="+",
        metavar="LABEL",
        help="what the runs are called, one each and in their order, after the runs; labels of "
        "the form group/name are drawn in groups, each name in a colour of its own",
    )
    parser.add_argument("--chance", type=float, help="level to draw as a line, 12.5 for example")
    args = parser.parse_args()
    return guarded(lambda: print(compare_runs(args.runs, args.out, args.labels, args.chance)))


if __name__ == "__main__":
    sys.exit(main())
