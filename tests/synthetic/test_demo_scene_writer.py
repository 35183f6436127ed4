"""Making the worlds of scenes: the same bytes, never half a video, never over another world."""

import hashlib
import json
import os
import shutil

import pytest

from slowfast.synthetic import scene_writer, write_ava_world, write_charades_world
from slowfast.synthetic.presets import AVA_PRESETS, CHARADES_PRESETS, ScenePreset
from slowfast.utils.errors import ConfigError

WRITERS = {"ava": write_ava_world, "charades": write_charades_world}


def digests(root):
    """Return the checksum of every file below ``root`` by relative path."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(params=WRITERS)
def write(request, monkeypatch):
    """Return a function that writes a world of three videos of six seconds and 32 x 24 pixels."""
    for presets in (AVA_PRESETS, CHARADES_PRESETS):
        monkeypatch.setitem(presets, "nano", ScenePreset(2, 1, 24, 32, (6, 6)))
    return lambda out, preset="nano", **options: WRITERS[request.param](out, preset, **options)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(write, tmp_path):
    one, again = write(tmp_path / "a"), write(tmp_path / "b")
    other = write(tmp_path / "c", seed=1)
    assert (one.videos, one.written, other.written) == (3, 3, 3)
    assert digests(one.root) == digests(again.root)
    assert not set(digests(one.folders["videos"])) & set(digests(other.folders["videos"]))


def test_a_complete_world_is_left_alone_and_a_lost_video_is_made_again(write, tmp_path):
    first = write(tmp_path)
    before, times = digests(tmp_path), {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    assert write(tmp_path).written == 0
    assert times == {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    next(first.folders["videos"].iterdir()).unlink()
    frames = next(
        path for name, path in first.folders.items() if name in ("frames", "Charades_v1_rgb")
    )
    shutil.rmtree(sorted(frames.iterdir())[0])
    assert write(tmp_path).written in (1, 2)
    assert digests(tmp_path) == before


def test_an_interrupted_world_is_completed_and_leaves_no_parts(write, tmp_path, monkeypatch):
    whole = write(tmp_path / "whole")
    real, made = scene_writer.write_media, []

    def fail_second(path, *rest):
        made.append(path)
        if len(made) == 2:
            raise KeyboardInterrupt
        return real(path, *rest)

    monkeypatch.setattr(scene_writer, "write_media", fail_second)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "cut")
    root = tmp_path / "cut" / whole.root.name
    assert json.loads((root / "demo.json").read_text())["complete"] is False
    old = root / "videos" / ".left.1.part"
    old.mkdir()
    os.utime(old, (0, 0))
    assert write(tmp_path / "cut").written == 2
    assert digests(root) == digests(whole.root)
    assert not list(root.rglob(".*"))


def test_another_world_and_files_of_the_user_are_refused(write, tmp_path):
    root = write(tmp_path / "a").root
    with pytest.raises(ConfigError, match=r"preset 'nano', seed 0.*another folder"):
        write(tmp_path / "a", seed=1)
    (tmp_path / "b" / root.name / "videos").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"already holds videos.*another folder"):
        write(tmp_path / "b")


def test_an_unknown_preset_is_named_with_the_nearest(write, tmp_path):
    with pytest.raises(ConfigError, match=r"'smal'.*Did you mean 'small'"):
        write(tmp_path, "smal")
