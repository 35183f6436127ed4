"""Damaged clips, a long epoch, features that are killed, and places where nothing can be written."""

import csv
import os
import random
import shutil
import statistics
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from engine.conftest import ROOT, assert_equal_runs
from oracles.media_files import damage
from reliability.conftest import EXACT, FULL, SEED
from reliability.test_kills import KILL

from slowfast.config import load_cfg
from slowfast.datasets.build import build_dataset
from slowfast.datasets.loader import build_loader
from slowfast.datasets.media.encode import Encoding, MediaWriter

full = pytest.mark.skipif(not FULL, reason="takes minutes")
NAMED = "20 damaged clips in 100: 18 named in training, 2 whole but for a false duration"
CONFIG = str(ROOT / "configs/demo/recognition.yaml")


def write_hundred(folder, sources):
    """Write two lists of a hundred videos and return the damaged ones: none, and ten kinds twice."""
    good = [folder / f"{k}.mp4" for k in range(100)]
    for k, path in enumerate(good):
        shutil.copy(sources[k % len(sources)], path)
    bad = [*damage(folder, good[0], "-1").values(), *damage(folder, good[1], "-2").values()]
    for name, files in (("good", good), ("bad", [*good[:80], *bad])):
        (folder / name).mkdir()
        lines = [f"{path} {k % 8}\n" for k, path in enumerate(files)]
        for split in ("train", "val", "test"):
            (folder / name / f"{split}.csv").write_text("".join(lines))
    return {str(path) for path in bad}


@pytest.fixture(scope="module")
def hundred(demo_world, tmp_path_factory):
    """Return the folder of :func:`write_hundred` and its damaged videos."""
    folder = tmp_path_factory.mktemp("hundred")
    return folder, write_hundred(folder, sorted(demo_world.glob("videos/*/*.mp4")))


def words_of(overrides, lists: Path) -> list[str]:
    places = ("DATA.PATH_TO_DATA_DIR", str(lists), "DATA.PATH_PREFIX", "")
    sets = ("TRAIN.DATASET", "kinetics", "TEST.DATASET", "kinetics")
    # Every clip is to be read from its file.
    return [
        *overrides,
        *sets,
        *places,
        "DATA.MAX_BAD_FRACTION",
        "0.5",
        "DATA.KEEP_DECODED_GIB",
        "0",
    ]


@full
def test_twenty_of_a_hundred_clips_are_damaged(hundred, overrides, runner, tried, tmp_path):
    folder, bad = hundred
    words = [*words_of(overrides, folder / "bad"), "SOLVER.MAX_EPOCH", "1"]
    words += ["SOLVER.WARMUP_EPOCHS", "0.0", "TEST.ENABLE", "False", "TRAIN.EVAL_PERIOD", "0"]
    words += ["DATA_LOADER.NUM_WORKERS", "2", "TRAIN.BATCH_SIZE", "10"]
    run = runner.begin(["--cfg", CONFIG, *words, "OUTPUT_DIR", str(tmp_path)], tmp_path / "out.txt")
    assert run.end() == 0, run.said()
    with (tmp_path / "bad_media.csv").open() as file:
        named = {row["path"] for row in csv.DictReader(file)}
    for path in sorted(bad):
        # A false duration alone spoils no frame; verify names it.
        harmless = "fake_duration" in path
        tried(NAMED, path in named or harmless)
    tried("20 damaged clips in 100: the good ones kept", not named - bad, times=80)


@full
def test_damaged_clips_cost_little_time(tmp_path, overrides, tried):
    """Medians of interleaved rounds, in CPU time: reading a hundred with and without damage.

    Videos are as those of Kinetics: what a damaged one of a few frames costs is nothing to them.
    """
    texture = np.random.default_rng(0).integers(0, 255, (32, 43, 3), np.uint8)
    frame = texture.repeat(8, 0).repeat(8, 1)[:, :340]
    # Key frames close by, so that a clip costs the same wherever it begins.
    with MediaWriter(tmp_path / "source.mp4", Encoding(gop=12, crf=23), 30) as writer:
        for number in range(300):
            writer.add(np.roll(frame, number, axis=1))
    folder = tmp_path
    write_hundred(folder, [tmp_path / "source.mp4"])
    seconds: dict[str, list[float]] = {"good": [], "bad": []}
    for _ in range(5):
        for name, times in seconds.items():
            cfg = load_cfg([CONFIG], words_of(overrides, folder / name))
            loader = build_loader(cfg, build_dataset("kinetics", cfg, "train"))
            begin = time.process_time()
            count = sum(len(batch["index"]) for batch in loader)
            times.append((time.process_time() - begin) / count)
    good, bad = (statistics.median(times) for times in seconds.values())
    # Replacing a fifth of the samples reads no more good files than without damage.
    tried(
        f"20 damaged clips in 100: throughput lost {max(0, 1 - good / bad):.1%}", bad < good / 0.95
    )


def memory_of(pid: int) -> tuple[int, int]:
    """Return the memory of a process that is its own, in pages, and its open files."""
    _, resident, shared, *_ = map(int, Path(f"/proc/{pid}/statm").read_text().split())
    return resident - shared, len(os.listdir(f"/proc/{pid}/fd"))


@full
def test_two_thousand_clips_take_no_more_memory(hundred, overrides, runner, tried, tmp_path):
    folder, _ = hundred
    words = [*words_of(overrides, folder / "good"), "DATA.TRAIN_CLIPS_PER_VIDEO", "20"]
    words += ["DATA_LOADER.NUM_WORKERS", "2", "TRAIN.BATCH_SIZE", "10", "SOLVER.MAX_EPOCH", "1"]
    words += ["SOLVER.WARMUP_EPOCHS", "0.0", "TRAIN.EVAL_PERIOD", "0", "TEST.ENABLE", "False"]
    words += ["TRAIN.CHECKPOINT_MINUTES", "0", "OUTPUT_DIR", str(tmp_path / "run")]
    run = runner.begin(["--cfg", CONFIG, *words], tmp_path / "out.txt")
    found: dict[int, list[tuple[int, int]]] = {}
    while not any(end in run.said() for end in ("epoch 1 done", "error: ")):
        for pid in run.left()[1:]:
            with suppress(OSError):
                found.setdefault(pid, []).append(memory_of(pid))
        time.sleep(0.2)
    assert run.end() == 0, run.said()
    series = [np.array(one) for one in found.values() if len(one) > 20]
    assert len(series) == 2
    for pages, files in (one.T for one in series):
        quarter = len(pages) // 4
        growth = pages[-quarter:].mean() / pages[quarter : 2 * quarter].mean() - 1
        tried("memory of a worker over 2,000 clips grows by less than 2 %", growth < 0.02)
        # Tensors on their way to the main process are open files, too: now more, now fewer.
        more = files[-quarter:].mean() - files[quarter : 2 * quarter].mean()
        tried("open files of a worker over 2,000 clips do not grow", more < 3)


DISK = """
from slowfast.datasets.items import ItemTable
draw, seen = random.Random({seed}), []
def opened(self, index, options, inner=ItemTable.open):
    time.sleep(0.05)
    seen.append(index)
    if {fails}:
        print("disk failed", flush=True)
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    return inner(self, index, options)
ItemTable.open = opened
"""


@full
def test_a_slow_disk_that_fails_now_and_then_changes_no_number(
    method, undisturbed, runner, tried, tmp_path
):
    lines = DISK.format(seed=SEED, fails="draw.random() < 0.05")
    words = [*method("recognition"), "OUTPUT_DIR", str(tmp_path / "run")]
    run = runner.begin(words, tmp_path / "out.txt", lines)
    assert run.end() == 0, run.said()
    assert_equal_runs(undisturbed("recognition"), tmp_path / "run")
    count = run.said().count("disk failed")
    assert count and not (tmp_path / "run/bad_media.csv").exists()
    tried("slow disk that fails for a moment", survived=True, times=count)


@full
def test_a_disk_that_fails_on_ends_the_run_with_one_sentence(method, runner, tried, tmp_path):
    words = [*method("recognition"), "DATA_LOADER.NUM_WORKERS", "2"]
    words += ["OUTPUT_DIR", str(tmp_path / "run")]
    lines = DISK.format(seed=SEED, fails="len(seen) > 20")
    run = runner.begin(words, tmp_path / "out.txt", lines)
    status, said = run.end(), run.said()
    one = said.count("error: ") == 1 and "Input/output error" in said and "Traceback" not in said
    tried("disk that fails for good", status == 1 and one and not run.left())


STARVED = """
import resource
from slowfast.datasets import loader
loader.IDLE_SECONDS = 5.0
from slowfast.datasets.clips import ClipDataset
def starved(self, index, rng, read=ClipDataset._read):
    if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
        size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + {more}, -1))
    return read(self, index, rng)
ClipDataset._read = starved
"""


@full
@pytest.mark.parametrize("more", [0, 500_000])
def test_a_worker_without_memory_ends_the_run_with_one_sentence(
    method, runner, tried, tmp_path, more
):
    words = [*method("recognition"), "DATA_LOADER.NUM_WORKERS", "2", "DATA.READ_TIMEOUT", "3.0"]
    words += ["OUTPUT_DIR", str(tmp_path / "run")]
    run = runner.begin(words, tmp_path / "out.txt", STARVED.format(more=more))
    status, said = run.end(), run.said()
    # Where a thread that finds no memory to begin is waited for, time runs out.
    reason = said.partition("error: ")[2]
    named = "memory" in reason or "DATA.READ_TIMEOUT = 3 s" in reason
    one = said.count("error: ") == 1 and named and "Traceback" not in said
    assert one, said
    assert (status, run.left()) == (1, []), said
    tried("worker without memory", survived=True)


@full
def test_features_that_are_killed_are_continued(demo_world, overrides, runner, tried, tmp_path):
    words = ["--cfg", str(ROOT / "configs/demo/probes.yaml"), *overrides[:4], *overrides[10:]]
    words += ["PROBE.KINDS", "[knn]", "TEST.BATCH_SIZE", "4"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run = runner.begin([*words, "OUTPUT_DIR", str(whole)], tmp_path / "whole.txt")
    assert run.end() == 0, run.said()
    draw = random.Random(SEED)
    for number in range(5):
        lines = "from slowfast.evaluation.feature_files import FeatureFiles\n"
        lines += f"kill_at(FeatureFiles, 'write', {draw.randint(1, 3)})"
        run = runner.begin(
            [*words, "OUTPUT_DIR", str(killed)], tmp_path / f"{number}", KILL + lines
        )
        assert run.end() == -9, run.said()
    run = runner.begin([*words, "OUTPUT_DIR", str(killed)], tmp_path / "last.txt")
    assert run.end() == 0, run.said()
    files = [path.relative_to(whole) for path in whole.glob("features/**/*.npy")]
    assert files
    same = all((whole / one).read_bytes() == (killed / one).read_bytes() for one in files)
    tried("kill -9 while features are computed", same, times=5)


def test_a_disk_without_room_for_files_is_refused_at_the_start(
    overrides, runner, small_disk, tried, tmp_path
):
    folder = small_disk(1_000_000, files=2)
    words = ["--cfg", CONFIG, *overrides, *EXACT, "OUTPUT_DIR", str(folder / "run ü")]
    run = runner.begin(words, tmp_path / "out.txt")
    status, said = run.end(), run.said()
    one = said.count("error: ") == 1 and f"OUTPUT_DIR {folder / 'run ü'} cannot be used" in said
    tried("output folder that cannot be written", status == 1 and one and "Traceback" not in said)
