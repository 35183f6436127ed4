"""What was found in a split of a dataset whose lists name videos, as those of AVA and Charades do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from slowfast.dataprep.ava_prepare.probe import ListedVideo, VideoProbe, crashed_video, probe_video
from slowfast.dataprep.list_checks import shorten
from slowfast.utils.parallel import map_files

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
        if broken:
            self.problems.append(
                f"{len(broken)} of {len(listed)} videos cannot be used:\n    "
                + shorten(broken, "\n    ")
            )

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
