"""Checks over the lists of a dataset once every file has been probed.

A *problem* makes training or testing wrong or stops it; a *note* is worth knowing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from slowfast.datasets.captions import Captions
from slowfast.datasets.file_probe import FileProbe
from slowfast.datasets.items import ItemTable

SHOWN = 5
LINE = "\n    "


@dataclass
class SplitReport:
    """What was found in one list.

    Attributes:
        name: ``train``, ``val`` or ``test``.
        videos: the list.
        probes: one per row of the list.
        problems, notes: sentences.
    """

    name: str
    videos: ItemTable
    probes: list[FileProbe]
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def good_rows(self) -> list[int]:
        """Rows whose file can be used."""
        return [row for row, probe in enumerate(self.probes) if not probe.reason]

    def class_counts(self) -> dict[str, int]:
        """Return the number of files per class, by name where the names are known."""
        names, counts = self.videos.class_names, Counter(self.videos.labels.tolist())
        known = {names[k] if 0 <= k < len(names) else str(k): counts[k] for k in sorted(counts)}
        return {**known, **{name: 0 for name in names if name not in known}}

    def line(self) -> str:
        """Return the numbers of this split in words."""
        facts = self.summary()
        return (
            f"{self.name}: {facts['usable']} of {facts['files']} files can be used, "
            f"{facts['hours']:.2f} h, {len(facts['classes'])} classes ({facts['source']})"
        )

    def summary(self) -> dict[str, Any]:
        """Return the numbers of this split for a JSON file."""
        good = [self.probes[row] for row in self.good_rows]
        return {
            "source": self.videos.source,
            "files": len(self.probes),
            "usable": len(good),
            "missing": sum(not probe.exists for probe in self.probes),
            "unreadable": sum(probe.exists and bool(probe.reason) for probe in self.probes),
            "without_audio": sum(not probe.audio for probe in good),
            "hours": round(sum(probe.duration for probe in good) / 3600, 4),
            "gigabytes": round(sum(probe.size_bytes for probe in good) / 1e9, 6),
            "seconds": _spread(probe.duration for probe in good),
            "fps": _spread(probe.fps for probe in good),
            "short_side": _spread(min(probe.width, probe.height) for probe in good),
            "codecs": dict(Counter(probe.codec for probe in good)),
            "classes": self.class_counts(),
            "problems": self.problems,
            "notes": self.notes,
        }


def _spread(values: Iterable[float]) -> dict[str, float]:
    numbers = np.array(list(values), dtype=np.float64)
    if not len(numbers):
        return {}
    points = {"min": 0, "median": 50, "max": 100}
    return {name: round(float(np.percentile(numbers, at)), 3) for name, at in points.items()}


def check_split(split: SplitReport, num_classes: int, clip_seconds: float) -> None:
    """Add the problems and notes of one list to ``split``."""
    _check_files(split)
    _check_labels(split, num_classes)
    _check_repeats(split)
    _note_slow_files(split)
    _note_sound(split)
    _note_lengths(split, clip_seconds)


def _check_files(split: SplitReport) -> None:
    missing = [probe.path for probe in split.probes if not probe.exists]
    of_all = f"of {len(split.probes)} files"
    tell(split.problems, missing, f"{of_all} do not exist", ". Check DATA.PATH_PREFIX.")
    damaged = [probe.reason for probe in split.probes if probe.exists and probe.reason]
    tell(split.problems, damaged, f"{of_all} cannot be used", by_line=True)


def _check_labels(split: SplitReport, num_classes: int) -> None:
    labels = split.videos.labels
    if (labels < 0).all():
        split.notes.append("the list has no labels.")
        return
    wrong = np.flatnonzero(labels >= num_classes)
    if len(wrong):
        row = int(wrong[0])
        split.problems.append(
            f"{len(wrong)} labels are not below MODEL.NUM_CLASSES = {num_classes}; the first is "
            f"{labels[row]} of {split.videos.paths[row]}. Set MODEL.NUM_CLASSES to "
            f"{int(labels.max()) + 1} or correct the list."
        )
    empty = sorted(set(range(num_classes)) - set(labels.tolist()))
    tell(split.notes, empty, f"of {num_classes} classes have no file")


def _check_repeats(split: SplitReport) -> None:
    for what, groups in (
        ("files are listed more than once", same(split, resolved_path)),
        ("files have the same content under several names", same(split, content)),
    ):
        repeated = [sorted(split.videos.paths[row] for row in rows) for rows in groups]
        shown = [" = ".join(dict.fromkeys(paths)) for paths in repeated]
        tell(split.problems if "listed" in what else split.notes, shown, what)


def _note_slow_files(split: SplitReport) -> None:
    slow = [probe for probe in split.probes if probe.slow]
    what = f"files are slow to read ({slow[0].slow})" if slow else ""
    cure = ". 'prepare_data.py transcode' cures that."
    tell(split.notes, [probe.path for probe in slow], what, cure)


def _note_sound(split: SplitReport) -> None:
    good = [split.probes[row] for row in split.good_rows]
    silent = [probe.path for probe in good if not probe.audio]
    tell(split.notes, silent, "files have no audio stream")
    broken = [probe.audio_reason for probe in good if probe.audio and probe.audio_reason]
    tell(split.notes, broken, "files have unusable audio", by_line=True)


def _note_lengths(split: SplitReport, clip_seconds: float) -> None:
    good = [split.probes[row] for row in split.good_rows]
    stills = [probe.path for probe in good if probe.frames == 1]
    tell(split.notes, stills, "files hold a single frame")
    # Half a frame is forgiven: 64 frames at 29.97 fps are a little less than 64 / 29.97 s.
    short = [p.path for p in good if p.duration + 0.5 / p.fps < clip_seconds]
    tell(split.notes, short, f"files are shorter than one clip of {clip_seconds:.2f} s")
    if len(good) < 10:
        return
    median = float(np.median([probe.duration for probe in good]))
    long = [probe.path for probe in good if probe.duration > 10 * median]
    what = f"files are more than ten times as long as the median of {median:.1f} s"
    tell(split.notes, long, what)


def check_training_sound(train: SplitReport, missing: str) -> None:
    """Say what becomes of the training files whose audio cannot be used (``AUDIO.MISSING``)."""
    good = [train.probes[row] for row in train.good_rows]
    lacking = [probe.audio_reason for probe in good if probe.audio_reason]
    found = f"{len(lacking)} of {len(good)} usable files lack the audio of a clip and"
    shown = shorten(lacking, "\n    ")
    if not lacking or missing == "zero":
        return
    if missing == "error":
        train.problems.append(f"{found} AUDIO.MISSING error refuses the list:\n    {shown}")
    elif len(lacking) == len(good):
        train.problems.append(f"{found} no file is left to train on:\n    {shown}")
    else:
        train.notes.append(f"{found} will be dropped (AUDIO.MISSING drop):\n    {shown}")


def note_captions(split: SplitReport, captions: Captions) -> None:
    """Say which usable files have no usable caption: they are replaced in training, and counted."""
    good = [split.probes[row] for row in split.good_rows]
    lacking = [why for p in good if (why := captions.problem(p.path, p.duration))]
    what = (
        f"of {len(good)} usable files have no usable caption and are replaced in training; a "
        "manifest leaves them out"
    )
    tell(split.notes, lacking, what, by_line=True)


def check_overlap(train: SplitReport, held_out: SplitReport) -> None:
    """Add a problem to ``held_out`` where it shares files with ``train``."""
    for what, key in (("paths", resolved_path), ("contents", content)):
        known = {key(train, row) for row in range(len(train.probes))} - {""}
        shared = [
            held_out.videos.paths[row]
            for row in range(len(held_out.probes))
            if key(held_out, row) in known
        ]
        what = f"files are in the training list too (same {what})"
        cure = ". Results on them mean nothing; take them out of one list."
        tell(held_out.problems, shared, what, cure)
        if shared:
            return


def same(split: SplitReport, key) -> list[list[int]]:
    """Return the groups of rows that share ``key(split, row)``; an empty key matches nothing."""
    groups = defaultdict(list)
    for row in range(len(split.probes)):
        groups[key(split, row)].append(row)
    if key is content:  # the same file listed twice is reported by its path
        groups = {k: r for k, r in groups.items() if len({resolved_path(split, i) for i in r}) > 1}
    return [rows for name, rows in groups.items() if name and len(rows) > 1]


def resolved_path(split: SplitReport, row: int) -> str:
    """Return the file behind all links."""
    return str(Path(split.videos.paths[row]).resolve())


def content(split: SplitReport, row: int) -> str:
    """Return the digest of a usable file, empty for others."""
    probe = split.probes[row]
    return "" if probe.reason else probe.digest


def tell(
    target: list[str], found: Sequence[Any], what: str, end: str = ".", by_line: bool = False
) -> None:
    """Add to problems or notes what was found and how much of it, where anything was."""
    if found:
        shown = f"{LINE}{shorten(found, LINE)}" if by_line else f" {shorten(found)}{end}"
        target.append(f"{len(found)} {what}:{shown}")


def shorten(entries: Sequence[Any], separator: str = ", ") -> str:
    """Return the first few entries as text, and how many more there are."""
    text = separator.join(str(entry) for entry in entries[:SHOWN])
    more = len(entries) - SHOWN
    return f"{text}{separator}and {more} more" if more > 0 else text
