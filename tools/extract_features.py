"""Compute features of a list of videos or recordings with any checkpoint, and keep them.

    extract_features.py --cfg FILE.yaml [KEY VALUE ...] --data LIST --out FOLDER [options]

LIST is train, val or test of the config, or a file of 'path label' lines. MODEL.INIT_METHOD and
MODEL.CKPT name the checkpoint; without them the networks are random. FOLDER gets one .npy per feature,
index.csv with a row for each view, and bad_media.csv. The same command continues what was interrupted;
torchrun shares the work among processes, with the same result.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial

from slowfast.engine.failures import run_cli
from slowfast.utils.arguments import at_least, tool_parser


def main(argv: list[str] | None = None) -> int:
    """Extract, and return the exit status."""
    args, words = _parser().parse_known_args(argv)

    def extract() -> None:
        from slowfast.engine.features import Request, extract_list
        from slowfast.engine.launch import launch_job
        from slowfast.utils.parser import checked_config

        cfg = checked_config(words)
        names = args.features.split(",") if args.features else cfg.PROBE.FEATURES
        request = Request(args.data, args.out, tuple(names), args.views, args.window, args.step)
        launch_job(cfg, partial(extract_list, request=request))

    return run_cli(extract)


def _parser() -> argparse.ArgumentParser:
    parser = tool_parser(
        __doc__,
        usage="%(prog)s --cfg FILE.yaml [KEY VALUE ...] --data LIST --out FOLDER [options]",
        allow_abbrev=False,
    )
    parser.add_argument("--data", required=True, metavar="LIST", help="what is read")
    parser.add_argument("--out", required=True, metavar="FOLDER", help="where features go")
    parser.add_argument(
        "--features",
        metavar="NAMES",
        help="what is taken, such as video.conv4x:max6,audio (default: PROBE.FEATURES)",
    )
    parser.add_argument("--views", type=at_least(1), default=1, help="of each item (%(default)s)")
    parser.add_argument(
        "--window", type=_seconds, default=0.0, help="slide over the files: seconds of a window"
    )
    parser.add_argument(
        "--step", type=_seconds, default=0.0, help="from window to window (default: the window)"
    )
    return parser


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"expected seconds above 0, found {text!r}")
    return value


if __name__ == "__main__":
    sys.exit(main())
