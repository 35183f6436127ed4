"""Clips per second of GDT samples: four views in one read, against reading each view by itself.

Writes a few synthetic videos of 10 s (340x256, 30 fps, H.264 with AAC). A sample of GDT has two starts,
each forwards and backwards, with their audio; the baseline reads the same four views one after the
other, opening the file for each.

    python benchmarks/gdt_sample.py [--files 4] [--rounds 5]
"""

import argparse
import sys
import tempfile
from pathlib import Path

import av
import numpy as np
import torch
from timing import in_turns, median, ratio, setting, table_row

from slowfast.datasets.clips import ClipDataset
from slowfast.datasets.items import ItemTable
from slowfast.datasets.media.encode import Encoding, MediaWriter
from slowfast.datasets.readers import AudioReader, TrainFrames
from slowfast.datasets.sample import SampleKey
from slowfast.datasets.sampling.temporal import LinspaceSampling
from slowfast.datasets.sampling.windows import AVClipSampler
from slowfast.datasets.transforms import TrainGeometry
from slowfast.datasets.views import RandomViews, View, ViewPlan

WIDTH, HEIGHT, FPS, SECONDS, RATE = 340, 256, 30, 10, 44100


class OneView:
    """Gives one of the views that another rule draws."""

    count = 1

    def __init__(self, rule: RandomViews, place: int) -> None:
        self.rule, self.place = rule, place

    def views(self, media, at: float, rng) -> list[View]:
        """Return one view."""
        return self.rule.views(media, at, rng)[self.place : self.place + 1]


def write_video(path: Path, seed: int) -> None:
    """Encode drifting noise with a tone; key frames are far apart, as in files of the web."""
    rng = np.random.default_rng(seed)
    texture = rng.integers(0, 255, (HEIGHT // 8, WIDTH, 3), np.uint8).repeat(8, 0)
    with MediaWriter(path, Encoding(gop=250), FPS) as writer:
        audio = writer.add_audio(RATE, 1)
        tone = np.sin(2 * np.pi * 440 * np.arange(RATE * SECONDS) / RATE)
        samples = (20000 * tone).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = RATE
        audio.add(frame, 0)
        for k in range(FPS * SECONDS):
            writer.add(np.roll(texture, 2 * k, axis=1))


def dataset_of(paths: list[Path], rule) -> ClipDataset:
    """Return training samples with GDT's crops and audio."""
    items = ItemTable([str(path) for path in paths], [0] * len(paths), [], "benchmark")
    readers = [TrainFrames(TrainGeometry(112, (128, 160))), AudioReader(1.0, 24000, 0.1)]
    return ClipDataset(items, rule, readers, on_error="replace")


def main() -> int:
    """Print clips per second of CPU of both ways, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{k}.mp4" for k in range(args.files)]
        for k, path in enumerate(paths):
            write_video(path, k)
        windows = AVClipSampler(1.0, 1.0, "with_clip")
        rule = RandomViews(LinspaceSampling(30), ViewPlan(2, reverse=True), windows)
        whole = dataset_of(paths, rule)
        single = [dataset_of(paths, OneView(rule, place)) for place in range(4)]
        keys = [SampleKey(0, k, k) for k in range(args.files)]
        works = {
            "one read": lambda: [whole[key] for key in keys],
            "four reads": lambda: [dataset[key] for key in keys for dataset in single],
        }
        for work in works.values():
            work()
        times = in_turns(works, args.rounds)
    print(setting())
    print(f"one core, {args.files} samples of four views, {args.rounds} rounds")
    for name, rounds in times.items():
        print(f"{name:12}{4 * args.files / median(rounds).cpu:8.1f} clips/CPU-s")
    gain = ratio(times["four reads"], times["one read"], "cpu")
    table_row("four views of GDT in one read", gain, "times as fast as four reads", least=1.7)
    return 0


if __name__ == "__main__":
    sys.exit(main())
