"""Measure what a checkpoint ignores and what it tells: time reversal and time shift.

    diagnose_invariance.py --cfg FILE.yaml [KEY VALUE ...] --out FOLDER [--clips 4] [--files 200]

MODEL.INIT_METHOD and MODEL.CKPT name the checkpoint, of any method; without them the network is
random. With a config of pretraining the embeddings across frames and audio are measured too, with any
other the features of MODEL.ARCH alone. FOLDER gets invariance.json and invariance.png.
"""

from __future__ import annotations

import argparse
import sys

from slowfast.engine.failures import run_cli
from slowfast.utils.arguments import at_least, tool_parser


def main(argv: list[str] | None = None) -> int:
    """Measure, write and print; return the exit status."""
    args, words = _parser().parse_known_args(argv)

    def diagnose() -> None:
        from slowfast.engine.invariance import build_diagnosis
        from slowfast.utils.logging import setup_logging
        from slowfast.utils.parser import checked_config

        cfg = checked_config(words)
        setup_logging()
        print(build_diagnosis(cfg, args.out, args.clips, args.files, args.split))

    return run_cli(diagnose)


def _parser() -> argparse.ArgumentParser:
    parser = tool_parser(
        __doc__,
        usage="%(prog)s --cfg FILE.yaml [KEY VALUE ...] --out FOLDER [options]",
        allow_abbrev=False,
    )
    parser.add_argument("--out", required=True, metavar="FOLDER", help="where results go")
    parser.add_argument("--clips", type=at_least(2), default=4, help="of each video (%(default)s)")
    parser.add_argument("--files", type=at_least(2), default=200, help="at most (%(default)s)")
    parser.add_argument(
        "--split", choices=("train", "val", "test"), default="val", help="list (%(default)s)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
