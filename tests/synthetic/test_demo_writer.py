"""Making a demo world: the same bytes, never half a file, never over another world."""

import hashlib
import json
import os
from dataclasses import replace

import pytest

from slowfast.synthetic import PRESETS, layouts, writer
from slowfast.synthetic.media_writer import write_media
from slowfast.synthetic.presets import find_preset
from slowfast.synthetic.scenes import render_scene
from slowfast.synthetic.world import draw_episode, render_sound
from slowfast.synthetic.writer import write_demo_world
from slowfast.utils.errors import ConfigError


def digests(root):
    """Return the checksum of every file below ``root`` by relative path."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


@pytest.fixture
def nano(monkeypatch):
    """Add a preset of two classes with three short videos each."""
    preset = replace(
        PRESETS["tiny"],
        clips_per_group=1,
        seconds=(0.5, 0.6),
        classes=("Orbit", "Spin"),
    )
    monkeypatch.setitem(PRESETS, "nano", preset)
    return preset


def test_two_processes_write_the_same_bytes_as_one(tiny, tmp_path):
    again = write_demo_world(tmp_path / "again", "tiny", seed=0, workers=2)
    assert again.written == again.videos == 48
    assert digests(again.root) == digests(tiny.root)


def test_another_seed_gives_other_videos(nano, tmp_path):
    first = write_demo_world(tmp_path / "a", "nano", seed=0)
    second = write_demo_world(tmp_path / "b", "nano", seed=1)
    a, b = digests(first.root / "videos"), digests(second.root / "videos")
    assert a.keys() == b.keys()
    assert not set(a.values()) & set(b.values())
    assert len(set(a.values())) == len(a)


def test_a_complete_world_is_left_alone(nano, tmp_path, monkeypatch):
    first = write_demo_world(tmp_path, "nano")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    monkeypatch.setattr(writer, "make_video", lambda *_: pytest.fail("made a video again"))
    second = write_demo_world(tmp_path, "nano")
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert (first.written, second.written, second.size_bytes) == (6, 0, first.size_bytes)


def test_an_interrupted_world_is_completed(nano, tmp_path, monkeypatch):
    whole = write_demo_world(tmp_path / "whole", "nano")
    make, made = writer.make_video, []

    def make_four(*arguments):
        if len(made) == 4:
            raise KeyboardInterrupt
        made.append(make(*arguments))

    monkeypatch.setattr(writer, "make_video", make_four)
    with pytest.raises(KeyboardInterrupt):
        write_demo_world(tmp_path / "cut", "nano")
    assert json.loads((tmp_path / "cut" / "demo.json").read_text())["complete"] is False
    monkeypatch.setattr(writer, "make_video", make)
    rest = write_demo_world(tmp_path / "cut", "nano")
    assert rest.written == 2
    assert digests(rest.root) == digests(whole.root)


def test_a_video_removed_from_a_complete_world_is_made_again(nano, tmp_path):
    write_demo_world(tmp_path, "nano")
    before = digests(tmp_path)
    (tmp_path / "videos" / "Spin" / "v_Spin_g02_c01.mp4").unlink()
    assert write_demo_world(tmp_path, "nano").written == 1
    assert digests(tmp_path) == before


def test_leftovers_of_a_killed_run_disappear(nano, tmp_path):
    leftover = tmp_path / "videos" / "Spin" / ".v_Spin_g01_c01.mp4.1.part"
    write_demo_world(tmp_path, "nano")
    leftover.write_bytes(b"half")
    os.utime(leftover, (0, 0))
    (tmp_path / "videos" / "Spin" / "v_Spin_g01_c01.mp4").unlink()
    write_demo_world(tmp_path, "nano")
    assert not list(tmp_path.rglob(".*"))


def test_a_failed_encoding_leaves_no_file(nano, tmp_path):
    episode = draw_episode(nano, 0, 0, 0)
    frames, _ = render_scene(episode)
    bad_sound = render_sound(episode).reshape(1, 1, -1)
    with pytest.raises(ValueError):
        write_media(tmp_path / "x.mp4", frames, episode.frame_rate, bad_sound)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("other", [{"preset": "tiny"}, {"preset": "nano", "seed": 1}])
def test_a_folder_with_another_world_is_refused(nano, tmp_path, other):
    write_demo_world(tmp_path, "nano", seed=0)
    with pytest.raises(ConfigError, match=r"preset 'nano', seed 0.*another folder"):
        write_demo_world(tmp_path, workers=1, **other)


def test_a_folder_of_the_user_is_refused(nano, tmp_path):
    (tmp_path / "videos").mkdir()
    with pytest.raises(ConfigError, match=r"already holds videos.*another folder"):
        write_demo_world(tmp_path, "nano")


def test_a_damaged_record_is_refused(nano, tmp_path):
    (tmp_path / "demo.json").write_text("{")
    with pytest.raises(ConfigError, match=r"cannot be read"):
        write_demo_world(tmp_path, "nano")


def test_files_are_copied_where_hard_links_are_impossible(nano, tmp_path, monkeypatch):
    def no_link(*_):
        raise OSError("not supported")

    monkeypatch.setattr(layouts.os, "link", no_link)
    write_demo_world(tmp_path, "nano")
    copy = tmp_path / "folders" / "val" / "Orbit" / "v_Orbit_g01_c01.mp4"
    assert copy.read_bytes() == (tmp_path / "videos" / "Orbit" / copy.name).read_bytes()


def test_an_unknown_preset_is_named_with_the_nearest():
    with pytest.raises(ConfigError, match=r"'tinny'.*Did you mean 'tiny'"):
        find_preset("tinny")
