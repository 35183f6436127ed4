"""Prepare and check data before training.

    prepare_data.py demo --out DIR [--preset tiny|small|directed] [--worlds videos,ava,charades] [--seed N]
    prepare_data.py verify --cfg FILE.yaml [KEY VALUE ...] --out DIR [--deep] [--workers N]
    prepare_data.py manifest --cfg FILE.yaml [KEY VALUE ...] --out DIR [--workers N]
    prepare_data.py transcode SRC DST [--short-side 128] [--gop 12] [--crf 18] [--workers N]
    prepare_data.py cut SRC DST [--start 900] [--length 901] [--only=NAME] [--overwrite] [--workers N]
    prepare_data.py extract SRC DST [--rate 30] [--quality 95] [--only=NAME] [--overwrite] [--workers N]

Exit status: 0 all is well, 1 something has to be corrected, 2 the command line is wrong.
"""

from __future__ import annotations

import argparse
import os
import sys

from slowfast.utils.arguments import at_least, tool_parser


def main(argv: list[str] | None = None) -> int:
    """Run one subcommand and return the exit status."""
    parser = _parser()
    args, rest = parser.parse_known_args(argv)
    if rest and not args.takes_cfg:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    from slowfast.engine.failures import run_cli

    again = "interrupted; the same command continues where it stopped"
    return run_cli(lambda: args.run(args, rest), again)


def demo(args: argparse.Namespace, _: list[str]) -> int:
    """Write demo worlds."""
    from slowfast import synthetic as worlds

    writers = {
        "videos": worlds.write_demo_world,
        "ava": worlds.write_ava_world,
        "charades": worlds.write_charades_world,
    }
    for name in args.worlds:
        _show_world(writers[name](args.out, args.preset, args.seed, args.workers))
    return 0


def _show_world(summary) -> None:
    print(
        f"{summary.videos} videos of {len(summary.class_names)} classes in {summary.root} "
        f"({summary.size_bytes / 1e6:.1f} MB, {summary.written} made now in {summary.seconds:.0f} s)"
    )
    for name, folder in summary.folders.items():
        print(f"  {name}: {folder}")


def verify(args: argparse.Namespace, rest: list[str]) -> int:
    """Check every file and list of a config's dataset."""
    cfg = _config(rest)
    check = _CHECKS.get(cfg.TRAIN.DATASET.lower(), _verify_videos)
    report = check(cfg, args.out, workers=args.workers, full=args.full)
    print(report)
    return 0 if report.ok else 1


def _verify_videos(cfg, out: str, **options):
    from slowfast.dataprep.verify import verify_dataset

    return verify_dataset(cfg, out, **options)


def _verify_ava(cfg, out: str, **options):
    from slowfast.dataprep.ava_verify import verify_ava

    return verify_ava(cfg, out, **options)


def _verify_charades(cfg, out: str, **options):
    from slowfast.dataprep.charades_verify import verify_charades

    return verify_charades(cfg, out, **options)


# Datasets that are not video lists, and who checks them.
_CHECKS = {"ava": _verify_ava, "charades": _verify_charades}


def manifest(args: argparse.Namespace, rest: list[str]) -> int:
    """Write manifests of a config's dataset."""
    from slowfast.dataprep.verify import write_manifests

    for split, facts in write_manifests(_config(rest), args.out, workers=args.workers).items():
        print(
            f"{split}: {facts['files']} files in {facts['path']}, {facts['left_out']} left out, "
            f"{facts['unusable_kept']} kept although they cannot be used"
        )
    print(f"Use them with DATA.MANIFEST_DIR {args.out}")
    return 0


def transcode(args: argparse.Namespace, _: list[str]) -> int:
    """Re-encode a folder of videos."""
    from slowfast.dataprep.transcode import transcode as run

    report = run(
        args.src,
        args.dst,
        short_side=args.short_side,
        gop=args.gop,
        crf=args.crf,
        workers=args.workers,
    )
    print(report)
    return 0 if report.ok else 1


def cut(args: argparse.Namespace, _: list[str]) -> int:
    """Cut the same seconds out of all videos of a folder."""
    from slowfast.dataprep.ava_prepare import cut_folder

    return _prepare(cut_folder, args, args.start, args.length)


def extract(args: argparse.Namespace, _: list[str]) -> int:
    """Write the frames of all videos of a folder at a constant rate."""
    from slowfast.dataprep.ava_prepare import extract_folder

    return _prepare(extract_folder, args, args.rate, args.quality)


def _prepare(run, args: argparse.Namespace, *how) -> int:
    from slowfast.dataprep.ava_prepare import Selection

    selection = Selection(tuple(args.only), args.overwrite)
    report = run(args.src, args.dst, *how, workers=args.workers, selection=selection)
    print(report)
    return 0 if report.ok else 1


def _config(words: list[str]):
    from slowfast.utils.parser import checked_config

    return checked_config(words)


def _parser() -> argparse.ArgumentParser:
    parser = tool_parser(__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(
        required=True, metavar="demo | verify | manifest | transcode | cut | extract"
    )

    def add(run, takes_cfg: bool) -> argparse.ArgumentParser:
        command = commands.add_parser(
            run.__name__, help=run.__doc__, description=run.__doc__, allow_abbrev=False
        )
        command.set_defaults(run=run, takes_cfg=takes_cfg)
        workers = min(os.cpu_count() or 1, 8)
        command.add_argument(
            "--workers", type=at_least(0), default=workers, help="processes (%(default)s)"
        )
        return command

    made = add(demo, takes_cfg=False)
    made.add_argument("--out", required=True, metavar="DIR", help="folder to write to")
    made.add_argument(
        "--preset", default="tiny", help="tiny, small, or directed for GDT (%(default)s)"
    )
    made.add_argument("--seed", type=int, default=0, help="of all draws (%(default)s)")
    made.add_argument(
        "--worlds",
        type=_worlds,
        default=["videos"],
        metavar="videos,ava,charades",
        help="labelled videos with audio, and the formats of AVA and Charades (videos)",
    )
    for run in (verify, manifest):
        command = add(run, takes_cfg=True)
        full = "[--full] " if run is verify else ""
        command.usage = f"%(prog)s --cfg FILE.yaml [KEY VALUE ...] --out DIR {full}[options]"
        command.add_argument("--out", required=True, metavar="DIR", help="folder to write to")
        if run is verify:
            command.add_argument(
                "--full", "--deep", action="store_true", help="decode every frame, not samples"
            )
    small = add(transcode, takes_cfg=False)
    small.add_argument("src", metavar="SRC", help="folder of the videos")
    small.add_argument("dst", metavar="DST", help="folder to write to")
    small.add_argument("--short-side", type=at_least(2), default=128, help="pixels (%(default)s)")
    small.add_argument(
        "--gop", type=at_least(1), default=12, help="distance of key frames (%(default)s)"
    )
    small.add_argument("--crf", type=at_least(0), default=18, help="x264 quality (%(default)s)")
    _add_steps(add)
    return parser


def _add_steps(add) -> None:
    """Add the two steps from movies to frames."""
    for run in (cut, extract):
        step = add(run, takes_cfg=False)
        step.add_argument("src", metavar="SRC", help="folder of the videos")
        step.add_argument("dst", metavar="DST", help="folder to write to")
        step.add_argument(
            "--only", action="append", default=[], metavar="NAME", help="this video, no other"
        )
        step.add_argument("--overwrite", action="store_true", help="overwrite results that exist")
        if run is cut:
            step.add_argument("--start", type=_seconds, default=900.0, help="second (%(default)s)")
            step.add_argument("--length", type=_seconds, default=901.0, help="(%(default)s s)")
        else:
            step.add_argument(
                "--rate", type=at_least(1), default=30, help="per second (%(default)s)"
            )
            step.add_argument("--quality", type=at_least(1), default=95, help="JPEG (%(default)s)")


def _worlds(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not set(names) <= {"videos", "ava", "charades"}:
        raise argparse.ArgumentTypeError(f"expected some of videos,ava,charades, found {text!r}")
    return names


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"expected seconds, found {text!r}")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
