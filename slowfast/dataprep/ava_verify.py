"""Checking AVA, or data in its form, before a run: frames, boxes, classes and their agreement."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from slowfast.dataprep.ava_prepare.folders import read_record
from slowfast.dataprep.ava_prepare.found import COLUMNS, AvaSplit, BoxTable
from slowfast.dataprep.ava_prepare.probe import ListedVideo, crashed_video, probe_video
from slowfast.dataprep.list_checks import shorten
from slowfast.dataprep.verify import VerifyReport
from slowfast.datasets.lists.ava import FIRST_SECOND, find_videos
from slowfast.datasets.lists.ava_boxes import Key, read_box_lines
from slowfast.datasets.lists.frame_lists import compact, read_frame_list
from slowfast.utils.errors import AnnotationError
from slowfast.utils.input_files import OVERSHOOT
from slowfast.utils.parallel import map_files

# Official AVA: number of videos of each split, and frames of each video at 30 per second.
OFFICIAL_LISTS = tuple(f"ava_{split}_v2.{n}.csv" for split in ("train", "val") for n in (1, 2))
OFFICIAL_VIDEOS = {"train": 235, "val": 64}
OFFICIAL_PICTURES = (27_028, 27_034)
OFFICIAL_SECONDS = (902, 1798)


class AvaReport(VerifyReport):
    """What :func:`verify_ava` found: :class:`VerifyReport` with other numbers per split."""

    def line(self, split: Any) -> str:
        """Return the numbers of a split in words."""
        facts = split.summary()
        return (
            f"{split.name}: {facts['usable']} of {facts['videos']} videos can be used, "
            f"{facts['frames_there']} of {facts['frames_listed']} frames are there, "
            f"{facts['boxes']} boxes at {facts['keyframes']} key frames, "
            f"{facts['predicted_boxes']} predicted ({facts['source']})"
        )


@dataclass(frozen=True)
class ScoringReaders:
    """Readers of the two lists that only the evaluation needs otherwise.

    Args:
        label_map: file -> class number to name.
        excluded: file -> keys ``video,second``.
    """

    label_map: Callable[[Path], dict[int, str]]
    excluded: Callable[[Path], Iterable[str]]


def verify_ava(
    cfg, out_dir: str | Path, readers: ScoringReaders, workers: int = 2, full: bool = False
) -> AvaReport:
    """Compare AVA's lists with the frames on disk and with each other.

    Writes ``<out_dir>/train.csv`` and ``val.csv`` with a row per video, and ``summary.json``. A list
    that is missing or wrong is a problem in the report, not an error.

    Args:
        cfg: its ``AVA`` node names everything.
        out_dir: is made where it does not exist.
        readers: of the label map and the excluded key frames.
        workers: processes; 0 works in this one.
        full: read every frame, not a few at the beginning, middle and end of each video.
    """
    splits = {name: _read_split(cfg, name, workers, full) for name in ("train", "val")}
    train, val = splits.values()
    for split in splits.values():
        _check_videos(split)
        _check_boxes(split, cfg.AVA.FRAME_RATE)
        _note_official(split, cfg)
    excluded = _check_excluded(val, cfg, readers)
    _check_predictions(train, set())
    _check_predictions(val, excluded)
    _check_classes(val, cfg, readers)
    _check_overlap(train, val)
    report = AvaReport(Path(out_dir), splits, [])
    report.write(COLUMNS, {name: split.rows() for name, split in splits.items()})
    return report


def _read_split(cfg, name: str, workers: int, full: bool) -> AvaSplit:
    node, train = cfg.AVA, name == "train"
    annotated = list(node.TRAIN_GT_BOX_LISTS) if train else [node.GROUNDTRUTH_FILE]
    detected = node.TRAIN_PREDICT_BOX_LISTS if train else node.TEST_PREDICT_BOX_LISTS
    split = AvaSplit(name, node.FRAME_DIR if node.SOURCE == "frames" else node.VIDEO_DIR)
    split.boxes = _read_boxes(cfg, annotated, None, split.problems)
    # Published configs name the annotated boxes among the detected ones too.
    detected = [entry for entry in detected if entry not in annotated]
    split.predicted = _read_boxes(cfg, detected, node.DETECTION_SCORE_THRESH, split.problems)
    try:
        listed = _listed_videos(cfg, split)
    except AnnotationError as error:
        split.problems.append(str(error))
        return split
    split.are_listed = True
    probe = partial(probe_video, full=full)
    probes = map_files(probe, listed, workers=workers, title=name, crashed=crashed_video)
    split.videos = {probe.video: probe for probe in probes}
    return split


def _listed_videos(cfg, split: AvaSplit) -> list[ListedVideo]:
    """Return the videos of a split: those of its frame lists, or the files of its boxes."""
    node, found = cfg.AVA, {}
    if node.SOURCE == "video":
        files = find_videos(node.VIDEO_DIR)
        first = round((node.VIDEO_START - FIRST_SECOND) * node.FRAME_RATE)
        wanted = split.boxes.videos | split.predicted.videos
        return [
            ListedVideo(name, "", file=str(files[name]), first=first, rate=node.FRAME_RATE)
            for name in sorted(wanted & set(files))
        ]
    for entry in node.TRAIN_LISTS if split.name == "train" else node.TEST_LISTS:
        path = Path(node.FRAME_LIST_DIR) / entry
        for video, lines in read_frame_list(path):
            if video in found:
                raise AnnotationError(f"{path}: {video} is in another frame list too.")
            paths = compact([line.path for line in lines])
            found[video] = ListedVideo(video, node.FRAME_DIR, paths)
    return list(found.values())


def _read_boxes(
    cfg, names: Iterable[str], least_score: float | None, problems: list[str]
) -> BoxTable:
    """Read lists of boxes; those of a detector count from ``least_score`` on."""
    table = BoxTable()
    for name in names:
        try:
            for line in read_box_lines(Path(cfg.AVA.ANNOTATION_DIR) / name):
                if least_score is not None and line.score is None:
                    raise AnnotationError(f"{line.where}: a predicted box without a score.")
                if least_score is None or line.score >= least_score:
                    table.add(line, cfg.MODEL.NUM_CLASSES)
        except AnnotationError as error:
            problems.append(str(error))
    return table


def _check_videos(split: AvaSplit) -> None:
    broken = [probe.reason for probe in split.videos.values() if probe.reason]
    if broken:
        split.problems.append(
            f"{len(broken)} of {len(split.videos)} videos cannot be used:\n    "
            + shorten(broken, "\n    ")
        )
    extra = [f"{p.video} ({p.extra})" for p in split.videos.values() if p.extra > 0]
    if extra:
        split.notes.append(
            f"{len(extra)} folders hold more frames than their list names: {shorten(extra)}. "
            "Extraction differs a little between versions of FFmpeg."
        )
    tools = {row["tool"] for row in read_record(split.source) if row.get("tool")}
    if len(tools) > 1:
        split.notes.append(f"the frames come from different programs: {shorten(sorted(tools))}.")


def _check_boxes(split: AvaSplit, rate: int) -> None:
    for what, table in (("annotated", split.boxes), ("predicted", split.predicted)):
        if table.wrong:
            split.problems.append(
                f"{len(table.wrong)} {what} labels are no classes of MODEL.NUM_CLASSES: "
                f"{shorten(table.wrong)}."
            )
        if table.flat:
            split.notes.append(
                f"{len(table.flat)} {what} boxes have no area: {shorten(table.flat)}."
            )
        if table.far_outside and split.name == "val" and table is split.boxes:
            split.problems.append(
                f"{len(table.far_outside)} annotated boxes reach beyond the frame by more than "
                f"{OVERSHOOT}, and detections cannot be judged against them: "
                f"{shorten(table.far_outside)}."
            )
        elif table.outside:
            split.notes.append(
                f"{len(table.outside)} {what} boxes reach beyond the frame, which cuts them: "
                f"{shorten(table.outside)}."
            )
        if table.repeated:
            split.notes.append(f"{table.repeated} {what} lines are repeats.")
        if split.are_listed:
            _check_places(split, what, table, rate)
    videos_without_boxes = sorted(set(split.videos) - split.boxes.videos - split.predicted.videos)
    if videos_without_boxes:
        split.notes.append(
            f"{len(videos_without_boxes)} listed videos have no boxes: {shorten(videos_without_boxes)}."
        )


def _check_places(split: AvaSplit, what: str, table: BoxTable, rate: int) -> None:
    """Compare key frames with the videos that hold them; unreadable ones have no length."""
    known = {name: probe for name, probe in split.videos.items() if probe.listed}
    videos_without_lists = sorted(table.videos - set(split.videos))
    if videos_without_lists:
        split.problems.append(
            f"{what} boxes of {len(videos_without_lists)} videos that are in no frame list or folder of videos: "
            f"{shorten(videos_without_lists)}."
        )
    beyond = [
        f"{video} at {second}"
        for video, second in table.keyframes
        if video in known and not known[video].holds((second - FIRST_SECOND) * rate)
    ]
    if beyond:
        split.problems.append(
            f"{len(beyond)} {what} key frames lie outside their videos: {shorten(beyond)}. Second "
            f"{FIRST_SECOND} is the first frame, AVA.FRAME_RATE is {rate}."
        )


def _check_excluded(val: AvaSplit, cfg, readers: ScoringReaders) -> set[Key]:
    path = Path(cfg.AVA.ANNOTATION_DIR) / cfg.AVA.EXCLUSION_FILE
    try:
        parts = [key.rpartition(",") for key in readers.excluded(path)]
    except AnnotationError as error:
        val.problems.append(str(error))
        return set()
    excluded = {(video, int(second)) for video, _, second in parts}
    lost = sorted(excluded - set(val.boxes.keyframes) - set(val.predicted.keyframes))
    if lost:
        shown = shorten([f"{video} at {second}" for video, second in lost])
        val.notes.append(f"{len(lost)} excluded key frames have no boxes anyway: {shown}.")
    return excluded


def _check_predictions(split: AvaSplit, excluded: set[Key]) -> None:
    truth, found = split.boxes.keyframes, split.predicted.keyframes
    if not truth or not found:
        return
    counted = [key for key in truth if key not in excluded]
    missed = [key for key in counted if key not in found]
    if missed:
        shown = shorten([f"{video} at {second}" for video, second in missed])
        text = (
            f"{len(missed)} of {len(counted)} annotated key frames have no predicted box of "
            f"AVA.DETECTION_SCORE_THRESH: {shown}."
        )
        (split.problems if len(missed) == len(counted) else split.notes).append(text)
    unknown_videos = [key for key in found if key not in truth and key not in excluded]
    if unknown_videos and split.name != "train":
        split.notes.append(
            f"{len(unknown_videos)} key frames have predicted boxes only, which count as false."
        )
    same = sum(len(boxes & truth.get(key, set())) for key, boxes in found.items())
    if same > split.predicted.count() / 2:
        split.notes.append(
            f"{same} of {split.predicted.count()} predicted boxes are the annotated ones, so the "
            "results are not those of a detector."
        )


def _check_classes(val: AvaSplit, cfg, readers: ScoringReaders) -> None:
    path = Path(cfg.AVA.ANNOTATION_DIR) / cfg.AVA.LABEL_MAP_FILE
    try:
        names = readers.label_map(path)
    except AnnotationError as error:
        val.problems.append(str(error))
        return
    too_high = sorted(number for number in names if number > cfg.MODEL.NUM_CLASSES)
    if too_high:
        val.problems.append(
            f"{path}: classes {shorten(too_high)} are not among the {cfg.MODEL.NUM_CLASSES} of "
            "MODEL.NUM_CLASSES."
        )
    unscored = sorted(set(val.boxes.actions) - set(names))
    if unscored:
        val.notes.append(
            f"{len(names)} classes are scored; {len(unscored)} that occur are not: "
            f"{shorten(unscored)}."
        )
    empty = [f"{names[k]} ({k})" for k in sorted(set(names) - set(val.boxes.actions))]
    if empty and val.boxes.keyframes:
        val.notes.append(f"{len(empty)} scored classes never occur: {shorten(empty)}.")


def _check_overlap(train: AvaSplit, val: AvaSplit) -> None:
    known = {probe.digest: probe.video for probe in train.videos.values() if probe.digest}
    shared = [
        name if name in train.videos else f"{name} (as {known[probe.digest]})"
        for name, probe in val.videos.items()
        if name in train.videos or probe.digest in known
    ]
    if shared:
        val.problems.append(
            f"{len(shared)} videos are in training too: {shorten(shared)}. Results on them mean "
            "nothing; take them out of one split."
        )


def _note_official(split: AvaSplit, cfg) -> None:
    """Say how official AVA compares, where the lists have its names."""
    names = [*cfg.AVA.TRAIN_GT_BOX_LISTS] if split.name == "train" else [cfg.AVA.GROUNDTRUTH_FILE]
    if not split.videos or not set(names) & set(OFFICIAL_LISTS):
        return
    counts = [probe.listed for probe in split.videos.values()]
    seconds = [second for _, second in split.boxes.keyframes] or [0]
    low, high = OFFICIAL_PICTURES
    split.notes.append(
        f"official AVA has {OFFICIAL_VIDEOS[split.name]} videos here, of 27030 frames give or "
        f"take two, annotated from second {OFFICIAL_SECONDS[0]} to {OFFICIAL_SECONDS[1]}; found "
        f"{len(counts)} of {min(counts)} to {max(counts)}, from {min(seconds)} to {max(seconds)}."
    )
    odd = [f"{p.video} ({p.listed})" for p in split.videos.values() if not low <= p.listed <= high]
    if 0 < len(odd) < len(counts):
        split.notes.append(f"{len(odd)} videos have other numbers of frames: {shorten(odd)}.")
