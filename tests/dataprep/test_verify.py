"""Checking a dataset: every kind of damage is named, nothing good is accused."""

import csv
import io
import json
import os
import shutil

import pytest
from oracles.media_files import damage

from slowfast.config import load_cfg
from slowfast.dataprep.verify import verify_dataset, write_manifests
from slowfast.datasets import build_dataset
from slowfast.datasets.file_probe import probe_file, sample_frames
from slowfast.datasets.items import ItemTable
from slowfast.datasets.media.mp4 import read_mp4_boxes
from slowfast.utils.errors import AnnotationError
from slowfast.utils.parallel import map_files


@pytest.fixture(scope="module")
def damaged(tmp_path_factory, media_factory):
    folder = tmp_path_factory.mktemp("damaged")
    small = damage(folder, media_factory(frames=90, audio_rate=16000), "_a")
    large = damage(folder, media_factory(frames=240, gop=48, fast_start=False), "_b")
    return [*small.values(), *large.values()]


@pytest.fixture
def good(tmp_path, media_factory):
    """Return ten different files, one in Matroska, two with audio."""
    made = [media_factory(shade=k, audio_rate=16000 * (k % 5 == 0)) for k in range(9)]
    made.append(media_factory(suffix=".mkv", shade=9))
    folder = tmp_path / "good"
    folder.mkdir()
    return [shutil.copy(path, folder / f"g{k}{path.suffix}") for k, path in enumerate(made)]


def config(folder, lists, classes=3, **more):
    for split, lines in lists.items():
        (folder / f"{split}.csv").write_text("".join(f"{path} {label}\n" for path, label in lines))
    words = ["DATA.PATH_TO_DATA_DIR", str(folder), "MODEL.NUM_CLASSES", str(classes)]
    words += ["DATA.NUM_FRAMES", "4", "DATA.SAMPLING_RATE", "4"]
    return load_cfg([], [*words, *(str(word) for pair in more.items() for word in pair)])


def table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def labelled(paths):
    return [(path, k % 3) for k, path in enumerate(paths)]


def test_a_good_dataset_is_ok(tmp_path, good):
    cfg = config(tmp_path, {"train": labelled(good[:6]), "val": labelled(good[6:])})
    report = verify_dataset(cfg, tmp_path / "out", workers=0)
    assert report.ok, str(report)
    assert report.absent == ["test"]
    assert "Nothing to correct" in str(report)
    rows = table(tmp_path / "out" / "train.csv")
    assert len(rows) == 6
    first = rows[0]
    assert (first["reason"], first["frames"], first["width"], first["height"]) == (
        "",
        "60",
        "96",
        "64",
    )
    assert (first["codec"], first["audio"], first["audio_rate"]) == ("h264", "True", "16000")
    assert float(first["duration"]) == pytest.approx(2.0, abs=0.01)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["ok"] is True
    assert summary["splits"]["train"]["classes"] == {"0": 2, "1": 2, "2": 2}
    assert summary["splits"]["train"]["without_audio"] == 4
    assert any("no audio stream" in note for note in report.notes)


@pytest.mark.parametrize("full", [False, True])
def test_all_twenty_damaged_files_are_named_and_no_good_one(tmp_path, good, damaged, full):
    files = [*good, *damaged]
    cfg = config(tmp_path, {"train": labelled(files)})
    report = verify_dataset(cfg, tmp_path / "out", workers=0, full=full)
    rows = table(tmp_path / "out" / "train.csv")
    accused = {row["path"]: row["reason"] for row in rows if row["reason"]}
    assert not set(accused) & {str(path) for path in good}
    missed = {str(path) for path in damaged} - set(accused)
    assert not missed
    assert all(path in reason for path, reason in accused.items())
    assert not report.ok
    assert "20 of 30 files cannot be used" in str(report)


def test_workers_find_the_same(tmp_path, good, damaged):
    cfg = config(tmp_path, {"train": labelled([*good[:3], *damaged[:3]])})
    verify_dataset(cfg, tmp_path / "one", workers=0)
    verify_dataset(cfg, tmp_path / "two", workers=2)
    names = ("train.csv", "summary.json")
    one, two = ([(tmp_path / out / name).read_text() for name in names] for out in ("one", "two"))
    assert one == two


def test_lies_of_the_lists_are_named(tmp_path, good):
    shutil.copy(good[0], tmp_path / "copy.mp4")
    lists = {
        "train": [(good[0], 0), (good[1], 1), (good[1], 1), (tmp_path / "gone.mp4", 0)],
        "val": [(good[2], 7)],
        "test": [(tmp_path / "copy.mp4", 0), (good[1], 1)],
    }
    report = verify_dataset(config(tmp_path, lists), tmp_path / "out", workers=0)
    text = "\n".join(report.problems)
    assert "train: 1 of 4 files do not exist" in text
    assert "gone.mp4" in text
    assert "train: 1 files are listed more than once" in text
    assert "val: 1 labels are not below MODEL.NUM_CLASSES = 3" in text
    assert "Set MODEL.NUM_CLASSES to 8" in text
    assert "test: 1 files are in the training list too (same paths)" in text
    assert any(note.startswith("train: 1 of 3 classes have no file: 2") for note in report.notes)
    assert len(report.problems) == 4


def test_copies_in_the_test_list_are_found_by_content(tmp_path, good):
    shutil.copy(good[0], tmp_path / "copy.mp4")
    lists = {"train": labelled(good[:3]), "test": [(tmp_path / "copy.mp4", 0)]}
    report = verify_dataset(config(tmp_path, lists), tmp_path / "out", workers=0)
    assert "same contents" in str(report)
    lists = {"train": [*labelled(good[:3]), (tmp_path / "copy.mp4", 0)], "test": [(good[4], 0)]}
    report = verify_dataset(config(tmp_path, lists), tmp_path / "out", workers=0)
    assert report.ok
    assert "same content under several names" in str(report)


def test_links_are_the_file_they_point_to(tmp_path, good):
    os.symlink(good[0], tmp_path / "link.mp4")
    lists = {"train": [(good[0], 0), (tmp_path / "link.mp4", 1)]}
    report = verify_dataset(config(tmp_path, lists), tmp_path / "out", workers=0)
    assert "listed more than once" in str(report)


def test_videos_shorter_than_a_clip_are_a_note(tmp_path, good):
    cfg = config(tmp_path, {"train": labelled(good[:3])}, **{"DATA.SAMPLING_RATE": 30})
    report = verify_dataset(cfg, tmp_path / "out", workers=0)
    assert report.ok
    assert any("3 files are shorter than one clip of 4.00 s" in note for note in report.notes)


def test_a_file_of_one_frame_is_a_note_since_training_reads_it(tmp_path, media_factory):
    still = media_factory(frames=1, audio_rate=0)
    report = verify_dataset(config(tmp_path, {"train": [(still, 0)]}), tmp_path / "out", workers=0)
    assert report.ok
    assert any("1 files hold a single frame" in note for note in report.notes)


def test_no_list_at_all_is_refused(tmp_path):
    with pytest.raises(AnnotationError, match=r"train\.csv: no such list file"):
        verify_dataset(config(tmp_path, {}), tmp_path / "out", workers=0)


def test_manifests_leave_bad_training_files_out_and_keep_test_rows(tmp_path, good, damaged):
    files = [good[0], damaged[0], good[1], tmp_path / "gone.mp4"]
    lists = {"train": labelled(files), "val": labelled(files), "test": labelled(files)}
    cfg = config(tmp_path, lists)
    out = tmp_path / "manifests"
    result = write_manifests(cfg, out, workers=0)
    train, test = (
        ItemTable.load(out / f"kinetics-fold1-{split}.npz") for split in ("train", "test")
    )
    assert [train.paths[k] for k in range(len(train))] == [str(good[0]), str(good[1])]
    assert train.labels.tolist() == [0, 2]
    assert [test.paths[k] for k in range(len(test))] == [str(path) for path in files]
    left_out = table(out / "left_out.csv")
    assert [row["path"] for row in left_out] == [str(damaged[0]), str(files[3])]
    assert "empty" in left_out[0]["reason"]
    assert "no such file" in left_out[1]["reason"]
    assert (result["train"]["left_out"], result["val"]["left_out"]) == (2, 0)
    assert (result["train"]["unusable_kept"], result["test"]["unusable_kept"]) == (0, 2)
    cfg.DATA.MANIFEST_DIR = str(out)
    assert len(build_dataset("kinetics", cfg, "train")) == 2
    assert len(build_dataset("kinetics", cfg, "test")) == 4


def test_a_training_list_of_bad_files_gives_no_manifest(tmp_path, damaged):
    cfg = config(tmp_path, {"train": labelled(damaged[:2])})
    with pytest.raises(AnnotationError, match="none of the 2 training files"):
        write_manifests(cfg, tmp_path / "out", workers=0)


def test_sampled_frames_cover_both_ends_and_the_middle():
    assert sample_frames(5) == [0, 1, 2, 3, 4]
    frames = sample_frames(1000)
    assert frames[:3] == [0, 1, 2]
    assert frames[-3:] == [997, 998, 999]
    assert 500 in frames
    assert len(frames) < 25


def test_any_cut_of_an_mp4_is_noticed(tmp_path, media_factory):
    data = media_factory(audio_rate=16000).read_bytes()
    assert read_mp4_boxes(io.BytesIO(data), len(data)).end == len(data)
    for share in (0.2, 0.5, 0.9, 0.99, 0.9999):
        path = tmp_path / "cut.mp4"
        path.write_bytes(data[: int(len(data) * share)])
        assert probe_file(str(path)).reason, share


def die_of_seven(number):
    if number == 7:
        os._exit(3)
    return number * number


@pytest.mark.slow
def test_a_file_that_kills_its_process_is_named():
    numbers = [2, 7]
    results = map_files(die_of_seven, numbers, workers=2, title="t", crashed=lambda n: f"{n} died")
    assert results == [n * n if n != 7 else "7 died" for n in numbers]
