"""Re-encoding: same names, frames, times and sound; smaller; resumable."""

import shutil
from fractions import Fraction

import av
import pytest
from oracles.media_files import numbers_of, time_of_beep

from slowfast.dataprep.transcode import transcode
from slowfast.datasets.media import open_media
from slowfast.utils.errors import MediaError

SOURCES = {
    "plain": {"gop": 250, "audio_rate": 48000},
    "late sound": {"audio_rate": 48000, "audio_first": 0.5},
    "late frames": {"first": 0.5, "audio_rate": 16000},
    "ntsc": {"fps": Fraction(30000, 1001), "frames": 75},
    "opus": {"suffix": ".mkv", "audio_rate": 48000, "audio_codec": "libopus"},
    "surround": {"audio_rate": 48000, "audio_layout": "5.1"},
    "avi": {"suffix": ".avi", "b_frames": 0},
    "small": {"fps": Fraction(12), "shade": 3},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory, media_factory):
    """Encode all sources and two bad ones; return both roots and the report."""
    source, target = tmp_path_factory.mktemp("from"), tmp_path_factory.mktemp("to")
    (source / "my class").mkdir()
    for name, settings in SOURCES.items():
        path = media_factory(**settings)
        shutil.copy(path, source / "my class" / f"{name}{path.suffix}")
    data = media_factory(frames=240, gop=250).read_bytes()
    (source / "cut.mp4").write_bytes(data[: len(data) // 2])
    (source / "empty.mp4").write_bytes(b"")
    (source / "list.txt").write_text("not a video")
    return source, target, transcode(source, target, short_side=48, gop=6, workers=0)


def test_bad_files_are_reported_and_the_others_encoded(world):
    _, target, report = world
    assert {path.rsplit("/", 1)[1] for path, _ in report.failures} == {"cut.mp4", "empty.mp4"}
    assert len(report.done) == len(SOURCES), str(report)
    assert not report.ok
    assert "cut.mp4" in str(report)
    names = sorted(str(p.relative_to(target)) for p in target.rglob("*") if p.is_file())
    assert names == sorted(f"my class/{name}.mp4" for name in SOURCES)


@pytest.mark.parametrize("name", SOURCES)
def test_frames_and_times_are_kept(world, media_factory, name):
    _, target, _ = world
    with (
        open_media(media_factory(**SOURCES[name])) as before,
        open_media(target / "my class" / f"{name}.mp4") as after,
    ):
        count = before.video.num_frames
        assert after.video.num_frames == count
        assert numbers_of(after.read_frames(range(count))) == list(range(count))
        assert after.video.fps == pytest.approx(before.video.fps, rel=1e-3)
        assert after.video.start == pytest.approx(before.video.start, abs=2e-3)
        assert after.video.codec == "h264"
        assert min(after.video.width, after.video.height) == 48
        assert (before.audio is None) == (after.audio is None)
        if before.audio is not None:
            old, new = (media.read_waveform(0.6, 1.0, 16000) for media in (before, after))
            assert time_of_beep(new, 16000) == pytest.approx(time_of_beep(old, 16000), abs=0.01)


def test_key_frames_are_close(world):
    _, target, _ = world
    with av.open(str(target / "my class" / "plain.mp4")) as container:
        keys = [k for k, frame in enumerate(container.decode(video=0)) if frame.key_frame]
    assert max(b - a for a, b in zip(keys, [*keys[1:], 60], strict=True)) <= 6


def test_a_second_call_only_retries_what_failed(world):
    source, target, first = world
    before = {path: path.stat().st_mtime_ns for path in target.rglob("*.mp4")}
    second = transcode(source, target, short_side=48, gop=6, workers=0)
    assert (len(second.done), len(second.skipped)) == (0, len(first.done))
    assert {path: path.stat().st_mtime_ns for path in target.rglob("*.mp4")} == before


def test_rotated_videos_are_stored_upright(tmp_path, media_factory):
    (tmp_path / "in").mkdir()
    shutil.copy(media_factory(rotation=90), tmp_path / "in" / "turned.mp4")
    report = transcode(tmp_path / "in", tmp_path / "out", short_side=64, workers=0)
    assert report.ok, str(report)
    with open_media(tmp_path / "out" / "turned.mp4") as media:
        assert (media.video.width, media.video.height) == (64, 96)
        upright = media.read_frames([37]).rot90(-1, (2, 3))
    assert numbers_of(upright) == [37]


def test_small_videos_are_not_enlarged(tmp_path, media_factory):
    (tmp_path / "in").mkdir()
    shutil.copy(media_factory(), tmp_path / "in" / "a.mp4")
    transcode(tmp_path / "in", tmp_path / "out", short_side=1000, workers=0)
    with open_media(tmp_path / "out" / "a.mp4") as media:
        assert (media.video.width, media.video.height) == (96, 64)


def test_names_that_would_collide_are_a_failure(tmp_path, media_factory):
    (tmp_path / "in").mkdir()
    for suffix in (".mp4", ".mkv"):
        shutil.copy(media_factory(suffix=suffix), tmp_path / "in" / f"a{suffix}")
    report = transcode(tmp_path / "in", tmp_path / "out", workers=0)
    assert (len(report.done), len(report.failures)) == (1, 1)
    assert "same name" in report.failures[0][1]


def test_wrong_folders_are_refused(tmp_path):
    with pytest.raises(MediaError, match="no such folder"):
        transcode(tmp_path / "none", tmp_path / "out")
    with pytest.raises(MediaError, match="no video below"):
        transcode(tmp_path, tmp_path / "out")
    with pytest.raises(MediaError, match="another folder"):
        transcode(tmp_path, tmp_path)
