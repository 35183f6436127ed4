"""The command ``python -m slowfast.evaluation.ava``: of a run's folder, or of files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from slowfast.evaluation.ava.measure import MATCH_ORDERS, AvaResult, evaluate, evaluate_files
from slowfast.evaluation.boxes import Boxes
from slowfast.evaluation.predictions import load_predictions
from slowfast.utils.errors import SlowFastError
from slowfast.utils.files import atomic_write, write_json

FILES = ("ground-truth", "detections", "label-map", "excluded")
MEANING = {
    "input": "the order of the file decides who finds a box, as in PySlowFast and SEVERE",
    "score": "the best score decides who finds a box, as in PASCAL VOC",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return the exit status; errors are one message, no traceback."""
    parser = _parser()
    args = parser.parse_args(argv)
    files = {f"--{name}": getattr(args, name.replace("-", "_")) for name in FILES}
    if args.run and any(files.values()):
        parser.error(f"a run's folder names all files itself; leave out {' '.join(files)}")
    if not args.run and not (args.ground_truth and args.detections):
        parser.error("name the folder of a run, or --ground-truth and --detections")
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
    parser.add_argument(
        "run",
        nargs="?",
        help="folder of a run that was tested: boxes, classes and all as it used them",
    )
    parser.add_argument("--ground-truth", help=f"csv, {lines},person")
    parser.add_argument("--detections", help=f"csv, {lines},score")
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
    how = (args.iou, args.match_order, args.plots is not None)
    if args.run:
        truth, found, names, excluded = read_run(args.run)
        result = evaluate(truth, found, names, excluded, *how)
        sys.stdout.write(f"{len(excluded)} key frames are excluded, as in the run\n")
    else:
        result = evaluate_files(
            args.ground_truth, args.detections, args.label_map, args.excluded, *how
        )
        sys.stderr.write("".join(f"warning: {line}\n" for line in _absences(args)))
    sys.stdout.write(text(result))
    if args.json:
        write_json(args.json, result.as_dict())
    if args.plots:
        # Only those who want figures wait for matplotlib.
        from slowfast.evaluation.ava.plots import figures

        for name, figure in figures(result).items():
            with atomic_write(Path(args.plots) / name) as file:
                file.write(figure)
            sys.stdout.write(f"Wrote {Path(args.plots) / name}\n")


def read_run(folder: str | Path) -> tuple[Boxes, Boxes, dict[int, str], set[str]]:
    """Return true boxes, detections, names of the classes and excluded key frames of a tested run.

    Args:
        folder: of the run, or its ``predictions/test.npz``.

    Raises:
        SlowFastError: it holds no predictions of boxes.
    """
    path = Path(folder)
    path = path / "predictions" / "test.npz" if path.is_dir() else path
    found = load_predictions(path)
    try:
        return (
            Boxes(found["true_key"], found["true_box"], found["true_label"]),
            Boxes.from_scores(found["box_key"], found["box"], found["box_scores"]),
            dict(zip(found["class_ids"].tolist(), found["class_names"].tolist(), strict=True)),
            set(found["excluded"].tolist()),
        )
    except (LookupError, ValueError) as error:
        raise SlowFastError(f"{path}: no predictions of boxes ({error}).") from error


def _absences(args: argparse.Namespace) -> list[str]:
    """Say what a run leaves out and this evaluation counts."""
    lines = []
    if not args.excluded:
        lines.append(
            "without --excluded every key frame counts, while a run leaves out those of "
            "AVA.EXCLUSION_FILE (ava_val_excluded_timestamps_v2.2.csv)"
        )
    if not args.label_map:
        lines.append(
            "without --label-map every class of the ground truth counts, while a run counts those "
            "of AVA.LABEL_MAP_FILE (60 of 80 in AVA)"
        )
    return lines


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


if __name__ == "__main__":
    sys.exit(main())
