"""What was found in a split of AVA: its videos, and its boxes by key frame."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from typing import Any

from slowfast.dataprep.ava_prepare.probe import VideoProbe
from slowfast.datasets.lists.ava_boxes import BACKGROUND, BoxLine, Key
from slowfast.utils.input_files import OVERSHOOT

COLUMNS = [*VideoProbe.__dataclass_fields__, "keyframes", "boxes", "predicted_boxes"]


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
class AvaSplit:
    """What was found in one split.

    Attributes:
        name: ``train`` or ``val``.
        source: folder of the frames or videos.
        videos: what was found of each listed video.
        are_listed: whether the list of videos could be read.
        boxes, predicted: annotated ones, and those of a detector.
        problems, notes: sentences.
    """

    name: str
    source: str
    videos: dict[str, VideoProbe] = field(default_factory=dict)
    are_listed: bool = False
    boxes: BoxTable = field(default_factory=BoxTable)
    predicted: BoxTable = field(default_factory=BoxTable)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """Return the numbers of this split for a JSON file."""
        probes = self.videos.values()
        return {
            "source": self.source,
            "videos": len(probes),
            "usable": sum(not probe.reason for probe in probes),
            "frames_listed": sum(probe.listed for probe in probes),
            "frames_there": sum(probe.there for probe in probes),
            "keyframes": len(self.boxes.keyframes),
            "boxes": self.boxes.count(),
            "predicted_keyframes": len(self.predicted.keyframes),
            "predicted_boxes": self.predicted.count(),
            "labels": {str(k): self.boxes.actions[k] for k in sorted(self.boxes.actions)},
            "problems": self.problems,
            "notes": self.notes,
        }

    def rows(self) -> list[dict[str, Any]]:
        """Return a row per video for a table."""
        boxes, predicted = self.boxes.count_by_video(), self.predicted.count_by_video()
        keyframes = Counter(video for video, _ in self.boxes.keyframes)
        return [
            {
                **asdict(probe),
                "keyframes": keyframes[name],
                "boxes": boxes[name],
                "predicted_boxes": predicted[name],
            }
            for name, probe in self.videos.items()
        ]
