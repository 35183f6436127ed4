"""Features of lists from the command line, on a handful of generated files."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from warm import run_ranks

from slowfast.engine import features as engine
from slowfast.evaluation.feature_files import FeatureFiles

ROOT = Path(__file__).parents[2]
NAMES = "video,video.conv2x:max3,video:time,audio.block4:avg2,audio.log_mel"


@pytest.fixture
def run(run_tool, media_factory, tmp_path):
    call = run_tool("extract_features")
    paths = [media_factory(frames=75, audio_rate=16000, shade=k) for k in range(5)]
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    paths.insert(2, tmp_path / "broken.mp4")
    (tmp_path / "test.csv").write_text("".join(f"{p} {k % 2}\n" for k, p in enumerate(paths)))
    keys = [
        *("TRAIN.DATASET", "kinetics", "TEST.DATASET", "kinetics", "TEST.BATCH_SIZE", "2"),
        *("DATA.PATH_TO_DATA_DIR", str(tmp_path), "DATA.PATH_PREFIX", "/"),
        *("DATA_LOADER.NUM_WORKERS", "0", "DATA.TEST_CROP_SIZE", "32"),
        *("DATA.TRAIN_JITTER_SCALES", "[36,36]", "TEST.NUM_SPATIAL_CROPS", "1"),
        *("AUDIO.ARCH", "avid_conv2d_tiny", "AUDIO.DURATION", "0.5"),
    ]

    def extract(*words, out="features", cfg="recognition"):
        words = [*keys, *words, "--out", tmp_path / out]
        return call("--cfg", str(ROOT / f"configs/demo/{cfg}.yaml"), *words)

    extract.keys = keys
    return extract


def test_features_of_both_modalities_with_timestamps_and_a_bad_file(run, tmp_path):
    done = run("--data", "test", "--features", NAMES, "--views", 2)
    assert done.returncode == 0, done.stderr
    files = FeatureFiles(tmp_path / "features")
    shapes = {name: array.shape for name, array in files.arrays.items()}
    assert shapes == {
        "video": (6, 2, 128),
        "video.conv2x:max3": (6, 2, 16 * 9),
        "video:time": (6, 2, 1, 128),
        "audio.block4:avg2": (6, 2, 128 * 4),
        "audio.log_mel": (6, 2, 120),
    }
    assert files.valid.tolist() == [True, True, False, True, True, True]
    for array in files.arrays.values():
        assert isinstance(array, np.memmap)
        assert np.isnan(array[2]).all() and np.isfinite(array[files.valid]).all()
    with open(tmp_path / "features/index.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["view"] for row in rows] == ["0", "1"] * 6
    assert rows[4]["readable"] == "0" and rows[4]["begin"] == ""
    assert [float(row["begin"]) for row in rows[:2]] == [0.0, 2.0]
    assert "broken.mp4" in (tmp_path / "features/bad_media.csv").read_text()


def test_windows_slide_over_long_files(run, tmp_path):
    done = run("--data", tmp_path / "test.csv", "--window", 1, "--step", 0.5)
    assert done.returncode == 0, done.stderr
    files = FeatureFiles(tmp_path / "features")
    assert len(files.items) == 4 * 5 + 1  # 2.5 s hold four windows each
    assert files.items.start[:4].tolist() == [0.0, 0.5, 1.0, 1.5]
    begin, end = files.time[:4, 0].T
    assert (begin >= files.items.start[:4] - 0.04).all() and (
        end <= files.items.end[:4] + 0.1
    ).all()
    first, second = files.arrays["video"][:2, 0]
    assert not np.allclose(first, second)


def test_an_extraction_that_was_killed_continues_to_the_same_bytes(run, tmp_path, monkeypatch):
    assert run("--data", "test", out="whole").returncode == 0
    write, left = engine.FeatureFiles.write, [1]

    def die_soon(self, *args):
        if not left:
            raise KeyboardInterrupt
        left.pop()
        write(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(engine.FeatureFiles, "write", die_soon)
        assert run("--data", "test", out="killed").returncode == 130
    header = json.loads((tmp_path / "killed/features.json").read_text())
    assert not header["complete"] and (np.load(tmp_path / "killed/state.npy") > 0).sum() == 2
    assert run("--data", "test", out="killed").returncode == 0
    names = sorted(path.name for path in (tmp_path / "whole").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "killed").iterdir())
    for name in names:
        if name != "items.npz":  # an archive holds the time at which it was made
            assert (tmp_path / "whole" / name).read_bytes() == (
                tmp_path / "killed" / name
            ).read_bytes(), name


def test_a_folder_of_other_features_is_refused_and_the_same_are_not_computed_again(run, tmp_path):
    assert run("--data", "test").returncode == 0
    again = run("--data", "test")
    assert again.returncode == 0 and "are there" in again.stdout
    other = run("--data", "test", "RNG_SEED", "7")
    assert other.returncode == 1 and "something else: weights" in other.stderr


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("video.conv9x", "no layer 'conv9x'"),
        ("sound", "not the name of a feature"),
        ("video.embedding", "has no embeddings"),
        ("video:map4", "not the name of a feature"),
        ("video,video", "different features"),
    ],
)
def test_names_that_are_wrong(run, name, words):
    done = run("--data", "test", "--features", name)
    assert done.returncode == 1 and words in done.stderr


def test_embeddings_of_a_method(run, tmp_path):
    names = "video.embedding,audio.embedding,video"
    done = run("--data", "test", "--features", names, cfg="avid")
    assert done.returncode == 0, done.stderr
    files = FeatureFiles(tmp_path / "features")
    assert files.arrays["video.embedding"].shape == files.arrays["audio.embedding"].shape
    assert files.arrays["video"].shape == (6, 1, 128)


def test_two_processes_give_the_features_of_one_in_order(run, tmp_path):
    assert run("--data", "test", "--features", NAMES, out="one").returncode == 0
    words = [ROOT / "tools/extract_features.py", "--cfg", ROOT / "configs/demo/recognition.yaml"]
    words += ["--data", "test", "--features", NAMES, "--out", tmp_path / "two", *run.keys]
    done = run_ranks(words)
    assert done.returncode == 0, done.stdout
    for path in (tmp_path / "one").glob("*.npy"):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name
