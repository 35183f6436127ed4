"""The command line of prepare_data.py, run as users run it."""

import os
import shutil
from pathlib import Path

import pytest
from warm import begin, environment

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "prepare_data.py"


@pytest.fixture
def run(run_tool):
    return run_tool("prepare_data")


@pytest.fixture
def dataset(tmp_path, media_factory):
    """Return the words of a config with one good and, in training, one missing file."""
    good = media_factory()
    (tmp_path / "train.csv").write_text(f"{good} 0\nmissing.mp4 1\n")
    (tmp_path / "val.csv").write_text(f"{media_factory(shade=1)} 1\n")
    (tmp_path / "run.yaml").write_text("MODEL:\n  NUM_CLASSES: 2\n")
    return ["--cfg", "run.yaml", "DATA.PATH_TO_DATA_DIR", "."]


def test_it_runs_as_a_program_from_any_folder(tmp_path):
    out, err = tmp_path / "out.txt", tmp_path / "err.txt"
    words = [TOOL, "transcode", "nowhere", "out"]
    assert begin(words, environment(), out, err, folder=tmp_path).wait() == 1
    assert not out.read_text()
    assert err.read_text().startswith("error: nowhere: no such folder")
    assert "Traceback" not in err.read_text()


def test_verify_says_what_is_wrong_and_fails(run, dataset, tmp_path):
    done = run("verify", *dataset, "--out", "report", "--workers", 0)
    assert done.returncode == 1, done.stderr
    assert "train: 1 of 2 files do not exist: missing.mp4" in done.stdout
    assert "Traceback" not in done.stderr
    assert (tmp_path / "report" / "train.csv").is_file()


def test_manifest_then_verify_of_the_rest(run, dataset, tmp_path):
    done = run("manifest", *dataset, "--workers", 0, "--out", "lists")
    assert done.returncode == 0, done.stderr
    assert "train: 1 files in lists/kinetics-fold1-train.npz, 1 left out" in done.stdout
    (tmp_path / "train.csv").write_text("")
    done = run("verify", *dataset, "--out", "report", "--workers", 0)
    assert done.returncode == 1
    assert "lists no file at all" in done.stderr
    assert "Traceback" not in done.stderr


def test_transcode_from_the_command_line(run, tmp_path, media_factory):
    (tmp_path / "in").mkdir()
    shutil.copy(media_factory(), tmp_path / "in" / "a.mp4")
    done = run("transcode", "in", "out", "--short-side", 32, "--gop", 4, "--workers", 0)
    assert done.returncode == 0, done.stderr
    assert "1 files encoded" in done.stdout
    assert (tmp_path / "out" / "a.mp4").is_file()
    done = run("transcode", "nowhere", "out")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "no such folder" in done.stderr


def test_demo_from_the_command_line_refuses_unknown_presets(run):
    done = run("demo", "--out", "world", "--preset", "tinny")
    assert done.returncode == 1
    assert "Did you mean 'tiny'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_demo_then_verify(run, tmp_path):
    done = run("demo", "--out", "world", "--preset", "tiny", "--workers", 0)
    assert done.returncode == 0, done.stderr
    (tmp_path / "run.yaml").write_text("MODEL: {NUM_CLASSES: 8}\nDATA: {PATH_PREFIX: world}\n")
    words = ("--cfg", "run.yaml", "DATA.PATH_TO_DATA_DIR", "world/kinetics")
    done = run("verify", *words, "--out", "report", "--workers", 0)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "required"),
        (("verify", "--out", "x"), "no config given"),
        (("transcode", "a", "b", "--gop", "0"), "expected a number from 1"),
        (("demo", "--out", "x", "--wrong"), "unrecognized arguments: --wrong"),
    ],
)
def test_wrong_command_lines_end_with_status_2(run, words, complaint):
    done = run(*words)
    assert done.returncode == 2
    assert complaint in done.stderr


def test_names_that_are_not_utf8_go_through_every_command(run, tmp_path, media_factory):
    folder = os.fsencode(tmp_path) + b"/in/train/caf\xe9"
    os.makedirs(folder)
    shutil.copy(media_factory(), folder + b"/\xff.mp4")
    words = ["TRAIN.DATASET", "video_folder", "DATA.PATH_TO_DATA_DIR", "in"]
    (tmp_path / "run.yaml").write_text("MODEL: {NUM_CLASSES: 1}\n")
    for name in ("verify", "manifest"):
        out = run(name, "--cfg", "run.yaml", *words, "--out", name, "--workers", 0)
        assert out.returncode == 0, out.stdout + out.stderr
    assert b"/\xff.mp4" in (tmp_path / "verify/train.csv").read_bytes()
    for words in (["extract"], ["transcode", "--gop", 4]):
        done = run(words[0], "in/train/caf\udce9", words[0], *words[1:], "--workers", 0)
        assert done.returncode == 0, done.stdout + done.stderr
    assert b"\n\xff,\xff.mp4," in (tmp_path / "extract/prepared.csv").read_bytes()
