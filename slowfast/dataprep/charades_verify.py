"""Checking Charades, or data in its form, before a run: frames or videos, actions, splits."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from slowfast.dataprep.list_checks import shorten, tell
from slowfast.dataprep.verify import VerifyReport
from slowfast.dataprep.video_splits import COLUMNS, ListedVideo, VideoSplit
from slowfast.datasets.lists.charades import CharadesVideo, read_videos
from slowfast.utils.errors import AnnotationError


@dataclass
class CharadesSplit(VideoSplit):
    """What was found in one list of Charades.

    Attributes:
        actions: number of different actions of each video.
        classes: videos of each class.
    """

    actions: dict[str, int] = field(default_factory=dict)
    classes: Counter[int] = field(default_factory=Counter)

    def facts(self) -> dict[str, Any]:
        """Return how many videos each class has."""
        return {"classes": {str(k): self.classes[k] for k in sorted(self.classes)}}

    def words(self) -> str:
        """Return how many classes there are, in words."""
        return f"{len(self.classes)} classes"


def verify_charades(cfg, out_dir: str | Path, workers: int = 2, full: bool = False) -> VerifyReport:
    """Compare the lists with what is on disk and with each other.

    Writes ``<out_dir>/train.csv`` and ``val.csv`` with a row per video, and ``summary.json``. A list
    that is missing or wrong is a problem in the report, not an error.

    Args:
        cfg: its ``CHARADES`` and ``DATA`` nodes name everything.
        out_dir: is made where it does not exist.
        workers: processes; 0 works in this one.
        full: read every frame, not a few of each video.
    """
    splits = {name: _check_split(cfg, name, workers, full) for name in ("train", "val")}
    _check_overlap(*splits.values())
    report = VerifyReport(Path(out_dir), splits, [])
    rows = {
        name: [{**asdict(p), "actions": split.actions[k]} for k, p in split.videos.items()]
        for name, split in splits.items()
    }
    report.write([*COLUMNS, "actions"], rows)
    return report


def _check_split(cfg, name: str, workers: int, full: bool) -> CharadesSplit:
    split = CharadesSplit(name)
    try:
        videos, split.source = read_videos(cfg, name)
    except AnnotationError as error:
        split.problems.append(str(error))
        return split
    rate = cfg.CHARADES.FRAME_RATE
    listed = [_listed(video, cfg.DATA.PATH_PREFIX, rate) for video in videos]
    split.probe(listed, workers, full)
    for video in videos:
        classes = set(video.intervals[:, 0].tolist())
        split.actions[video.name] = len(classes)
        split.classes.update(classes)
    _check_videos(split, videos)
    _check_classes(split, cfg.MODEL.NUM_CLASSES)
    return split


def _listed(video: CharadesVideo, prefix: str, rate: int) -> ListedVideo:
    if video.frames:
        return ListedVideo(video.name, prefix, video.frames)
    return ListedVideo(video.name, "", file=video.path, rate=rate)


def _check_videos(split: CharadesSplit, videos: list[CharadesVideo]) -> None:
    repeated = [name for name, times in Counter(v.name for v in videos).items() if times > 1]
    tell(split.problems, repeated, "videos are listed twice")
    videos_without_actions = [name for name, count in split.actions.items() if not count]
    tell(split.notes, videos_without_actions, "videos have no action")
    late = [
        video.name
        for video in videos
        if video.intervals[:, 1].max(initial=0) >= max(split.videos[video.name].listed, 1)
        and not split.videos[video.name].reason
    ]
    tell(split.notes, late, "videos end before an action begins")


def _check_classes(split: CharadesSplit, num_classes: int) -> None:
    wrong = sorted(k for k in split.classes if k >= num_classes)
    if wrong:
        split.problems.append(
            f"actions {shorten(wrong)} are not below MODEL.NUM_CLASSES = {num_classes}."
        )
    empty = sorted(set(range(num_classes)) - set(split.classes))
    tell(split.notes, empty, f"of {num_classes} classes have no video")


def _check_overlap(train: CharadesSplit, val: CharadesSplit) -> None:
    both = sorted(set(train.videos) & set(val.videos))
    tell(val.problems, both, "videos are in both splits")
    digests = defaultdict(list)
    for split in (train, val):
        for name, probe in split.videos.items():
            if probe.digest:
                digests[probe.digest].append(f"{split.name} {name}")
    equal = [" = ".join(names) for names in digests.values() if len(names) > 1]
    tell(val.notes, equal, "videos look the same")
