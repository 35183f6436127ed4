"""Where the files of a demo world lie, and the lists that real data sets come with.

The media exist once, under ``videos/``; every other layout is a list of them or a tree of hard
links. Groups play the part of the source recordings of UCF101: a fold never has videos of one
group in both training and test.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from slowfast.synthetic.presets import DemoPreset
from slowfast.utils import files

FOLDS = (1, 2, 3)
FOLDERS = ("videos", "kinetics", "ucf101", "hmdb51", "folders", "howto100m", "combinations")


@dataclass(frozen=True)
class DemoVideo:
    """One video of the world; ``group`` counts from 0, ``index`` counts within the class."""

    label: int
    class_name: str
    index: int
    group: int
    file_name: str
    test_fold: int

    @property
    def path(self) -> str:
        """Return the path relative to the root of the world."""
        return f"videos/{self.class_name}/{self.file_name}"


def list_videos(preset: DemoPreset) -> list[DemoVideo]:
    """Return all videos of a preset, ordered by class and number.

    ``test_fold`` is the fold (1 to 3) that tests on the video, 0 where none does.
    """
    videos = []
    for label, name in enumerate(preset.classes):
        for index in range(preset.groups * preset.clips_per_group):
            group, clip = divmod(index, preset.clips_per_group)
            fold = group // preset.test_groups + 1
            file_name = f"v_{name}_g{group + 1:02d}_c{clip + 1:02d}.mp4"
            videos.append(
                DemoVideo(label, name, index, group, file_name, fold if fold in FOLDS else 0)
            )
    return videos


def write_layouts(out: Path, preset: DemoPreset, videos: list[DemoVideo]) -> None:
    """Write every list and link tree below ``out``; the media must be there already.

    Where only one division is wanted (kinetics, folders) it is that of the first fold, and the
    validation set is the test set.
    """
    _write_kinetics(out / "kinetics", preset, videos)
    _write_ucf101(out / "ucf101" / "ucfTrainTestlist", preset, videos)
    _write_hmdb51(out / "hmdb51" / "splits", preset, videos)
    _link_folders(out, videos)


def write_text(path: Path, lines: list[str]) -> None:
    """Write lines to a file that appears only when complete."""
    files.write_text(path, "".join(f"{line}\n" for line in lines))


def split_of(video: DemoVideo, fold: int = 1) -> str:
    """Return ``"test"`` or ``"train"``."""
    return "test" if video.test_fold == fold else "train"


def _write_kinetics(folder: Path, preset: DemoPreset, videos: list[DemoVideo]) -> None:
    for part in ("train", "val", "test"):
        wanted = "train" if part == "train" else "test"
        rows = [f"{v.path} {v.label}" for v in videos if split_of(v) == wanted]
        write_text(folder / f"{part}.csv", rows)
    write_text(folder / "class_names.txt", list(preset.classes))


def _write_ucf101(folder: Path, preset: DemoPreset, videos: list[DemoVideo]) -> None:
    classes = [f"{number} {name}" for number, name in enumerate(preset.classes, start=1)]
    write_text(folder / "classInd.txt", classes)
    for fold in FOLDS:
        train = [v for v in videos if split_of(v, fold) == "train"]
        test = [v for v in videos if split_of(v, fold) == "test"]
        rows = [f"{v.class_name}/{v.file_name} {v.label + 1}" for v in train]
        write_text(folder / f"trainlist{fold:02d}.txt", rows)
        write_text(
            folder / f"testlist{fold:02d}.txt", [f"{v.class_name}/{v.file_name}" for v in test]
        )


def _write_hmdb51(folder: Path, preset: DemoPreset, videos: list[DemoVideo]) -> None:
    flags = {"train": 1, "test": 2}
    for fold in FOLDS:
        for name in preset.classes:
            own = [v for v in videos if v.class_name == name]
            rows = [f"{v.file_name} {flags[split_of(v, fold)]} " for v in own]
            write_text(folder / f"{name}_test_split{fold}.txt", rows)


def _link_folders(out: Path, videos: list[DemoVideo]) -> None:
    for video in videos:
        part = "train" if split_of(video) == "train" else "val"
        link(out / video.path, out / "folders" / part / video.class_name / video.file_name)


def link(source: Path, target: Path) -> None:
    """Make ``target`` a second name of ``source``, or a copy where links are impossible."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    partial.unlink(missing_ok=True)
    try:
        os.link(source, partial)
    except OSError:
        shutil.copyfile(source, partial)
    os.replace(partial, target)
    partial.unlink(missing_ok=True)
