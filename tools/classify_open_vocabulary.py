"""Name what happens in a video of yours, second by second, with labels of your own.

    classify_open_vocabulary.py --cfg CFG --video V.mp4 --labels "play guitar, swim, ride a horse"
    classify_open_vocabulary.py --cfg CFG --ckpt RELEASED.pth.tar --video V.mp4 --labels ... --out W.mp4

CFG is a config of zero-shot classification; without --ckpt the weights are found as for testing.
"""

import sys
from pathlib import Path

from slowfast.engine.failures import run_cli
from slowfast.engine.moments import build_open_vocabulary
from slowfast.utils.arguments import at_least, tool_parser, video_name
from slowfast.utils.logging import setup_logging
from slowfast.utils.parser import checked_config


def main(argv: list[str] | None = None) -> int:
    """Classify one video."""
    parser = tool_parser(
        __doc__,
        epilog="All other words are those of run_net.py: --cfg FILE.yaml KEY VALUE ...",
    )
    parser.add_argument("--video", type=Path, required=True, help="the video")
    parser.add_argument("--labels", required=True, help="in plain words, with commas between")
    parser.add_argument("--ckpt", help="run, checkpoint, or released file")
    parser.add_argument(
        "--out", type=video_name, help="write the video with the labels on its frames"
    )
    parser.add_argument("--top", type=at_least(1), default=3, help="labels per second")
    args, rest = parser.parse_known_args(argv)
    if args.ckpt:
        rest += ["MODEL.INIT_METHOD", "auto", "MODEL.CKPT", args.ckpt]
    return run_cli(lambda: _run(args, rest))


def _run(args, rest: list[str]) -> None:
    cfg = checked_config(rest)
    setup_logging()
    labels = build_open_vocabulary(cfg, args.labels.split(","), only_ckpt=bool(args.ckpt))
    for moment in labels.of_video(args.video, args.out, args.top):
        print(f"{moment.second:4d} s  {'  '.join(moment.words())}")
    if args.out:
        print(f"Wrote {args.out}")


if __name__ == "__main__":
    sys.exit(main())
