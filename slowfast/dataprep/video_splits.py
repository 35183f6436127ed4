"""Videos of lists such as those of AVA and Charades: what is on disk of them, and of a whole split."""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from slowfast.dataprep.list_checks import tell
from slowfast.datasets.file_probe import probe_file, sample_frames
from slowfast.datasets.media.frame_folder import IMAGE_SUFFIXES, read_image
from slowfast.utils.errors import MediaError
from slowfast.utils.parallel import map_files


@dataclass(frozen=True)
class ListedVideo:
    """A video and where it should be: the paths of its frames, or one file.

    Args:
        name: of the video.
        root: what the paths are below.
        frames: paths, empty for a file.
        file: path of the file, empty for frames.
        first: number of the first frame, counted from second 900 of the movie.
        rate: frames per second of the frame list.
    """

    name: str
    root: str
    frames: Sequence[str] = ()
    file: str = ""
    first: int = 0
    rate: int = 30


@dataclass
class VideoProbe:
    """What was found of a video; ``reason`` says why it cannot be used.

    Attributes:
        video, path: its name, and its folder or file.
        listed: frames that the list names, or that the file is long.
        there: how many of them exist.
        extra: frames in the folder that the list does not name.
        damaged: frames that were looked at and cannot be read.
        width, height: in pixels.
        digest: of a few frames, equal for equal videos.
        first: number of the first frame, counted from second 900.
    """

    video: str
    path: str
    listed: int = 0
    there: int = 0
    extra: int = 0
    damaged: int = 0
    width: int = 0
    height: int = 0
    digest: str = ""
    reason: str = ""
    first: int = 0

    def holds(self, frame: int) -> bool:
        """Tell whether a frame, counted from second 900, lies within the video."""
        return self.first <= frame < self.first + self.listed


COLUMNS = [*VideoProbe.__dataclass_fields__]


@dataclass
class VideoSplit(ABC):
    """What was found in one split.

    Attributes:
        name: ``train`` or ``val``.
        source: the list, or the folder of the frames or videos.
        videos: what was found of each listed video.
        problems, notes: sentences.
    """

    name: str
    source: str = ""
    videos: dict[str, VideoProbe] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def probe(self, listed: Sequence[ListedVideo], workers: int, full: bool) -> None:
        """Look at every listed video; those that cannot be used are a problem."""
        look = partial(probe_video, full=full)
        probes = map_files(look, listed, workers=workers, title=self.name, crashed=crashed_video)
        self.videos = {probe.video: probe for probe in probes}
        broken = [probe.reason for probe in self.videos.values() if probe.reason]
        tell(self.problems, broken, f"of {len(listed)} videos cannot be used", by_line=True)

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """Return the numbers that only this dataset has."""

    @abstractmethod
    def words(self) -> str:
        """Return some of them in words."""

    def summary(self) -> dict[str, Any]:
        """Return the numbers of this split for a JSON file."""
        probes = self.videos.values()
        return {
            "source": self.source,
            "videos": len(probes),
            "usable": sum(not probe.reason for probe in probes),
            "frames_listed": sum(probe.listed for probe in probes),
            "frames_there": sum(probe.there for probe in probes),
            **self.facts(),
            "problems": self.problems,
            "notes": self.notes,
        }

    def line(self) -> str:
        """Return the numbers of this split in words."""
        facts = self.summary()
        return (
            f"{self.name}: {facts['usable']} of {facts['videos']} videos can be used, "
            f"{facts['frames_there']} of {facts['frames_listed']} frames are there, "
            f"{self.words()} ({self.source})"
        )


def probe_video(video: ListedVideo, full: bool) -> VideoProbe:
    """Compare a video with its list; read a few of its frames, or all with ``full``."""
    if video.file:
        return _probe_file(video, full)
    # Plain texts, since there are millions of frames.
    paths = [os.path.normpath(os.path.join(video.root, path)) for path in video.frames]
    folder = os.path.dirname(paths[0])
    probe = VideoProbe(video.name, folder, len(paths), first=video.first)
    present = _frames_in({os.path.dirname(path) for path in paths})
    missing = [path for path in paths if path not in present]
    probe.there = probe.listed - len(missing)
    probe.extra = len(present) - probe.there
    if not probe.there:
        probe.reason = f"{folder}: none of its {probe.listed} listed frames is there."
        return probe
    rows = range(probe.listed) if full else sample_frames(probe.listed)
    reasons = _read(probe, [Path(paths[row]) for row in rows if paths[row] in present])
    if missing:
        reasons.insert(
            0, f"{len(missing)} listed frames are missing, first {os.path.basename(missing[0])}"
        )
    if reasons:
        probe.reason = f"{folder}: {'; '.join(reasons)}."
    return probe


def crashed_video(video: ListedVideo) -> VideoProbe:
    """Return the probe of a video whose decoding ended the process."""
    path = video.file or video.name
    return VideoProbe(video.name, path, reason=f"{path}: decoding it crashes the decoder.")


def _probe_file(video: ListedVideo, full: bool) -> VideoProbe:
    found = probe_file(video.file, full=full)
    frames = round(found.duration * video.rate)
    return VideoProbe(
        video.name,
        video.file,
        listed=frames,
        there=0 if found.reason else frames,
        width=found.width,
        height=found.height,
        digest=found.digest,
        reason=found.reason,
        first=video.first,
    )


def _frames_in(folders: set[str]) -> set[str]:
    """Return the paths of all frames in some folders; missing folders are empty."""
    paths = set()
    for folder in folders:
        try:
            with os.scandir(folder) as entries:
                paths |= {entry.path for entry in entries if _is_image(entry.name)}
        except OSError:
            continue
    return paths


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def _read(probe: VideoProbe, paths: list[Path]) -> list[str]:
    """Read frames, fill in what they are like, and return what is wrong with them."""
    sizes, reasons, digest = set(), [], hashlib.sha256()
    for number, path in enumerate(paths):
        try:
            frame = read_image(path)
        except MediaError as error:
            probe.damaged += 1
            reasons = reasons or [str(error).rstrip(".")]
            continue
        sizes.add((frame.shape[2], frame.shape[1]))
        if number in (0, len(paths) // 2, len(paths) - 1):
            digest.update(path.read_bytes())
    if probe.damaged > 1:
        reasons[0] = f"{probe.damaged} frames are damaged, first {reasons[0]}"
    if len(sizes) > 1:
        reasons.append(f"frames differ in size: {sorted(sizes)}")
    if sizes:
        probe.width, probe.height = min(sizes)
        probe.digest = digest.hexdigest()[:32]
    return reasons
