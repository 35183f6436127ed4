"""The diagnosis of a checkpoint from the command line, on a handful of generated videos."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(run_tool, media_factory, tmp_path):
    call = run_tool("diagnose_invariance")
    paths = [
        media_factory(frames=75, audio_rate=16000, shade=k, beep=0.4 + 0.3 * k) for k in range(5)
    ]
    (tmp_path / "val.csv").write_text("".join(f"{path} 0\n" for path in paths))
    keys = [
        *("TRAIN.DATASET", "kinetics", "DATA.PATH_TO_DATA_DIR", str(tmp_path)),
        *("DATA.PATH_PREFIX", "/", "DATA_LOADER.NUM_WORKERS", "0", "DATA.TEST_CROP_SIZE", "32"),
    ]

    def diagnose(config, *words):
        return call("--cfg", str(ROOT / f"configs/demo/{config}.yaml"), *keys, *words)

    return diagnose


def test_a_method_is_measured_across_its_modalities(run, tmp_path):
    done = run("gdt", "--out", tmp_path / "out", "--clips", 3)
    assert done.returncode == 0, done.stderr
    assert "5 videos, 3 clips each" in done.stdout
    found = json.loads((tmp_path / "out/invariance.json").read_text())
    assert list(found) == [
        *("video features", "audio features", "video finds audio", "audio finds video"),
    ]
    for space in found.values():
        assert {"reversal", "shift", "curve"} == set(space)
        assert all(row["distance"] > 0 for row in space["curve"])
    assert 0 <= found["video finds audio"]["shift"]["auc"] <= 1
    assert 0 <= found["video features"]["reversal"]["direction_auc"] <= 1
    assert (tmp_path / "out/invariance.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("config", ["avid", "recognition"])
def test_any_network_is_measured(run, tmp_path, config):
    done = run(config, "--out", tmp_path / "out", "--files", 4, "--clips", 2)
    assert done.returncode == 0, done.stderr
    assert "4 videos" in done.stdout
    found = json.loads((tmp_path / "out/invariance.json").read_text())
    assert ("audio features" in found) == (config == "avid")
    assert found["video features"]["reversal"]["own"] == pytest.approx(1)


def test_a_checkpoint_that_leaves_parts_random_is_refused(run, tmp_path):
    (tmp_path / "wrong.pyth").write_bytes(b"nothing")
    words = ("MODEL.INIT_METHOD", "auto", "MODEL.CKPT", tmp_path / "wrong.pyth")
    done = run("gdt", *words, "--out", tmp_path / "out")
    assert done.returncode == 1 and "wrong.pyth" in done.stderr
    assert "Traceback" not in done.stderr
