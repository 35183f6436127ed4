"""Checking a dataset before a run: every file, every list, and the lists against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from slowfast.dataprep.list_checks import (
    SplitReport,
    check_overlap,
    check_split,
    check_training_sound,
    note_captions,
)
from slowfast.dataprep.video_splits import VideoSplit
from slowfast.datasets.build import SPLITS, build_windows, manifest_path, read_items
from slowfast.datasets.captions import build_captions
from slowfast.datasets.file_probe import FileProbe, crashed_probe, probe_file
from slowfast.datasets.items import ItemTable
from slowfast.datasets.lists.text_lists import MissingListError
from slowfast.datasets.media import DEFAULT_OPTIONS, MediaOptions, build_media_options
from slowfast.datasets.sampling.windows import AVClipSampler
from slowfast.utils.errors import AnnotationError
from slowfast.utils.files import write_csv, write_json
from slowfast.utils.parallel import map_files

PROBE_COLUMNS = [name for name in FileProbe.__dataclass_fields__ if name != "path"]
COLUMNS = ["row", "path", "label", "class_name", *PROBE_COLUMNS]


@dataclass
class VerifyReport:
    """What :func:`verify_dataset` found.

    Attributes:
        out_dir: folder of ``<split>.csv`` and ``summary.json``.
        splits: one report per list that exists.
        absent: splits without a list.
    """

    out_dir: Path
    splits: Mapping[str, SplitReport | VideoSplit]
    absent: list[str]

    @property
    def ok(self) -> bool:
        """Whether nothing was found that must be mended; notes do not count."""
        return not self.problems

    @property
    def problems(self) -> list[str]:
        """All problems, each with its split."""
        return [f"{s.name}: {text}" for s in self.splits.values() for text in s.problems]

    @property
    def notes(self) -> list[str]:
        """All notes, each with its split."""
        return [f"{s.name}: {text}" for s in self.splits.values() for text in s.notes]

    def __str__(self) -> str:
        lines = [split.line() for split in self.splits.values()]
        lines += [f"{name}: no list" for name in self.absent]
        lines += [f"PROBLEM {text}" for text in self.problems]
        lines += [f"note {text}" for text in self.notes]
        end = "Nothing to correct." if self.ok else f"{len(self.problems)} problems."
        return "\n".join([*lines, f"{end} All files: {self.out_dir}"])

    def summary(self) -> dict[str, Any]:
        """Return everything but the single files."""
        splits = {name: split.summary() for name, split in self.splits.items()}
        return {"ok": self.ok, "problems": self.problems, "absent": self.absent, "splits": splits}

    def write(self, columns: list[str], rows: dict[str, list[dict[str, Any]]]) -> None:
        """Write ``<split>.csv`` with the rows of each split, and ``summary.json``."""
        for name, of_split in rows.items():
            write_csv(self.out_dir / f"{name}.csv", columns, of_split)
        write_json(self.out_dir / "summary.json", self.summary())


def verify_dataset(cfg, out_dir: str | Path, workers: int = 2, full: bool = False) -> VerifyReport:
    """Probe every file of the config's dataset and check its lists.

    Writes ``<out_dir>/<split>.csv`` with a row per file and ``<out_dir>/summary.json``.

    Args:
        cfg: names the dataset (``TRAIN.DATASET``, ``TEST.DATASET``) and its lists.
        out_dir: is made where it does not exist.
        workers: processes; 0 works in this one.
        full: decode every frame, not a few at the beginning, middle and end.

    Raises:
        AnnotationError: no list exists, or one cannot be read.
    """
    lists, absent = read_lists(cfg)
    splits = probe_lists(lists, workers, full, _windows(cfg), build_media_options(cfg))
    for split in splits.values():
        check_split(split, cfg.MODEL.NUM_CLASSES, clip_seconds(cfg.DATA))
        if split.name == "train" and cfg.AUDIO.ENABLE:
            check_training_sound(split, cfg.AUDIO.MISSING)
        elif split.name != "train" and "train" in splits:
            check_overlap(splits["train"], split)
        if cfg.TEXT.CAPTION_DIR:
            note_captions(split, build_captions(cfg.TEXT))
    report = VerifyReport(Path(out_dir), splits, absent)
    rows = {name: [_row(s, row) for row in range(len(s.probes))] for name, s in splits.items()}
    report.write(COLUMNS, rows)
    return report


def write_manifests(cfg, out_dir: str | Path, workers: int = 2) -> dict[str, dict[str, Any]]:
    """Write ``<out_dir>/<split>.npz`` for ``DATA.MANIFEST_DIR``.

    The training manifest leaves out files that cannot be used, listed with their reasons in
    ``<out_dir>/left_out.csv``; with ``AUDIO.ENABLE`` and ``AUDIO.MISSING`` drop also those without
    the audio of a clip, with ``TEXT.CAPTION_DIR`` those without a usable caption. Validation and
    test manifests keep every row: nothing may vanish from a test set.

    Returns:
        Per split the manifest's path, and the numbers of files kept, left out, and kept although
        they cannot be used.

    Raises:
        AnnotationError: no list exists, one cannot be read, or no training file can be used.
    """
    out_dir = Path(out_dir)
    lists, _ = read_lists(cfg)
    windows = _windows(cfg) if cfg.AUDIO.MISSING == "drop" else None
    written, left_out = {}, []
    for name, split in probe_lists(
        lists, workers, windows=windows, options=build_media_options(cfg)
    ).items():
        videos = split.videos
        if name == "train":
            sound = windows is not None
            reasons = [probe.reason or (sound and probe.audio_reason) for probe in split.probes]
            if cfg.TEXT.CAPTION_DIR:
                captions = build_captions(cfg.TEXT)
                reasons = [
                    reason or captions.problem(probe.path, probe.duration)
                    for reason, probe in zip(reasons, split.probes, strict=True)
                ]
            good = [row for row, reason in enumerate(reasons) if not reason]
            if not good:
                keys = "DATA.PATH_PREFIX and AUDIO.DURATION" if sound else "DATA.PATH_PREFIX"
                raise AnnotationError(
                    f"{videos.source}: none of the {len(videos)} training files can be used; the "
                    f"first: {reasons[0]} Check {keys}."
                )
            left_out += [
                {**_row(split, row), "reason": reason}
                for row, reason in enumerate(reasons)
                if reason
            ]
            videos = videos.subset(good)
            videos.checked_windows = repr(windows) if sound else ""
        path = manifest_path(cfg, out_dir, name)
        videos.save(path)
        written[name] = {
            "path": str(path),
            "files": len(videos),
            "left_out": len(split.videos) - len(videos),
            "unusable_kept": 0 if name == "train" else len(videos) - len(split.good_rows),
        }
    write_csv(out_dir / "left_out.csv", ["row", "path", "label", "reason"], left_out)
    return written


def read_lists(cfg) -> tuple[dict[str, ItemTable], list[str]]:
    """Return the lists of the splits that have one, and the names of the splits that do not."""
    lists, errors = {}, {}
    for split in SPLITS:
        try:
            lists[split] = read_items(cfg, split)
        except MissingListError as error:
            errors[split] = error
    if not lists:
        raise errors[SPLITS[0]]
    return lists, list(errors)


def probe_lists(
    lists: dict[str, ItemTable],
    workers: int,
    full: bool = False,
    windows: AVClipSampler | None = None,
    options: MediaOptions = DEFAULT_OPTIONS,
) -> dict[str, SplitReport]:
    """Probe every file of all lists once, also where several lists name it.

    ``full``, ``windows`` and ``options`` are those of :func:`probe_file`.
    """
    rows = {name: [v.paths[row] for row in range(len(v))] for name, v in lists.items()}
    paths = list(dict.fromkeys(path for names in rows.values() for path in names))
    probe = partial(probe_file, full=full, windows=windows, options=options)
    probes = map_files(probe, paths, workers=workers, title="probe", crashed=crashed_probe)
    by_path = dict(zip(paths, probes, strict=True))
    return {
        name: SplitReport(name, videos, [by_path[path] for path in rows[name]])
        for name, videos in lists.items()
    }


def clip_seconds(data) -> float:
    """Return the length of a training clip by the ``DATA`` node of a config."""
    if data.TEMPORAL_SAMPLING == "duration":
        return data.NUM_FRAMES / data.CLIP_FPS
    return data.NUM_FRAMES * data.SAMPLING_RATE / data.TARGET_FPS


def _windows(cfg) -> AVClipSampler | None:
    """Return what a clip needs if it has audio."""
    return build_windows(cfg) if cfg.AUDIO.ENABLE else None


def _row(split: SplitReport, row: int) -> dict[str, Any]:
    names, label = split.videos.class_names, int(split.videos.labels[row])
    class_name = names[label] if 0 <= label < len(names) else ""
    return {**asdict(split.probes[row]), "row": row, "label": label, "class_name": class_name}
