"""Measure the mean and deviation of each frequency over random windows of your own training files.

    audio_stats.py --cfg FILE.yaml [KEY VALUE ...] --out STATS.json [--clips 2000] [--seed 0]

The file is used with AUDIO.NORM_STATS STATS.json.
Exit status: 0 all is well, 1 something has to be corrected, 2 the command line is wrong.
"""

from __future__ import annotations

import argparse
import sys

from slowfast.utils.arguments import at_least, tool_parser


def main(argv: list[str] | None = None) -> int:
    """Measure, write and report; return the exit status."""
    args, rest = _parser().parse_known_args(argv)
    from slowfast.engine.failures import run_cli

    return run_cli(lambda: measure(args, rest), "interrupted; nothing was written")


def measure(args: argparse.Namespace, words: list[str]) -> int:
    """Write the statistics of a config's training files."""
    from slowfast.dataprep.audio_stats import measure_audio_stats
    from slowfast.utils.parser import checked_config

    survey = measure_audio_stats(checked_config(words), args.clips, args.seed)
    survey.stats.save(args.out)
    print(f"{survey.clips} windows measured; files left out: {survey.left_out}")
    for path, reason in survey.unreadable[:5]:
        print(f"  {reason if path in reason else f'{path}: {reason}'}")
    print(f"Use them with AUDIO.NORM_STATS {args.out}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = tool_parser(
        __doc__,
        usage="%(prog)s --cfg FILE.yaml [KEY VALUE ...] --out STATS.json [options]",
        allow_abbrev=False,
    )
    parser.add_argument("--out", required=True, metavar="STATS.json", help="file to write")
    parser.add_argument(
        "--clips",
        type=at_least(1),
        default=2000,
        help="windows to measure, over all files (%(default)s)",
    )
    parser.add_argument("--seed", type=at_least(0), default=0, help="of all draws (%(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
