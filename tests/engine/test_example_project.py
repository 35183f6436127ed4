"""The example project: a dataset, a network and a method from outside the package."""

import shutil
import sys

import pytest
import torch

from .conftest import ROOT, newest, run_process

EXAMPLE = ROOT / "projects/example"


@pytest.fixture
def demo_videos(demo_world):
    return demo_world / "videos"


def call(demo, config, folder, *words):
    videos = ["DATA.PATH_PREFIX", str(demo), "DATA_LOADER.NUM_WORKERS", "0"]
    line = [sys.executable, str(ROOT / "tools/run_net.py"), "--cfg", str(config), *videos]
    return run_process([*line, "OUTPUT_DIR", str(folder), *words], 120)


def test_it_trains_resumes_and_reports_by_config_alone(demo_videos, tmp_path):
    config, two = EXAMPLE / "two_views.yaml", ("SOLVER.MAX_EPOCH", "2")
    whole = call(demo_videos, config, tmp_path / "whole", *two)
    assert whole.returncode == 0, whole.stdout
    shutil.copytree(tmp_path / "whole", tmp_path / "parts")
    (tmp_path / "parts/checkpoints/checkpoint_epoch_00002.pyth").unlink()
    again = call(demo_videos, config, tmp_path / "parts", *two)
    assert again.returncode == 0 and "Resuming from" in again.stdout, again.stdout
    assert (tmp_path / "parts/report.html").is_file()
    stats = (tmp_path / "parts/stats.jsonl").read_text()
    assert "nt_xent" in stats and "v2o_r1" in stats
    assert (
        "Retrieval between frames and another clip" in (tmp_path / "parts/report.html").read_text()
    )
    one, other = (newest(tmp_path / name)["model_state"] for name in ("whole", "parts"))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_modules_are_found_by_import_as_well_and_keys_that_nothing_reads_are_refused(
    demo_videos, tmp_path
):
    folder = tmp_path / "mine"
    shutil.copytree(EXAMPLE, folder)
    config = folder / "two_views.yaml"
    config.write_text(config.read_text().replace("IMPORTS: [two_views]\n", ""))
    words = ("SOLVER.MAX_EPOCH", "1")
    unknown = call(demo_videos, config, tmp_path / "a", *words)
    assert unknown.returncode == 1 and "TwoViews" in unknown.stdout
    missing = call(demo_videos, config, tmp_path / "b", "--import", "nowhere", *words)
    assert missing.returncode == 1 and "no module 'nowhere'" in missing.stdout
    extra = ("IMPORTS", "[two_views]", "AUDIO.DURATION", "1.0")
    refused = call(demo_videos, EXAMPLE / "two_views.yaml", tmp_path / "c", *words, *extra)
    assert refused.returncode == 1 and "AUDIO.DURATION 1.0" in refused.stdout
