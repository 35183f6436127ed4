"""The wheel alone, in an environment without the checkout, run from another folder."""

import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("slowfast", "configs", "tools", "setup.py", "README.md", "MANIFEST.in", "pyproject.toml")


def run(line, **options):
    return subprocess.run(
        [str(word) for word in line],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
        **options,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet"]
    made = run([*pip, "--wheel-dir", source / "dist", source])
    assert made.returncode == 0, made.stdout
    (path,) = (source / "dist").iterdir()
    return path


@pytest.fixture(scope="module")
def slowfast(wheel, tmp_path_factory):
    """Return the command in an environment that has the requirements, but not the checkout."""
    folder = tmp_path_factory.mktemp("clean") / "env"
    venv.create(folder)
    python = folder / "bin/python"
    site = next(folder.glob("lib/python*/site-packages"))
    # Files of paths are not followed from here, so that an editable install stays out.
    (site / "requirements.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--quiet"]
    installed = run([*pip, "--force-reinstall", wheel])
    assert installed.returncode == 0, installed.stdout
    return folder / "bin/slowfast"


def test_it_carries_the_package_its_configs_and_tools_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} <= {"slowfast", names[-1].split("/")[0]}
    for name in ("py.typed", "configs/demo/recognition.yaml", "tools/prepare_data.py"):
        assert f"slowfast/{name}" in names
    assert "slowfast/datasets/assets" in {str(Path(name).parent) for name in names}


@pytest.mark.slow
def test_it_runs_the_demo_from_another_folder(slowfast, tmp_path):
    made = run([slowfast, "prepare-data", "demo", "--out", "data/demo"], cwd=tmp_path)
    assert made.returncode == 0, made.stdout
    words = ["SOLVER.MAX_EPOCH", 1, "SOLVER.WARMUP_EPOCHS", 0, "TEST.NUM_ENSEMBLE_VIEWS", 1]
    line = [slowfast, "--cfg", "configs/demo/recognition.yaml", *words]
    done = run([*line, "OUTPUT_DIR", "out"], cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "out/results.json").is_file() and (tmp_path / "out/report.html").is_file()


def test_a_tool_that_does_not_exist_is_named_with_the_nearest(slowfast, tmp_path):
    wrong = run([slowfast, "prepare-dat"], cwd=tmp_path)
    assert wrong.returncode == 2 and "prepare_data" in wrong.stdout
    shown = run([slowfast, "--help"], cwd=tmp_path)
    assert shown.returncode == 0 and "compare_runs" in shown.stdout and "--dry-run" in shown.stdout
