"""Tabulate the results of several runs: ``compare_runs.py RUN_DIR [RUN_DIR ...]``."""

import argparse
import sys

from slowfast.engine.failures import run_cli
from slowfast.visualization.compare import PUBLISHED, compare_runs


def main() -> int:
    """Print the table; with ``--out`` also write it with a plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", help="folders with a results.json")
    parser.add_argument("--out", help="folder for comparison.csv, .md, .html and .png")
    parser.add_argument(
        "--labels",
        nargs="+",
        metavar="LABEL",
        help="what the runs are called, one each and in their order, after the runs; labels of "
        "the form group/name are drawn in groups, each name in a colour of its own",
    )
    parser.add_argument("--chance", type=float, help="level to draw as a line, 12.5 for example")
    parser.add_argument(
        "--measures",
        nargs="+",
        default=(),
        metavar="PATTERN",
        help="to show, '*/top1_acc' for example",
    )
    parser.add_argument(
        "--published",
        default="",
        metavar="TABLE",
        help=f"published numbers to show beside the runs: {', '.join(PUBLISHED)}",
    )
    args = parser.parse_args()
    words = (args.labels, args.chance, args.measures, args.published)
    return run_cli(lambda: print(compare_runs(args.runs, args.out, *words)))


if __name__ == "__main__":
    sys.exit(main())
