"""Checking a dataset whose clips have sound: what is dropped is counted, and left out in time."""

import csv
import re

import pytest

from slowfast.config import load_cfg
from slowfast.dataprep.verify import verify_dataset, write_manifests
from slowfast.datasets import build_dataset
from slowfast.datasets.clips import SampleKey
from slowfast.datasets.items import ItemTable
from slowfast.utils.errors import AnnotationError


@pytest.fixture
def files(media_factory):
    """Return three good files, one without audio and one with too little."""
    heard = [media_factory(audio_rate=16000, shade=shade) for shade in range(3)]
    short = media_factory(audio_rate=16000, audio_seconds=0.6, beep=0.2)
    return {"good": heard, "silent": media_factory(), "short": short}


@pytest.fixture
def make(tmp_path):
    """Return ``config(paths, **keys)`` of a dataset whose two lists name the same files."""

    def config(paths, **keys):
        for split in ("train", "val"):
            text = "".join(f"{path} {k % 2}\n" for k, path in enumerate(paths))
            (tmp_path / f"{split}.csv").write_text(text)
        words = {
            "DATA.PATH_TO_DATA_DIR": tmp_path,
            "DATA.TEMPORAL_SAMPLING": "duration",
            "MODEL.NUM_CLASSES": 2,
            "AUDIO.ENABLE": True,
            "AUDIO.DURATION": 1.0,
            "TEST.ENABLE": False,
            "OUTPUT_DIR": tmp_path / "run",
            **keys,
        }
        return load_cfg([], [str(word) for pair in words.items() for word in pair])

    return config


def all_of(files):
    return [files["good"][0], files["silent"], *files["good"][1:], files["short"]]


def table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_manifest_leaves_out_training_files_without_the_sound_of_a_clip(files, make, tmp_path):
    cfg, out = make(all_of(files)), tmp_path / "out"
    facts = write_manifests(cfg, out, workers=0)
    assert (facts["train"]["files"], facts["train"]["left_out"]) == (3, 2)
    assert (facts["val"]["files"], facts["val"]["unusable_kept"]) == (5, 0)
    kept = ItemTable.load(out / "kinetics-fold1-train.npz")
    assert [kept.paths[row] for row in range(3)] == [str(path) for path in files["good"]]
    lines = table(out / "left_out.csv")
    assert [line["row"] for line in lines] == ["1", "4"]
    assert lines[0]["reason"] == f"{files['silent']}: the file has no audio stream."
    assert "audio and frames share 0.6" in lines[1]["reason"]
    cfg.DATA.MANIFEST_DIR = str(out)
    train = build_dataset("kinetics", cfg, "train")
    assert len(train) == 3
    assert all(train[SampleKey(0, row, row)]["failures"] == [] for row in range(3))
    assert not (tmp_path / "run").exists(), "a manifest is trusted, no file is opened again"


@pytest.mark.parametrize("keys", [{"AUDIO.ENABLE": False}, {"AUDIO.MISSING": "zero"}], ids=str)
def test_a_manifest_keeps_silent_files_where_they_can_be_used(files, make, tmp_path, keys):
    facts = write_manifests(make(all_of(files), **keys), tmp_path / "out", workers=0)
    assert (facts["train"]["files"], facts["train"]["left_out"]) == (5, 0)
    assert table(tmp_path / "out" / "left_out.csv") == []


def test_a_manifest_of_silent_files_alone_is_refused(files, make, tmp_path):
    cfg = make([files["silent"], files["short"]])
    with pytest.raises(AnnotationError, match=r"none of the 2.*no audio stream.*AUDIO\.DURATION"):
        write_manifests(cfg, tmp_path / "out", workers=0)


def test_verify_notes_how_many_training_files_will_be_dropped(files, make, tmp_path):
    report = verify_dataset(make(all_of(files)), tmp_path / "out", workers=0)
    dropped = [note for note in report.notes if "AUDIO.MISSING drop" in note]
    assert len(dropped) == 1, "validation files are not dropped"
    assert dropped[0].startswith(
        "train: 2 of 5 usable files lack the audio of a clip and will be dropped"
    )
    assert str(files["silent"]) in dropped[0]
    assert str(files["short"]) in dropped[0]
    rows = table(tmp_path / "out" / "train.csv")
    assert [bool(row["audio_reason"]) for row in rows] == [False, True, False, False, True]
    assert not any(row["reason"] for row in rows)
    assert not any("lack the sound" in problem for problem in report.problems)


def test_workers_find_the_same(files, make, tmp_path):
    cfg = make(all_of(files))
    for workers, folder in ((0, "one"), (2, "two")):
        verify_dataset(cfg, tmp_path / folder, workers=workers)
    one, two = ((tmp_path / out / "train.csv").read_text() for out in ("one", "two"))
    assert one == two


@pytest.mark.parametrize(
    ("missing", "chosen", "words"),
    [
        ("error", ["good", "silent"], "1 of 4 usable files lack.*AUDIO.MISSING error refuses"),
        ("drop", ["silent", "short"], "2 of 2 usable files lack.*no file is left to train on"),
    ],
)
def test_what_would_stop_the_training_is_a_problem(files, make, tmp_path, missing, chosen, words):
    paths = [p for kind in chosen for p in (files[kind] if kind == "good" else [files[kind]])]
    report = verify_dataset(make(paths, **{"AUDIO.MISSING": missing}), tmp_path / "out", workers=0)
    assert [problem for problem in report.problems if re.search(words, problem)]


@pytest.mark.parametrize("keys", [{"AUDIO.ENABLE": False}, {"AUDIO.MISSING": "zero"}], ids=str)
def test_nothing_is_dropped_where_silence_will_do(files, make, tmp_path, keys):
    report = verify_dataset(make(all_of(files), **keys), tmp_path / "out", workers=0)
    assert "lack the sound" not in str(report)
    assert any("1 files have no audio stream" in note for note in report.notes)
