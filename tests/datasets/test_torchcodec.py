"""Frames through torchcodec: those of PyAV to the last bit, or PyAV's own."""

import sys
from types import SimpleNamespace

import pytest
import torch
from oracles.media_matrix import Kind, cut_by_copy, set_matrix, write

from slowfast.config.load import load_cfg
from slowfast.dataprep.transcode import transcode_file
from slowfast.datasets.media import MediaOptions, build_media_options, open_media
from slowfast.datasets.media.encode import Encoding
from slowfast.datasets.media.options import need_torchcodec
from slowfast.datasets.media.torchcodec_frames import TorchcodecFrames
from slowfast.utils.errors import ConfigError

KEYS = ["DATA.DECODING_BACKEND", "torchcodec", "DATA.CORRUPT_FRAMES", "keep"]
B_FRAMES = Kind(b_frames=3)
# how a file is made from its path, and whether torchcodec reads it to the end
FILES = {
    "mp4": (lambda path: write(path, B_FRAMES), True),
    "cut.mp4": (lambda path: cut_by_copy(write(path.with_stem("v"), B_FRAMES), path, 1.3, 2), True),
    "small.mp4": (lambda path: transcoded(write(path.with_stem("v"), B_FRAMES), path), True),
    "late.mp4": (lambda path: write(path, Kind(b_frames=3, first=37)), True),
    "uneven.mp4": (lambda path: write(path, Kind(b_frames=2, uneven=True)), True),
    "mirrored.mp4": (lambda path: set_matrix(write(path, B_FRAMES), (-1, 0, 0, 1)), False),
    "mkv": (lambda path: write(path, Kind(".mkv", b_frames=3)), True),
    "vp9.webm": (lambda path: write(path, Kind(".webm", "libvpx-vp9", frames=60)), True),
    "avi": (lambda path: write(path, Kind(".avi", "mpeg4")), False),
}


def transcoded(source, target):
    transcode_file(source, target, Encoding(gop=12))
    return target


@pytest.fixture(scope="module")
def torchcodec():
    try:
        need_torchcodec()
    except ConfigError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", FILES)
def test_frames_are_those_of_pyav(torchcodec, tmp_path, name):
    make, is_read_by_it = FILES[name]
    path = make(tmp_path / f"w.{name}")
    options = build_media_options(load_cfg([], KEYS))
    with open_media(path) as plain, open_media(path, options) as media:
        count = plain.video.num_frames
        every = plain.read_frames(range(count))
        for wanted in ([7], range(count - 1, -1, -2), range(count // 2, count), [count + 5, 0, 0]):
            found = media.read_frames(wanted)
            assert torch.equal(found, every[[min(k, count - 1) for k in wanted]])
            assert found[0].stride() == every[0].stride()
        halves = media.read_frames(range(40), lambda frame: frame // 2)
        assert torch.equal(halves, every[:40] // 2)
        assert media.video == plain.video
        assert media._torchcodec.able == is_read_by_it


@pytest.mark.parametrize("wrong", ["time", "size", "error"])
def test_pyav_reads_what_torchcodec_shows_differently(tmp_path, monkeypatch, wrong):
    asked = []

    def get_frames_at(numbers):
        asked.append(numbers)
        if wrong == "error":
            raise RuntimeError("no more frames")
        times = torch.tensor([k / 25 for k in numbers], dtype=torch.float64) + (wrong == "time")
        size = (3, 2, 2) if wrong == "size" else every.shape[1:]
        data = torch.zeros(len(numbers), *size, dtype=torch.uint8)
        return SimpleNamespace(pts_seconds=times, data=data)

    decoder = SimpleNamespace(metadata=SimpleNamespace(rotation=None), get_frames_at=get_frames_at)
    monkeypatch.setattr(TorchcodecFrames, "_open", lambda self, table: decoder)
    path = write(tmp_path / "v.mp4", Kind(b_frames=3, frames=40))
    with open_media(path) as plain, open_media(path, MediaOptions(torchcodec=True)) as media:
        every = plain.read_frames(range(40))
        for wanted in ([3, 9], [20]):
            assert torch.equal(media.read_frames(wanted), every[list(wanted)])
    assert asked == [[3, 9]]


def test_the_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchcodec", None)
    with pytest.raises(
        ConfigError, match=r"DATA.DECODING_BACKEND torchcodec.*pip install torchcod"
    ):
        build_media_options(load_cfg([], KEYS))
