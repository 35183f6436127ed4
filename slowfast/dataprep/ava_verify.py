"""Checking AVA, or data in its form, before a run: frames, boxes, classes and their agreement."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from slowfast.dataprep.ava_prepare.folders import read_record
from slowfast.dataprep.list_checks import shorten, tell
from slowfast.dataprep.verify import VerifyReport
from slowfast.dataprep.video_splits import COLUMNS, ListedVideo, VideoSplit
from slowfast.datasets.lists.ava import FIRST_SECOND, find_videos, read_frames
from slowfast.datasets.lists.ava_boxes import BACKGROUND, BoxLine, Key, read_box_lines
from slowfast.evaluation.ava.files import read_excluded
from slowfast.evaluation.ava.label_map import read_label_map
from slowfast.utils.errors import AnnotationError
from slowfast.utils.input_files import OVERSHOOT

# Official AVA: number of videos of each split, and frames of each video at 30 per second.
OFFICIAL_LISTS = tuple(f"ava_{split}_v2.{n}.csv" for split in ("train", "val") for n in (1, 2))
OFFICIAL_VIDEOS = {"train": 235, "val": 64}
OFFICIAL_PICTURES = (27_028, 27_034)
OFFICIAL_SECONDS = (902, 1798)


@dataclass
class BoxTable:
    """Boxes of one or several lists, by key frame.

    Attributes:
        keyframes: (video, second) -> corners as they are written.
        actions: how many boxes have an action.
        flat: boxes that end where they begin, or before.
        outside: boxes that reach beyond the frame, with their lines.
        far_outside: those of them that an evaluation refuses.
        wrong: actions that are no classes, with their lines.
        repeated: lines that say what an earlier one said.
    """

    keyframes: dict[Key, set[tuple[str, ...]]] = field(default_factory=lambda: defaultdict(set))
    actions: Counter[int] = field(default_factory=Counter)
    flat: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    far_outside: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    repeated: int = 0
    _seen: set[int] = field(default_factory=set, repr=False)

    def add(self, line: BoxLine, num_classes: int) -> None:
        """Take a line."""
        fact = hash((*line.key, *line.corners, line.action))  # of millions, only this is kept
        if fact in self._seen:
            self.repeated += 1
            return
        self._seen.add(fact)
        x1, y1, x2, y2 = line.box
        if line.corners not in self.keyframes[line.key]:
            self.keyframes[line.key].add(line.corners)
            if x2 <= x1 or y2 <= y1:
                self.flat.append(line.where)
            elif line.overshoot:
                self.outside.append(line.where)
            if line.overshoot > OVERSHOOT:
                self.far_outside.append(line.where)
        if line.action != BACKGROUND:
            self.actions[line.action] += 1
            if not 1 <= line.action <= num_classes:
                self.wrong.append(f"{line.action} ({line.where})")

    @property
    def videos(self) -> set[str]:
        """Names of the videos with boxes."""
        return {video for video, _ in self.keyframes}

    def count(self) -> int:
        """Return the number of different boxes."""
        return sum(map(len, self.keyframes.values()))

    def count_by_video(self) -> Counter[str]:
        """Return the number of boxes of each video."""
        counts = Counter()
        for (video, _), boxes in self.keyframes.items():
            counts[video] += len(boxes)
        return counts


@dataclass
class AvaSplit(VideoSplit):
    """What was found in one split of AVA.

    Attributes:
        are_listed: whether the list of videos could be read.
        boxes, predicted: annotated ones, and those of a detector.
    """

    are_listed: bool = False
    boxes: BoxTable = field(default_factory=BoxTable)
    predicted: BoxTable = field(default_factory=BoxTable)

    def facts(self) -> dict[str, Any]:
        """Return how many boxes and labels there are."""
        return {
            "keyframes": len(self.boxes.keyframes),
            "boxes": self.boxes.count(),
            "predicted_keyframes": len(self.predicted.keyframes),
            "predicted_boxes": self.predicted.count(),
            "labels": {str(k): self.boxes.actions[k] for k in sorted(self.boxes.actions)},
        }

    def words(self) -> str:
        """Return how many boxes there are, in words."""
        return (
            f"{self.boxes.count()} boxes at {len(self.boxes.keyframes)} key frames, "
            f"{self.predicted.count()} predicted"
        )

    def rows(self) -> list[dict[str, Any]]:
        """Return a row per video for a table."""
        boxes, predicted = self.boxes.count_by_video(), self.predicted.count_by_video()
        keyframes = Counter(video for video, _ in self.boxes.keyframes)
        counts = {"keyframes": keyframes, "boxes": boxes, "predicted_boxes": predicted}
        return [
            {**asdict(probe), **{column: count[name] for column, count in counts.items()}}
            for name, probe in self.videos.items()
        ]


def verify_ava(cfg, out_dir: str | Path, workers: int = 2, full: bool = False) -> VerifyReport:
    """Compare AVA's lists with the frames on disk and with each other.

    Writes ``<out_dir>/train.csv`` and ``val.csv`` with a row per video, and ``summary.json``. A list
    that is missing or wrong is a problem in the report, not an error.

    Args:
        cfg: its ``AVA`` node names everything.
        out_dir: is made where it does not exist.
        workers: processes; 0 works in this one.
        full: read every frame, not a few at the beginning, middle and end of each video.
    """
    splits = {name: _read_split(cfg, name, workers, full) for name in ("train", "val")}
    train, val = splits.values()
    for split in splits.values():
        _check_videos(split)
        _check_boxes(split, cfg.AVA.FRAME_RATE)
        _note_official(split, cfg)
    excluded = _check_excluded(val, cfg)
    _check_predictions(train, set())
    _check_predictions(val, excluded)
    _check_classes(val, cfg)
    _check_overlap(train, val)
    report = VerifyReport(Path(out_dir), splits, [])
    columns = [*COLUMNS, "keyframes", "boxes", "predicted_boxes"]
    report.write(columns, {name: split.rows() for name, split in splits.items()})
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
    split.probe(listed, workers, full)
    return split


def _listed_videos(cfg, split: AvaSplit) -> list[ListedVideo]:
    """Return the videos of a split: those of its frame lists, or the files of its boxes."""
    node = cfg.AVA
    if node.SOURCE == "video":
        files = find_videos(node.VIDEO_DIR)
        first = round((node.VIDEO_START - FIRST_SECOND) * node.FRAME_RATE)
        wanted = split.boxes.videos | split.predicted.videos
        return [
            ListedVideo(name, "", file=str(files[name]), first=first, rate=node.FRAME_RATE)
            for name in sorted(wanted & set(files))
        ]
    names = node.TRAIN_LISTS if split.name == "train" else node.TEST_LISTS
    frames = read_frames([Path(node.FRAME_LIST_DIR) / name for name in names])
    return [ListedVideo(video, node.FRAME_DIR, paths) for video, paths in frames.items()]


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
    extra = [f"{p.video} ({p.extra})" for p in split.videos.values() if p.extra > 0]
    cause = ". Extraction differs a little between versions of FFmpeg."
    tell(split.notes, extra, "folders hold more frames than their list names", cause)
    tools = {row["tool"] for row in read_record(split.source) if row.get("tool")}
    if len(tools) > 1:
        split.notes.append(f"the frames come from different programs: {shorten(sorted(tools))}.")


def _check_boxes(split: AvaSplit, rate: int) -> None:
    for what, table in (("annotated", split.boxes), ("predicted", split.predicted)):
        wrong = f"{what} labels are no classes of MODEL.NUM_CLASSES"
        tell(split.problems, table.wrong, wrong)
        tell(split.notes, table.flat, f"{what} boxes have no area")
        beyond = f"{what} boxes reach beyond the frame"
        if table.far_outside and split.name == "val" and table is split.boxes:
            beyond += f" by more than {OVERSHOOT}, and detections cannot be judged against them"
            tell(split.problems, table.far_outside, beyond)
        else:
            tell(split.notes, table.outside, f"{beyond}, which cuts them")
        if table.repeated:
            split.notes.append(f"{table.repeated} {what} lines are repeats.")
        if split.are_listed:
            _check_places(split, what, table, rate)
    videos_without_boxes = sorted(set(split.videos) - split.boxes.videos - split.predicted.videos)
    tell(split.notes, videos_without_boxes, "listed videos have no boxes")


def _check_places(split: AvaSplit, what: str, table: BoxTable, rate: int) -> None:
    """Compare key frames with the videos that hold them; unreadable ones have no length."""
    known = {name: probe for name, probe in split.videos.items() if probe.listed}
    videos_without_lists = sorted(table.videos - set(split.videos))
    if videos_without_lists:
        split.problems.append(
            f"{what} boxes of {len(videos_without_lists)} videos that are in no frame list or folder of videos: "
            f"{shorten(videos_without_lists)}."
        )
    beyond = _places(
        (video, second)
        for video, second in table.keyframes
        if video in known and not known[video].holds((second - FIRST_SECOND) * rate)
    )
    cause = f". Second {FIRST_SECOND} is the first frame, AVA.FRAME_RATE is {rate}."
    tell(split.problems, beyond, f"{what} key frames lie outside their videos", cause)


def _places(keys: Iterable[Key]) -> list[str]:
    return [f"{video} at {second}" for video, second in keys]


def _check_excluded(val: AvaSplit, cfg) -> set[Key]:
    path = Path(cfg.AVA.ANNOTATION_DIR) / cfg.AVA.EXCLUSION_FILE
    try:
        parts = [key.rpartition(",") for key in read_excluded(path)]
    except AnnotationError as error:
        val.problems.append(str(error))
        return set()
    excluded = {(video, int(second)) for video, _, second in parts}
    lost = sorted(excluded - set(val.boxes.keyframes) - set(val.predicted.keyframes))
    tell(val.notes, _places(lost), "excluded key frames have no boxes anyway")
    return excluded


def _check_predictions(split: AvaSplit, excluded: set[Key]) -> None:
    truth, found = split.boxes.keyframes, split.predicted.keyframes
    if not truth or not found:
        return
    counted = [key for key in truth if key not in excluded]
    missed = [key for key in counted if key not in found]
    what = (
        f"of {len(counted)} annotated key frames have no predicted box of "
        "AVA.DETECTION_SCORE_THRESH"
    )
    all_missed = len(missed) == len(counted)
    tell(split.problems if all_missed else split.notes, _places(missed), what)
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


def _check_classes(val: AvaSplit, cfg) -> None:
    path = Path(cfg.AVA.ANNOTATION_DIR) / cfg.AVA.LABEL_MAP_FILE
    try:
        names = read_label_map(path)
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
    if val.boxes.keyframes:
        tell(val.notes, empty, "scored classes never occur")


def _check_overlap(train: AvaSplit, val: AvaSplit) -> None:
    known = {probe.digest: probe.video for probe in train.videos.values() if probe.digest}
    shared = [
        name if name in train.videos else f"{name} (as {known[probe.digest]})"
        for name, probe in val.videos.items()
        if name in train.videos or probe.digest in known
    ]
    cure = ". Results on them mean nothing; take them out of one split."
    tell(val.problems, shared, "videos are in training too", cure)


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
    if len(odd) < len(counts):
        tell(split.notes, odd, "videos have other numbers of frames")
