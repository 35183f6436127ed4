"""From movies to frames: the right seconds, the right frames, and nothing half done."""

import os
import pickle
import shutil
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from oracles.media_files import damage, number_of, numbers_of, time_of_beep
from PIL import Image

from slowfast.dataprep.ava_prepare import Selection, cut_folder, extract_folder
from slowfast.dataprep.ava_prepare.extraction import video_extent
from slowfast.dataprep.ava_prepare.folders import read_record, unfinished
from slowfast.datasets.media import open_media
from slowfast.utils.errors import MediaError


@pytest.fixture
def movies(tmp_path, media_factory):
    """Return ``put(name, **settings) -> folder``."""
    folder = tmp_path / "the movies"
    folder.mkdir()

    def put(name, **settings):
        made = media_factory(**settings)
        shutil.copy(made, folder / f"{name}{made.suffix}")
        return folder

    return put


def shown_in(folder):
    """Return the numbers that the frames of a folder show, in the order of their names."""
    names = sorted(path.name for path in folder.iterdir())
    assert names == [f"{folder.name}_{k:06d}.jpg" for k in range(1, len(names) + 1)]
    return [number_of(np.asarray(Image.open(folder / name)).transpose(2, 0, 1)) for name in names]


@pytest.mark.parametrize(
    ("settings", "begin"),
    [
        ({"frames": 240, "gop": 50, "audio_rate": 16000, "beep": 3.0}, 0.0),
        ({"frames": 200, "fps": Fraction(25), "suffix": ".mkv", "audio_rate": 44100}, 0.02),
        ({"frames": 240, "fps": Fraction(30000, 1001), "audio_rate": 48000, "first": 0.3}, None),
        ({"frames": 190, "fps": Fraction(24000, 1001)}, None),
        ({"frames": 480, "fps": Fraction(60), "audio_layout": "5.1", "audio_rate": 22050}, 0.0),
    ],
    ids=["30", "25 mkv", "29.97 late", "23.976 silent", "60 surround"],
)
def test_a_cut_holds_the_frames_and_the_sound_of_its_seconds(tmp_path, movies, settings, begin):
    settings.setdefault("beep", 3.0)
    report = cut_folder(movies("-v", **settings), tmp_path / "cut", 2.1, 3.5, workers=0)
    assert report.ok, str(report)
    fps, first = settings.get("fps", Fraction(30)), settings.get("first", 0.0)
    times = [first + k / float(fps) for k in range(settings["frames"])]
    expected = [k for k, time in enumerate(times) if 2.1 - 1e-6 <= time < 5.6 - 1e-6]
    with open_media(tmp_path / "cut" / "-v.mp4") as cut:
        shown = numbers_of(cut.read_frames(range(cut.video.num_frames)))
        assert shown == expected
        if "audio_rate" in settings:
            beep = time_of_beep(cut.read_waveform(0, 3.4, 16000), 16000)
            assert beep == pytest.approx(0.9, abs=0.0025)
    extent = video_extent(tmp_path / "cut" / "-v.mp4")
    assert extent.end == pytest.approx(3.5, abs=0.05)
    if begin is not None:
        assert extent.begin == pytest.approx(begin, abs=0.002)


def test_pictures_are_upright_and_of_full_size(tmp_path, movies):
    folder = movies("turned", frames=30, rotation=90)
    assert cut_folder(folder, tmp_path / "cut", 0.2, 0.5, workers=0).ok
    assert extract_folder(tmp_path / "cut", tmp_path / "frames", workers=0).ok
    with open_media(folder / "turned.mp4") as media:
        expected = media.read_frames([6])[0].numpy().astype(int)
    found = np.asarray(Image.open(tmp_path / "frames/turned/turned_000001.jpg"))
    assert np.abs(found.transpose(2, 0, 1) - expected).mean() < 4


# Which frames the program ffmpeg (n9.0.2, -vf fps=30:start_time=0) wrote of 120 frames; with -r 30 it
# wrote the same for all rates up to 30.
BY_FFMPEG = [
    ({"fps": Fraction(30)}, 120, [0, 1, 2, 3, 4, 5, 6, 7], [116, 117, 118, 119]),
    ({"fps": Fraction(25)}, 144, [0, 1, 2, 2, 3, 4, 5, 6, 7, 7, 8], [117, 117, 118, 119]),
    ({"fps": Fraction(30000, 1001)}, 120, [0, 1, 2, 3], [116, 117, 118, 119]),
    ({"fps": Fraction(24000, 1001)}, 150, [0, 1, 1, 2, 3, 4, 5, 5, 6], [117, 117, 118, 119]),
    ({"fps": Fraction(15)}, 240, [0, 0, 1, 1, 2, 2], [118, 118, 119, 119]),
    ({"fps": Fraction(60)}, 60, [0, 2, 4, 6, 8], [112, 114, 116, 118]),
    ({"fps": Fraction(50)}, 72, [0, 2, 4, 5, 7, 9], [114, 115, 117, 119]),
    ({"fps": Fraction(25), "first": 0.3, "audio_rate": 16000}, 153, [0] * 10 + [1, 2, 2, 3], [119]),
]


@pytest.mark.parametrize(("settings", "count", "begin", "end"), BY_FFMPEG)
def test_pictures_are_those_that_ffmpeg_writes(tmp_path, movies, settings, count, begin, end):
    folder = movies("v", frames=120, beep=0.5, **settings)
    report = extract_folder(folder, tmp_path / "frames", workers=0)
    assert report.ok, str(report)
    shown = shown_in(tmp_path / "frames" / "v")
    assert (len(shown), shown[: len(begin)], shown[-len(end) :]) == (count, begin, end)


def test_a_second_run_keeps_what_is_done_and_mends_what_is_not(tmp_path, movies):
    movies("a", frames=120)
    folder = movies("b", frames=120, shade=1)
    cuts, frames = tmp_path / "cut", tmp_path / "frames"
    for _ in range(2):
        cut = cut_folder(folder, cuts, 1, 2, workers=0)
        extracted = extract_folder(cuts, frames, workers=0)
    assert [o.status for o in cut.outcomes + extracted.outcomes] == ["skipped"] * 4
    untouched = {path: path.stat().st_mtime_ns for path in frames.rglob("a_*.jpg")}

    short = cut_folder(folder, tmp_path / "short", 1, 1, workers=0)
    assert short.ok
    shutil.copy(tmp_path / "short" / "b.mp4", cuts / "b.mp4")  # an interrupted program's
    (frames / "b" / "b_000060.jpg").unlink()
    (frames / "b" / "b_000059.jpg").unlink()
    cut = cut_folder(folder, cuts, 1, 2, workers=0)
    extracted = extract_folder(cuts, frames, workers=0)
    assert [o.status for o in cut.outcomes + extracted.outcomes] == ["skipped", "done"] * 2
    assert shown_in(frames / "b") == list(range(30, 90))
    assert untouched == {path: path.stat().st_mtime_ns for path in frames.rglob("a_*.jpg")}


@pytest.mark.parametrize("torn", ["gap", "last"])
def test_a_folder_with_a_gap_or_a_torn_last_picture_is_done_again(tmp_path, movies, torn):
    folder, frames = movies("v", frames=30), tmp_path / "frames"
    extract_folder(folder, frames, workers=0)
    if torn == "gap":
        (frames / "v" / "v_000010.jpg").rename(frames / "v" / "v_000099.jpg")
    else:
        last = frames / "v" / "v_000030.jpg"
        last.write_bytes(last.read_bytes()[:200])
    assert [o.status for o in extract_folder(folder, frames, workers=0).outcomes] == ["done"]
    assert shown_in(frames / "v") == list(range(30))


def test_again_and_only_do_one_video_once_more(tmp_path, movies):
    movies("a", frames=60)
    folder = movies("-b", frames=60, shade=1)
    cut_folder(folder, tmp_path / "cut", 0, 1, workers=0)
    report = cut_folder(
        folder, tmp_path / "cut", 0, 1, workers=0, selection=Selection(("-b",), overwrite=True)
    )
    assert [(o.video, o.status) for o in report.outcomes] == [("-b", "done")]
    with pytest.raises(MediaError, match="does not hold the video c"):
        cut_folder(folder, tmp_path / "cut", 0, 1, workers=0, selection=Selection(("c",)))


def test_another_container_of_the_same_video_is_taken_or_replaced(tmp_path, movies, media_factory):
    folder, cuts = movies("v", frames=120), tmp_path / "cut"
    cuts.mkdir()
    shutil.copy(media_factory(frames=60, suffix=".mkv"), cuts / "v.mkv")
    assert [o.status for o in cut_folder(folder, cuts, 1, 2, workers=0).outcomes] == ["skipped"]
    shutil.copy(media_factory(frames=30, suffix=".mkv"), cuts / "v.mkv")
    assert [o.status for o in cut_folder(folder, cuts, 1, 2, workers=0).outcomes] == ["done"]
    assert sorted(path.name for path in cuts.iterdir()) == ["prepared.csv", "v.mp4"]


def test_damaged_files_are_named_and_leave_nothing_behind(tmp_path, movies, media_factory):
    folder = movies("good", frames=120)
    kinds = damage(folder, media_factory(frames=120, gop=12, fast_start=True))
    unusable = set(kinds) - {"flipped", "fake_duration"}  # damaged packets are left out
    cut = cut_folder(folder, tmp_path / "cut", 1, 2, workers=0)
    extracted = extract_folder(folder, tmp_path / "frames", workers=0)
    for report, folder_of in ((cut, "cut"), (extracted, "frames")):
        failed = {outcome.video for outcome in report.of("failed")}
        # The seconds that are cut out come before the end that is cut off.
        expected = unusable - ({"cut_95"} if folder_of == "cut" else set())
        assert failed >= expected, str(report)
        assert "good" not in failed
        assert "Traceback" not in str(report)
        left = {path.stem for path in (tmp_path / folder_of).iterdir()} - {"prepared"}
        assert left == {path.stem for path in folder.iterdir()} - failed
    assert all(str(folder) in outcome.note for outcome in cut.of("failed"))


def test_a_movie_that_ends_early_is_noted_or_refused(tmp_path, movies):
    folder = movies("v", frames=60)
    report = cut_folder(folder, tmp_path / "cut", 1, 901, workers=0)
    assert report.ok and "the movie ends there: 1.0 s" in str(report)
    again = cut_folder(folder, tmp_path / "cut", 1, 901, workers=0)
    assert [o.status for o in again.outcomes] == ["skipped"]
    late = cut_folder(folder, tmp_path / "late", 900, 901, workers=0)
    assert not late.ok and "ends after 2.0 s, before second 900" in str(late)


def test_folders_without_videos_and_two_files_of_one_name_are_refused(tmp_path, movies):
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(MediaError, match=r"no such folder|does not hold a video"):
            cut_folder(folder, tmp_path / "cut")
    movies("v", frames=30)
    folder = movies("v", frames=30, suffix=".mkv")
    with pytest.raises(MediaError, match="are one video"):
        cut_folder(folder, tmp_path / "cut")


def test_the_record_says_who_made_what(tmp_path, movies):
    movies("a", frames=60)
    folder = movies("b", frames=60, shade=1)
    selection = Selection(("a",))
    cut_folder(folder, tmp_path / "cut", 0, 1, workers=0, selection=selection)
    cut_folder(folder, tmp_path / "cut", 0, 1, workers=0)
    rows = read_record(tmp_path / "cut")
    assert [row["video"] for row in rows] == ["a", "b"]
    assert all(row["tool"].startswith("pyav ") for row in rows)
    assert float(rows[0]["seconds"]) == pytest.approx(1, abs=0.05)


def test_what_a_killed_process_left_is_removed_and_nothing_of_a_live_one(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        capture_output=True,
        text=True,
        check=True,
    )
    with unfinished(tmp_path / "v[1].mp4") as part:
        mine = part
    dead = mine.with_name(mine.name.replace(f"@{os.getpid()}.", f"@{int(done.stdout)}."))
    live = mine.with_name(mine.name.replace(f"@{os.getpid()}.", f"@{os.getppid()}."))
    dead.mkdir()
    live.write_text("at work")
    with unfinished(tmp_path / "v[1].mp4") as part:
        part.write_text("half")
        assert not dead.exists()
    assert sorted(tmp_path.glob(".v*")) == [live]


def test_a_step_can_be_sent_to_another_process(tmp_path, movies, monkeypatch):
    def elsewhere(function, items, **_):
        function, items = pickle.loads(pickle.dumps((function, items)))
        return [pickle.loads(pickle.dumps(function(item))) for item in items]

    monkeypatch.setattr("slowfast.dataprep.ava_prepare.folders.map_files", elsewhere)
    folder = movies("v", frames=60)
    assert cut_folder(folder, tmp_path / "cut", 0, 1).ok
    assert extract_folder(tmp_path / "cut", tmp_path / "frames").ok
    assert shown_in(tmp_path / "frames" / "v") == list(range(30))
