"""The command ``python -m slowfast.evaluation.ava``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from slowfast.evaluation.ava import MATCH_ORDERS, AvaResult, evaluate_files
from slowfast.utils.errors import SlowFastError
from slowfast.utils.files import atomic_write, write_json

MEANING = {
    "input": "the order of the file decides who finds a box, as in PySlowFast and SEVERE",
    "score": "the best score decides who finds a box, as in PASCAL VOC",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return the exit status; errors are one message, no traceback."""
    args = _parser().parse_args(argv)
    try:
        _run(args)
    except (SlowFastError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m slowfast.evaluation.ava",
        description="Frame-mAP of detections in AVA's format.",
    )
    lines = "lines video,second,x1,y1,x2,y2,action"
    parser.add_argument("--ground-truth", required=True, help=f"csv, {lines},person")
    parser.add_argument("--detections", required=True, help=f"csv, {lines},score")
    parser.add_argument(
        "--label-map",
        help="pbtxt or csv of the classes that count; default: all of the ground truth, by their ids",
    )
    parser.add_argument("--excluded", help="csv of key frames that do not count: video,second")
    parser.add_argument(
        "--match-order",
        choices=MATCH_ORDERS,
        default="input",
        help="who finds a box that several detections cover: the first of the file (default) or "
        "the one with the best score",
    )
    parser.add_argument("--iou", type=_share, default=0.5, help="least overlap (default: 0.5)")
    parser.add_argument("--json", metavar="FILE", help="write the numbers there")
    parser.add_argument("--plots", metavar="DIR", help="draw APs, curves and confusions there")
    return parser


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"expected a number in (0, 1], found {text!r}")
    return value


def _run(args: argparse.Namespace) -> None:
    result = evaluate_files(
        args.ground_truth,
        args.detections,
        args.label_map,
        args.excluded,
        args.iou,
        args.match_order,
        with_confusions=args.plots is not None,
    )
    sys.stdout.write(text(result))
    if args.json:
        write_json(args.json, result.as_dict())
    if args.plots:
        # Only those who want figures wait for matplotlib.
        from slowfast.evaluation.ava_plots import figures

        for name, figure in figures(result).items():
            with atomic_write(Path(args.plots) / name) as file:
                file.write(figure)
            sys.stdout.write(f"Wrote {Path(args.plots) / name}\n")


def text(result: AvaResult) -> str:
    """Return what the command prints: mAP, match order, counts and a table of the classes."""
    defined = sum(bool(number) for number in result.ground_truth.values())
    lines = [
        f"frame-mAP@{result.iou_threshold:g}: {result.mean_ap:.4f} ({100 * result.mean_ap:.2f} %), "
        f"mean of {defined} classes with ground truth of {len(result.per_class)}",
        f"match order: {result.match_order} ({MEANING[result.match_order]})",
        "",
        *_counts(result.counts),
        "",
        f"{'AP %':>7}{'truth':>9}{'found':>11}  class",
    ]
    for label in result.best_first():
        number = result.ground_truth[label]
        value = f"{100 * result.per_class[label]:.2f}" if number else "-"
        name = result.class_names[label]
        name = name if name == str(label) else f"{label} {name}"
        lines.append(f"{value:>7}{number:>9,}{result.detections[label]:>11,}  {name}")
    return "\n".join(lines) + "\n"


def _counts(counts: dict[str, int]) -> list[str]:
    lines = [f"{number:>13,}  {name.replace('_', ' ')}" for name, number in counts.items()]
    if counts["detections"] == counts["detections_on_frames_without_ground_truth"]:
        lines.append(
            "No detection is on a key frame that has ground truth: are the names the same?"
        )
    return lines
