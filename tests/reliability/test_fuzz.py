"""Two thousand damaged inputs: each is read or refused by one error of ours, soon, by a process that lives."""

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets.test_hostile_lists import JUNK, READERS, damaged
from datasets.test_odd_files import mutations
from engine.conftest import ROOT
from oracles.media_files import Settings, write_sound_only, write_video
from reliability.conftest import FULL, SEED

from slowfast.checkpoint.reader import load_checkpoint_file
from slowfast.config import load_cfg
from slowfast.datasets.items import ItemTable
from slowfast.datasets.media import open_media
from slowfast.utils.errors import SlowFastError

SECONDS = 5.0
SUFFIXES = (".mp4", ".mkv", ".avi", ".ts", ".flv", ".mov")
# How many of each kind: 2,000 in all.
NUMBERS = {"video": 150, "sound": 150, "lists": 40, "yaml": 160, "checkpoint": 250, "manifest": 100}
if not FULL:
    NUMBERS = {"sound": 10, "yaml": 20, "checkpoint": 20, "manifest": 10}

Case = tuple[Callable[[Path], object], bytes, str]


def read_media(path: Path) -> None:
    with open_media(path) as media:
        if media.video is not None:
            last = media.video.num_frames - 1
            media.read_frames([0, last // 2, last])
        if media.audio is not None:
            media.read_waveform(0.3, 0.5, 16000)


def good_files(folder: Path) -> Iterator[tuple[str, str, Callable, bytes, int]]:
    """Yield kind, suffix, reader, content of a good file, and how many damaged ones are wanted."""
    if "video" in NUMBERS:
        for suffix in SUFFIXES:
            codec, rate = "aac", 44100 if suffix == ".flv" else 16000
            codec = "libmp3lame" if suffix in (".avi", ".flv") else codec
            settings = Settings(frames=40, audio_rate=rate, suffix=suffix, audio_codec=codec)
            write_video(folder / f"good{suffix}", settings)
            data = (folder / f"good{suffix}").read_bytes()
            yield "media", suffix, read_media, data, NUMBERS["video"]
        for read, data in READERS.values():
            yield "text", ".csv", read, data, NUMBERS["lists"]
    write_sound_only(folder / "good.m4a")
    yield "media", ".m4a", read_media, (folder / "good.m4a").read_bytes(), NUMBERS["sound"]
    data = (ROOT / "configs/demo/base/pretrain.yaml").read_bytes()
    yield "text", ".yaml", lambda path: load_cfg([str(path)]), data, NUMBERS["yaml"]
    model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.BatchNorm1d(8))
    torch.save({"model_state": model.state_dict(), "cfg": "A: 1"}, folder / "good.pyth")
    data = (folder / "good.pyth").read_bytes()
    yield "media", ".pyth", load_checkpoint_file, data, NUMBERS["checkpoint"]
    ItemTable(["a.mp4", "b.mp4"], [0, 1], ["x", "y"], "list").save(folder / "good.npz")
    data = (folder / "good.npz").read_bytes()
    yield "media", ".npz", ItemTable.load, data, NUMBERS["manifest"]


def cases(folder: Path) -> Iterator[Case]:
    """Yield a reader, what it is to read, and the suffix of that file."""
    numbers, draw = np.random.default_rng(SEED), random.Random(SEED)
    for kind, suffix, read, data, count in good_files(folder):
        if kind == "text":
            changed = (damaged(data, draw) for _ in range(count))
        else:
            changed = mutations(data + draw.choice(JUNK[:3]), numbers, count)
        yield from ((read, one, suffix) for one in changed)


def outcome(read: Callable, path: Path) -> str:
    """Return how reading a file ended: ``""``, or what must not be."""
    begin = time.monotonic()
    try:
        read(path)
    except SlowFastError as error:
        if len(str(error)) > 5000:
            return "an endless message"
    except Exception as error:  # noqa: BLE001 - is what is looked for
        return repr(error)
    seconds = time.monotonic() - begin
    return f"{seconds:.1f} s" if seconds > SECONDS else ""


def in_children(work: list[tuple[Callable, Path]]) -> list[str]:
    """Return the outcomes; a child process that dies costs one case."""
    found: list[str] = []
    while len(found) < len(work):
        receive, send = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                for read, path in work[len(found) :]:
                    os.write(send, json.dumps(outcome(read, path)).encode() + b"\n")
            finally:
                os._exit(0)
        os.close(send)
        with os.fdopen(receive) as lines:
            found += [json.loads(line) for line in lines]
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if len(found) < len(work):
            found.append(f"the process ended with {status}")
    return found


@pytest.mark.filterwarnings("ignore")
def test_damaged_inputs_are_read_or_refused(tried, tmp_path):
    work = []
    for number, (read, data, suffix) in enumerate(cases(tmp_path)):
        path = tmp_path / f"{number}{suffix}"
        path.write_bytes(data)
        work.append((read, path))
    found = in_children(work)
    wrong = {path.name: what for (_, path), what in zip(work, found, strict=True) if what}
    for what in found:
        tried("damaged input read or refused by name within 5 s", not what)
    assert not wrong
