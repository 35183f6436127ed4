"""verify on the demo world in Charades' format, whole and broken on purpose."""

import json
import shutil

import pytest

from slowfast.synthetic.charades_world import write_charades_world


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("charades world")
    write_charades_world(folder, "tiny")
    return folder / "charades"


@pytest.fixture
def verify(run_tool, world, tmp_path):
    """Return ``verify(*words)``: the tool on a copy of the world at ``tmp_path / "w"``."""
    shutil.copytree(world, tmp_path / "w")
    (tmp_path / "run.yaml").write_text("TRAIN: {DATASET: charades}\nMODEL: {NUM_CLASSES: 10}\n")
    places = [
        *("DATA.PATH_TO_DATA_DIR", tmp_path / "w/frame_lists"),
        *("DATA.PATH_PREFIX", tmp_path / "w/Charades_v1_rgb"),
    ]
    tool = run_tool("prepare_data")
    words = ("--cfg", tmp_path / "run.yaml", "--out", tmp_path / "out", "--workers", "0")
    return lambda *more: tool("verify", *words, *more, *places)


def some_video(folder):
    return sorted((folder / "w/Charades_v1_rgb").iterdir())[0]


def test_a_whole_world_has_nothing_to_mend(verify, tmp_path):
    done = verify()
    assert done.returncode == 0, done.stdout
    assert "train: 8 of 8 videos can be used" in done.stdout
    assert "val: 4 of 4" in done.stdout and "Nothing to correct" in done.stdout
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert summary["ok"] and len(summary["splits"]["train"]["classes"]) >= 8
    assert (tmp_path / "out/val.csv").read_text().count("\n") == 5


def test_missing_and_damaged_pictures_are_named(verify, tmp_path):
    video = some_video(tmp_path)
    frames = sorted(video.iterdir())
    frames[3].unlink()
    frames[0].write_bytes(b"torn")
    done = verify()
    assert done.returncode == 1
    assert "1 listed frames are missing" in done.stdout
    assert frames[0].name in done.stdout


def test_actions_beyond_the_classes_and_shared_videos_are_problems(verify, tmp_path):
    lists = tmp_path / "w/frame_lists"
    text = (lists / "train.csv").read_text()
    (lists / "val.csv").write_text(text)
    done = verify("MODEL.NUM_CLASSES", "5")
    assert done.returncode == 1
    assert "are not below MODEL.NUM_CLASSES" in done.stdout
    assert "8 videos are in both splits" in done.stdout


def test_a_missing_list_is_a_problem_in_the_report(verify, tmp_path):
    (tmp_path / "w/frame_lists/val.csv").unlink()
    done = verify()
    assert done.returncode == 1
    assert "val.csv: no readable frame list" in done.stdout
