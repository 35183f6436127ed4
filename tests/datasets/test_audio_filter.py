"""Lists without the files that lack sound: which are left out, and that they are looked at once."""

import csv
import logging

import numpy as np
import pytest
from warm import found_by_ranks

from slowfast.datasets import audio_filter
from slowfast.datasets.audio_filter import (
    drop_files_without_audio,
    find_problems,
    require_audio,
    sound_problem,
)
from slowfast.datasets.items import ItemTable
from slowfast.datasets.sampling.windows import AVClipSampler
from slowfast.utils.errors import AnnotationError

WINDOWS = AVClipSampler(0.5, 1.0, "original", 0.5)


@pytest.fixture
def files(media_factory, tmp_path):
    """Return eight files of two seconds, of which the odd ones cannot be used."""
    from oracles.media_files import write_sound_only

    broken, sound_only = tmp_path / "broken.mp4", tmp_path / "sound_only.mp4"
    broken.write_bytes(b"<html>")
    write_sound_only(sound_only)
    good = [media_factory(audio_rate=16000, shade=shade) for shade in range(4)]
    late = media_factory(audio_rate=16000, audio_first=1.3, beep=0.5)
    return [good[0], media_factory(), good[1], late, good[2], broken, good[3], sound_only]


def listed(paths):
    return ItemTable([str(path) for path in paths], range(len(paths)), ["a", "b"], "some list")


def names(videos):
    return [videos.paths[row] for row in range(len(videos))]


@pytest.fixture
def probed(monkeypatch):
    """Count the files that are opened."""
    opened = []

    def counted(path, windows):
        opened.append(path)
        return sound_problem(path, windows)

    monkeypatch.setattr(audio_filter, "sound_problem", counted)
    return opened


def table(folder):
    (path,) = folder.glob("left_out-*.csv")
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_exactly_the_files_without_enough_sound_are_left_out(files, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        kept = drop_files_without_audio(listed(files), WINDOWS, tmp_path / "files")
    assert names(kept) == [str(path) for path in files[::2]]
    assert kept.labels.tolist() == [0, 2, 4, 6]
    assert (kept.class_names, kept.source) == (["a", "b"], "some list")
    assert "4 of 8 files are left out (AUDIO.MISSING drop)" in caplog.text
    assert "left_out-" in caplog.text
    lines = table(tmp_path / "files")
    assert [line["row"] for line in lines] == ["1", "3", "5", "7"]
    assert [line["path"] for line in lines] == [str(path) for path in files[1::2]]
    words = ("no audio stream", "share 0.7", "not readable as media", "no video stream")
    for line, expected in zip(lines, words, strict=True):
        assert expected in line["reason"]
        assert line["reason"].count(line["path"]) == 1


def test_the_next_start_opens_no_file(files, tmp_path, probed, caplog):
    first = drop_files_without_audio(listed(files), WINDOWS, tmp_path)
    assert len(probed) == 8
    with caplog.at_level(logging.WARNING):
        second = drop_files_without_audio(listed(files), WINDOWS, tmp_path)
    assert len(probed) == 8
    assert names(first) == names(second)
    assert caplog.text.count("4 of 8 files are left out") == 2


def test_a_list_without_fault_is_known_by_the_next_start_too(files, tmp_path, probed):
    videos = listed(files[::2])
    for _ in range(2):
        assert drop_files_without_audio(videos, WINDOWS, tmp_path) is videos
    assert len(probed) == 4


def test_labels_of_the_current_list_are_kept(files, tmp_path):
    drop_files_without_audio(listed(files), WINDOWS, tmp_path)
    corrected = ItemTable([str(path) for path in files], [7] * 8, [], "corrected list")
    kept = drop_files_without_audio(corrected, WINDOWS, tmp_path)
    assert kept.labels.tolist() == [7] * 4


@pytest.mark.parametrize(
    ("change", "windows"),
    [
        (lambda files: files[:-1], WINDOWS),
        (lambda files: files[::-1], WINDOWS),
        (lambda files: files, AVClipSampler(0.5, 0.25, "original", 0.5)),
        (lambda files: files, AVClipSampler(0.5, 1.0, "in_sync", 0.5)),
    ],
    ids=["shorter list", "other order", "shorter sound", "other policy"],
)
def test_other_lists_and_windows_are_looked_at_anew(files, tmp_path, probed, change, windows):
    drop_files_without_audio(listed(files), WINDOWS, tmp_path)
    probed.clear()
    changed = listed(change(files))
    kept = drop_files_without_audio(changed, windows, tmp_path)
    assert sorted(probed) == sorted(names(changed))
    late = str(files[3])
    assert (late in names(kept)) == (windows.audio_seconds < 0.7)


def test_files_of_the_same_name_elsewhere_are_looked_at_anew(files, tmp_path, probed):
    drop_files_without_audio(listed(files), WINDOWS, tmp_path)
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for folder in {path.parent for path in files}:
        (moved / folder.name).symlink_to(folder)
    elsewhere = listed([moved / path.parent.name / path.name for path in files])
    assert elsewhere.fingerprint() == listed(files).fingerprint()
    assert len(drop_files_without_audio(elsewhere, WINDOWS, tmp_path)) == 4
    assert len(probed) == 16


def test_without_a_folder_nothing_is_kept(files, tmp_path, monkeypatch, probed):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    for _ in range(2):
        assert len(drop_files_without_audio(listed(files), WINDOWS)) == 4
    assert len(probed) == 16
    assert sorted(tmp_path.rglob("*")) == before


def test_a_list_of_bad_files_is_refused_every_time(files, tmp_path):
    for _ in range(2):
        with pytest.raises(AnnotationError) as caught:
            drop_files_without_audio(listed(files[1::2]), WINDOWS, tmp_path / "files")
        message = str(caught.value)
        assert "some list: none of the 4 files has enough audio" in message
        assert "AUDIO.DURATION" in message
        assert str(files[1]) in message
    assert not (tmp_path / "files").exists()


def test_the_error_policy_names_the_first_files_and_the_cures(files):
    videos = listed([*files, *files])
    with pytest.raises(AnnotationError) as caught:
        require_audio(videos, WINDOWS)
    message = str(caught.value)
    assert "some list: 8 of 16 files" in message
    assert "and 3 more" in message
    assert "set AUDIO.MISSING to drop or zero" in message
    assert message.count(str(files[1])) == 2
    good = listed(files[::2])
    assert require_audio(good, WINDOWS) is good


def test_a_reason_is_found_for_every_row_of_a_long_list(files):
    rows = np.random.default_rng(0).integers(0, 8, 150)
    problems = find_problems(listed([files[row] for row in rows]), WINDOWS)
    assert list(problems) == np.flatnonzero(rows % 2).tolist()
    for row, reason in problems.items():
        assert str(files[rows[row]]) in reason


WORKER = """
from slowfast.datasets import audio_filter
from slowfast.datasets.items import ItemTable
from slowfast.datasets.sampling.windows import AVClipSampler

opened, probe = [], audio_filter.sound_problem

def counted(path, windows):
    opened.append(path)
    return probe(path, windows)

audio_filter.sound_problem = counted
videos = ItemTable(words, range(len(words)), [], "list")
windows = AVClipSampler(0.5, 1.0, "original", 0.5)
# Only the first process sees a disk.
report = Path(folder, "files" if rank == 0 else "another machine")
kept = [audio_filter.drop_files_without_audio(videos, windows, report) for _ in range(2)]
found = {"opened": sorted(opened), "kept": [videos.labels.tolist() for videos in kept]}
"""


def test_two_processes_share_the_work_and_agree(files, tmp_path):
    paths = [str(path) for path in files]
    results = found_by_ranks(WORKER, tmp_path, *paths)
    assert [result["kept"] for result in results] == [[[0, 2, 4, 6]] * 2] * 2
    assert [result["opened"] for result in results] == [sorted(paths[::2]), sorted(paths[1::2])]
    assert len(table(tmp_path / "files")) == 4
    assert not (tmp_path / "another machine").exists()
