"""Write what happens on a video of yours: at boxes of people, or for each second as a whole.

    demo.py --cfg configs/demo/ava.yaml --video my.mp4 --boxes boxes.csv --out annotated.mp4
    demo.py --cfg CFG --video my.mp4 --detector onnx:FastestDet.onnx TEST.CHECKPOINT_FILE_PATH C
    demo.py --cfg configs/demo/recognition.yaml --video my.mp4

A config of detection needs boxes, from a file in AVA's format or from a detector of people; one of
recognition names each second and needs none. Weights are found as for testing:
TEST.CHECKPOINT_FILE_PATH, or the newest checkpoint in OUTPUT_DIR.
"""

import sys
from pathlib import Path

from slowfast.engine.failures import run_cli
from slowfast.engine.moments import build_recognition_labels
from slowfast.engine.video_demo import (
    ActionVisualizer,
    DisplayOptions,
    annotate_video,
    boxes_of_file,
)
from slowfast.models.person_detectors import build_detector
from slowfast.tasks.build import build_task
from slowfast.tasks.detection import Detection
from slowfast.utils.arguments import at_least, tool_parser, video_name
from slowfast.utils.errors import ConfigError
from slowfast.utils.logging import setup_logging
from slowfast.utils.parser import checked_config


def main(argv: list[str] | None = None) -> int:
    """Annotate one video."""
    parser = tool_parser(
        __doc__,
        epilog="All other words are those of run_net.py: --cfg FILE.yaml KEY VALUE ...",
    )
    parser.add_argument("--video", type=Path, required=True, help="the video")
    parser.add_argument("--out", type=video_name, help="file to write (default: NAME-actions.mp4)")
    boxes = parser.add_mutually_exclusive_group()
    boxes.add_argument("--boxes", type=Path, help="file of boxes in AVA's format")
    boxes.add_argument("--detector", help="torchvision, detectron2 or onnx:FILE")
    parser.add_argument(
        "--first-second", type=int, default=0, help="second in --boxes at which the video begins"
    )
    parser.add_argument(
        "--box-score",
        type=float,
        help="least score of a person (default: 0.5 of a detector; all boxes of a file)",
    )
    parser.add_argument(
        "--score", type=float, default=0.1, help="least score of an action at a box"
    )
    parser.add_argument("--top", type=at_least(1), default=3, help="actions at most")
    args, rest = parser.parse_known_args(argv)
    return run_cli(lambda: _run(args, rest))


def _run(args, rest: list[str]) -> None:
    cfg = checked_config(rest)
    setup_logging()
    task, given = build_task(cfg), bool(args.boxes or args.detector)
    out = args.out or args.video.with_name(f"{args.video.stem}-actions.mp4")
    if not isinstance(task, Detection):
        if given:
            raise ConfigError("--boxes and --detector are for a config of TASK detection.")
        for moment in build_recognition_labels(cfg, task).of_video(args.video, out, args.top):
            print(f"{moment.second:4d} s  {'  '.join(moment.words())}")
        print(f"Wrote {out}")
        return
    if not given:
        raise ConfigError("TASK detection classifies boxes: give --boxes or --detector.")
    _at_boxes(args, cfg, task, out)


def _at_boxes(args, cfg, task: Detection, out: Path) -> None:
    if args.boxes:
        least = args.box_score or 0.0
        source = boxes_of_file(args.boxes, args.video.stem, args.first_second, least)
    else:
        least = 0.5 if args.box_score is None else args.box_score
        detect = build_detector(args.detector, least, cfg)

        def source(_, frame):
            return detect(frame)[0]

    visualizer = ActionVisualizer(cfg, task, DisplayOptions(args.top, args.score))
    found = annotate_video(visualizer, args.video, source, out)
    print(f"Wrote {out}: {', '.join(f'{count} {what}' for what, count in found.items())}")
    if args.boxes and not found["boxes"]:
        print(
            f"warning: {args.boxes} has no box in the seconds of this video; --first-second says at "
            "which second of the file it begins (AVA: 900)",
            file=sys.stderr,
        )


if __name__ == "__main__":
    sys.exit(main())
