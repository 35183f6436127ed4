"""What became of every tensor of a foreign checkpoint."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slowfast.utils.files import write_json

FILE_NAME = "checkpoint_import.json"


@dataclass
class ImportReport:
    """Names of ours are those of the network that is filled, ``video_backbone.*`` and so on where
    it has several parts; names of theirs are those of the file.

    Attributes:
        path: the file.
        method: the key of ``FORMATS`` it was read by; ``title`` is the name for people.
        sha256: of the file.
        inputs: mean, deviation, channel order and crop of the published evaluation, where known.
        loaded: ours that were filled.
        renamed: theirs -> ours, where the names differ.
        ignored: theirs -> why no network takes it.
        beside: what else the file holds -> what it is.
        missing: ours without a counterpart.
        mismatched: ours -> shape in the file and shape here.
        surplus: theirs that belong to a filled part, which does not use them.
        notes: whatever was done to tensors or network.
    """

    path: str = ""
    method: str = ""
    title: str = ""
    sha256: str = ""
    inputs: dict[str, Any] | None = None
    loaded: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    ignored: dict[str, str] = field(default_factory=dict)
    beside: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    mismatched: dict[str, list[tuple[int, ...]]] = field(default_factory=dict)
    surplus: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every tensor found its place."""
        return not (self.missing or self.mismatched or self.surplus)

    def problems(self) -> list[str]:
        """Return the tensors that found no place or no counterpart, with their shapes."""
        shapes = [
            f"{name} {_by(theirs)} instead of {_by(ours)}"
            for name, (theirs, ours) in self.mismatched.items()
        ]
        return [*self.missing, *shapes, *self.surplus]

    def __str__(self) -> str:
        reasons = Counter(self.ignored.values())
        left = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
        return (
            f"{len(self.loaded)} backbone tensors loaded ({len(self.renamed)} renamed), "
            f"{len(self.missing)} missing, {len(self.mismatched)} of another shape, "
            f"{len(self.surplus)} too many; left out: {left or 'nothing'}"
            + "".join(f"; {note}" for note in self.notes)
        )

    def save(self, folder: str | Path) -> Path:
        """Write ``checkpoint_import.json`` into a folder and return its path."""
        path = Path(folder) / FILE_NAME
        write_json(path, dataclasses.asdict(self))
        return path


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"
