"""Clips per second of the reader and of the loader against bare PyAV on the same frames.

Writes a few synthetic 10 s videos (340x256, 30 fps, H.264) of three kinds: key frames 12 apart; as
the ffmpeg program writes them (key frames 250 apart, B-frames); and cut out of those by copying.
Then times, interleaved and on one core:

* bare PyAV: open, seek, decode and convert to RGB just the frames of a clip;
* the reader: ``open_media`` and ``read_frames`` of the same clip, for each kind;
* the loader: the dataset with its geometry and collation into batches, no worker processes;
* ten clips of a file in one pass, against ten separate reads;
* the reader on what ``prepare_data.py transcode`` makes of the files as ffmpeg writes them;
* what the crop, resize and flip of a clip cost;
* how many bytes of a file that lies elsewhere a clip asks for.

    python benchmarks/data.py [--clips 60] [--rounds 5] [--seconds 10]
"""

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

import av
import fsspec
import numpy as np
import torch
from fsspec.implementations.memory import MemoryFileSystem
from timing import in_turns, median, ratio, setting, table_row
from torch.utils.data import DataLoader

from slowfast.dataprep.transcode import transcode
from slowfast.datasets.clips import ClipDataset
from slowfast.datasets.items import ItemTable
from slowfast.datasets.media import DEFAULT_OPTIONS, MediaOptions, open_media
from slowfast.datasets.media.options import need_torchcodec
from slowfast.datasets.readers import LabelReader, TrainFrames
from slowfast.datasets.sample import collate
from slowfast.datasets.samplers import TrainBatches
from slowfast.datasets.sampling.temporal import StrideSampling
from slowfast.datasets.transforms import TrainGeometry
from slowfast.datasets.views import RandomViews
from slowfast.utils.errors import ConfigError

WIDTH, HEIGHT, FPS = 340, 256, 30
SAMPLING = StrideSampling(num_frames=16, sampling_rate=2)


def write_video(path: Path, seed: int, options: dict[str, str], seconds: int = 10) -> None:
    """Encode moving smooth textures with some noise, like a quiet real scene."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    phases, speeds = rng.uniform(0, 6, (3, 3)), rng.uniform(1, 4, (3, 3))
    waves = rng.uniform(0.01, 0.12, (3, 3, 2))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"crf": "23", **options}
        for k in range(FPS * seconds):
            picture = np.empty((HEIGHT, WIDTH, 3), np.float32)
            for c in range(3):
                angles = [
                    waves[c, i, 0] * x + waves[c, i, 1] * y + phases[c, i] + speeds[c, i] * k / FPS
                    for i in range(3)
                ]
                picture[..., c] = 128 + 40 * sum(np.sin(a) for a in angles)
            picture += rng.normal(0, 4, picture.shape)
            frame = av.VideoFrame.from_ndarray(picture.clip(0, 255).astype(np.uint8), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def cut_by_copy(source: Path, target: Path, start: float) -> None:
    """Copy the packets from the key frame before ``start`` on; MP4 hides the frames before it."""
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        stream = reader.streams.video[0]
        copy = writer.add_stream_from_template(stream)
        shift = round(start / stream.time_base)
        for packet in reader.demux(stream):
            if packet.dts is not None:
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, copy
                writer.mux(packet)


def write_kinds(folder: Path, count: int, seconds: int) -> dict[str, list[Path]]:
    """Write so many files of each kind, so many seconds long."""
    kinds = {"key frames 12 apart": {"g": "12"}, "as ffmpeg writes": {"g": "250", "bf": "3"}}
    paths = {}
    for kind, options in kinds.items():
        paths[kind] = [folder / f"{kind.replace(' ', '_')}{k}.mp4" for k in range(count)]
        for k, path in enumerate(paths[kind]):
            write_video(path, k, options, seconds)
    paths["cut by copy"] = [folder / f"cut{k}.mp4" for k in range(count)]
    for source, target in zip(paths["as ffmpeg writes"], paths["cut by copy"], strict=True):
        cut_by_copy(source, target, 1.3)
    return paths


def read_bare(path: Path, frames: list[int]) -> np.ndarray:
    """Read frames in the plainest way that PyAV offers."""
    pictures = {}
    wanted = set(frames)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        container.seek(int(frames[0] / FPS / stream.time_base), stream=stream)
        for frame in container.decode(stream):
            number = round(float(frame.pts * stream.time_base) * FPS)
            if number in wanted:
                pictures[number] = frame.to_ndarray(format="rgb24")
            if number >= frames[-1]:
                break
    return np.stack([pictures[k] for k in frames])


def read_ours(
    path: Path, frames: list[int], options: MediaOptions = DEFAULT_OPTIONS
) -> torch.Tensor:
    """Read frames through the package's reader."""
    with open_media(path, options) as media:
        return media.read_frames(frames)


def has_torchcodec() -> bool:
    """Tell whether ``DATA.DECODING_BACKEND torchcodec`` would find its package."""
    try:
        need_torchcodec()
    except ConfigError:
        return False
    return True


def read_all(read, clips: list[tuple[Path, list[int]]]) -> None:
    """Read all clips in one way."""
    for path, frames in clips:
        read(path, frames)


def clips_of(paths: list[Path], count: int) -> list[tuple[Path, list[int]]]:
    """Draw the clips that every reader reads."""
    rng = np.random.default_rng(0)
    with open_media(paths[0]) as media:
        video = media.video
    return [(paths[k % len(paths)], SAMPLING.random_clip(video, rng)) for k in range(count)]


def loader_of(paths: list[Path], count: int) -> DataLoader:
    """Return a loader of ``count`` training clips."""
    items = ItemTable([str(p) for p in paths], [0] * len(paths), [], "benchmark")
    geometry = TrainGeometry(112, area=(0.08, 1.0), aspect=(3 / 4, 4 / 3))
    readers = [TrainFrames(geometry), LabelReader(items)]
    dataset = ClipDataset(items, RandomViews(SAMPLING), readers, on_error="replace")
    batches = TrainBatches(len(paths), 4, clips_per_video=count // len(paths))
    return DataLoader(dataset, batch_sampler=batches, collate_fn=collate)


def transcoded(paths: list[Path], folder: Path) -> list[Path]:
    """Return the files with a short side of 128 pixels and key frames 12 apart."""
    source, target = folder / "sources", folder / "transcoded"
    source.mkdir()
    for path in paths:
        (source / path.name).hardlink_to(path)
    report = transcode(source, target, workers=0)
    assert report.ok, report
    return [target / path.name for path in paths]


def report_bytes(kinds: dict[str, list[Path]], clips: dict[str, list]) -> None:
    """Print what one clip asks for of a file that lies elsewhere, without any cache."""
    elsewhere, answer, asked = fsspec.filesystem("memory"), MemoryFileSystem.cat_file, []

    def counted(self, path, start=None, end=None, **options):
        data = answer(self, path, start=start, end=end, **options)
        asked.append(len(data))
        return data

    MemoryFileSystem.cat_file = counted
    for kind, files in kinds.items():
        asked.clear()
        for path, frames in clips[kind]:
            elsewhere.pipe(f"/{path.name}", path.read_bytes())
            read_ours(f"memory://{path.name}", frames)
        each = sum(asked) / len(clips[kind])
        size = sum(path.stat().st_size for path in files) / len(files)
        print(
            f"{kind:28}{each / 1024:8.0f} KiB per clip of {size / 1024:.0f} KiB: {each / size:.2f}"
        )


def augmentation_milliseconds(clips: int) -> float:
    """Return the CPU time of crop, resize and flip of a clip of 16 frames of 128 x 170."""
    geometry = TrainGeometry(112, area=(0.08, 1.0), aspect=(3 / 4, 4 / 3))
    frames = torch.randint(0, 256, (16, 128, 170, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    rng = np.random.default_rng(0)
    works = {"crops": lambda: [geometry(frames, rng) for _ in range(clips)]}
    return 1000 * median(in_turns(works, 3)["crops"]).cpu / clips


def main() -> int:
    """Print clips per second of each way of reading, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=60, help="clips per round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=4, help="of each kind")
    parser.add_argument("--seconds", type=int, default=10, help="length of the videos")
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(setting())
    print(f"one core, {args.clips} clips of 16 frames, {args.rounds} rounds")
    with tempfile.TemporaryDirectory() as name:
        measure(args, Path(name))
    table_row(
        "crop, resize and flip of a clip", augmentation_milliseconds(args.clips), "ms", most=2
    )
    return 0


def measure(args, folder: Path) -> None:
    """Write the videos, time all ways of reading them and print the ratios."""
    kinds = write_kinds(folder, args.files, args.seconds)
    clips_by_kind = {kind: clips_of(files, args.clips) for kind, files in kinds.items()}
    for path, frames in (clip for clips in clips_by_kind.values() for clip in clips[:4]):
        ours = read_ours(path, frames).permute(0, 2, 3, 1).numpy()
        assert (read_bare(path, frames) == ours).all(), f"{path}: other frames than bare PyAV"
    paths = kinds["as ffmpeg writes"]
    small = dict(zip(paths, transcoded(paths, folder), strict=True))
    small_clips = [(small[path], frames) for path, frames in clips_by_kind["as ffmpeg writes"]]
    with open_media(paths[0]) as media:
        views = SAMPLING.views(media.video, 10)
    everything = [frame for view in views for frame in view]
    loader = loader_of(paths, args.clips)
    kept = partial(read_ours, options=MediaOptions(keep_bytes=1 << 33))
    works = {}
    for kind, clips in clips_by_kind.items():
        works[f"bare {kind}"] = partial(read_all, read_bare, clips)
        works[f"reader {kind}"] = partial(read_all, read_ours, clips)
        if has_torchcodec():
            read = partial(read_ours, options=MediaOptions(torchcodec=True))
            works[f"torchcodec {kind}"] = partial(read_all, read, clips)
    works |= {
        "loader": lambda: list(loader),
        "transcoded": partial(read_all, read_ours, small_clips),
        "kept whole": partial(read_all, kept, small_clips),
        "separate": lambda: [read_ours(p, v) for p in paths for v in views],
        "together": lambda: [read_ours(p, everything) for p in paths],
    }
    for work in works.values():
        work()
    times = in_turns(works, args.rounds)
    cpu = {name: median(rounds).cpu for name, rounds in times.items()}
    print(f"{'':34}{'clips/CPU-s':>12}")
    clips = dict.fromkeys(works, args.clips)
    clips |= dict.fromkeys(("separate", "together"), 10 * args.files)
    for name, count in clips.items():
        print(f"{name:34}{count / cpu[name]:12.1f}")
    lines = [
        (f"bare {kind}", f"reader {kind}", f"reader, {kind}", "of bare PyAV", 1.0) for kind in kinds
    ]
    whole = "as ffmpeg writes"
    lines += [
        (f"bare {whole}", "loader", "loader with crops and collation", "of bare PyAV", 0.85),
        (
            f"reader {whole}",
            "transcoded",
            "reader, transcoded",
            "of the reader on the originals",
            3.5,
        ),
        ("transcoded", "kept whole", "transcoded, kept whole in memory", "of reading it", None),
    ]
    if has_torchcodec():
        lines += [
            (
                f"reader {kind}",
                f"torchcodec {kind}",
                f"torchcodec, {kind}",
                "of PyAV's reader",
                None,
            )
            for kind in kinds
        ]
    for base, name, what, of, least in lines:
        table_row(what, ratio(times[base], times[name], "cpu"), of, least=least)
    cost = ratio(times["together"], times["separate"], "cpu")
    table_row("ten views of a video in one pass", cost, "of the cost of ten reads", most=0.45)
    small_kind = {"transcoded": list(small.values())}
    report_bytes(kinds | small_kind, clips_by_kind | {"transcoded": small_clips})


if __name__ == "__main__":
    sys.exit(main())
