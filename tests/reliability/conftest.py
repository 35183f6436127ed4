"""The short form runs with all tests; RELIABILITY=full tries everything and counts what survives."""

import functools
import json
import os
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from engine.conftest import ROOT, ava_folder, places  # noqa: F401 - fixtures
from engine.test_stica import KEYS as STICA
from reliability import runs

from slowfast.synthetic.charades_world import write_charades_world

FULL = os.environ.get("RELIABILITY") == "full"
SEED = int(os.environ.get("RELIABILITY_SEED", "1"))
# The share that may go wrong, where that is not 0.
ALLOWED = {"misspelt key whose right one is suggested first": 0.04}
# Takes a line of JSON for each hazard: {"hazard": .., "tried": .., "survived": ..}.
TABLE = os.environ.get("RELIABILITY_TABLE")

MORE = {
    "recognition": ("MODEL.DROPOUT_RATE", "0.5", "TRAIN.CLASSIFIER_WARMUP_EPOCHS", "1"),
    "gdt": ("SSL.GDT.HYPOTHESIS", "6"),
    "gdt_text": ("SSL.GDT.HYPOTHESIS", "8"),
    "stica": (*STICA, "SSL.STICA.SYMMETRIC", "True"),
}
EXACT = (
    *("SOLVER.MAX_EPOCH", "2", "SOLVER.WARMUP_EPOCHS", "0.0", "TEST.ENABLE", "False"),
    *("TRAIN.CHECKPOINT_MINUTES", "0.0001", "TRAIN.CHECKPOINT_PERIOD", "1"),
    *("TRAIN.EVAL_PERIOD", "1", "LOG_PERIOD", "1"),
)


@pytest.fixture(scope="session")
def runner():
    return runs


@pytest.fixture
def tried():
    """Return ``tried(hazard, survived)``: counts a case, and whether it ended as it should."""
    counts: dict[str, Counter] = {}

    def count(hazard: str, survived: bool, times: int = 1) -> None:
        counts.setdefault(hazard, Counter()).update(tried=times, survived=times * bool(survived))

    yield count
    if TABLE:
        with Path(TABLE).open("a") as file:
            for hazard, found in counts.items():
                file.write(json.dumps({"hazard": hazard, **found}) + "\n")
    for hazard, found in counts.items():
        allowed = found["tried"] * ALLOWED.get(hazard, 0)
        assert found["survived"] >= found["tried"] - allowed, f"{hazard}: {found}"


def without(words: list[str], *prefixes: str) -> list[str]:
    pairs = zip(words[::2], words[1::2], strict=True)
    return [word for pair in pairs if not pair[0].startswith(prefixes) for word in pair]


@pytest.fixture(scope="session")
def method(request):
    """Return ``method(name)``: the command line of a small training."""

    def of(name: str) -> list[str]:
        get = request.getfixturevalue
        if name in ("recognition", "zero_shot", "probe"):
            words = [*get("overrides"), *MORE.get(name, ())]
        elif name == "avid":
            words = get("pretrain_overrides")
        elif name == "avid_cma":
            words = [*get("cma_overrides"), "SSL.CHECKPOINT", str(get("undisturbed")("avid"))]
        elif name in ("gdt", "stica", "gdt_text"):
            method = "caption" if name == "gdt_text" else "method"
            words = [*get(f"{method}_overrides"), *MORE.get(name, ())]
        else:
            words = get(name)
        return ["--cfg", str(ROOT / f"configs/demo/{name}.yaml"), *words, *EXACT]

    return of


@pytest.fixture(scope="session")
def ava(request):
    crops = ("DATA.TRAIN_CROP_SIZE", "72", "DATA.TEST_CROP_SIZE", "72")
    return [*request.getfixturevalue("places"), "DATA.TRAIN_JITTER_SCALES", "[72,88]", *crops]


@pytest.fixture(scope="session")
def charades(tmp_path_factory):
    folder = tmp_path_factory.mktemp("charades world") / "charades"
    write_charades_world(folder.parent, "tiny")
    return [
        *("DATA.PATH_TO_DATA_DIR", str(folder / "frame_lists"), "TRAIN.BATCH_SIZE", "4"),
        *("DATA.PATH_PREFIX", str(folder / "Charades_v1_rgb"), "BN.NUM_BATCHES_PRECISE", "2"),
        *("CHARADES.VIDEO_DIR", str(folder / "videos"), "DATA_LOADER.NUM_WORKERS", "0"),
        *("DATA.TRAIN_CROP_SIZE", "32", "DATA.TEST_CROP_SIZE", "32", "DATA.NUM_FRAMES", "8"),
        *("DATA.TRAIN_JITTER_SCALES", "[36,40]", "TENSORBOARD.ENABLE", "False"),
    ]


@pytest.fixture(scope="session")
def undisturbed(method, runner, tmp_path_factory):
    """Return ``undisturbed(name)``: the folder of a run that nothing happened to."""
    base = tmp_path_factory.mktemp("undisturbed")

    @functools.cache
    def of(name: str) -> Path:
        begin, out = time.monotonic(), base / f"{name}.txt"
        run = runner.begin([*method(name), "OUTPUT_DIR", str(base / name)], out)
        assert run.end() == 0, run.said()
        (base / f"{name}.seconds").write_text(str(time.monotonic() - begin))
        return base / name

    return of


@pytest.fixture
def small_disk(tmp_path):
    """Return ``make(bytes, files)``: a folder on a disk of its own that holds no more of either."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def make(size: int, files: int = 0) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", f"size={size},nr_inodes={files}", "tmpfs"]
        if subprocess.run([*command, str(folder)], capture_output=True, check=False).returncode:
            pytest.skip("no right to mount a disk")
        return folder

    yield make
    subprocess.run(["umount", str(folder)], capture_output=True, check=False)
