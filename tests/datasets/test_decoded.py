"""Whole decoded files in memory: which files are kept, which are read in parts, and what training gets."""

import shutil
from collections import OrderedDict

import pytest
import torch

from slowfast.datasets.media import MediaOptions, VideoFile, decoded, open_media
from slowfast.utils.errors import MediaError


@pytest.fixture
def files(monkeypatch):
    kept = OrderedDict()
    monkeypatch.setattr(decoded, "_FILES", kept)
    monkeypatch.setattr(decoded, "_IN_PARTS", set())
    return kept


def size_of(path):
    with open_media(path) as media:
        return decoded.decoded_bytes(media)


def test_a_file_is_opened_once(media_factory, files, monkeypatch):
    path, options = media_factory(audio_rate=16000), MediaOptions(keep_bytes=1 << 30)
    with open_media(path, options) as media:
        first = media.read_frames([3, 0, 500]), media.read_waveform(0.5, 0.5, 8000)
    monkeypatch.setattr(decoded, "VideoFile", None)
    with open_media(path, options) as media:
        again = media.read_frames([3, 0, 500]), media.read_waveform(0.5, 0.5, 8000)
        small = media.read_frames([3, 3], lambda frame: frame[:, :4, :4])
        assert (media.video, media.audio) == (files[str(path)].video, files[str(path)].audio)
    with open_media(path) as media:
        whole = media.read_frames([3, 0, 500])
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert torch.equal(first[0], whole) and first[0].stride() == whole.stride()
    assert torch.equal(small[0], whole[0, :, :4, :4]) and torch.equal(small[0], small[1])


def test_the_file_read_longest_ago_is_forgotten_first(media_factory, files, tmp_path):
    source = media_factory(audio_rate=16000)
    paths = [shutil.copy(source, tmp_path / f"{number}.mp4") for number in range(9)]
    options = MediaOptions(keep_bytes=round(8.5 * size_of(source)))
    for path in (*paths[:8], paths[0], paths[8]):
        open_media(path, options).close()
    assert [*files] == [str(path) for path in (*paths[2:8], paths[0], paths[8])]


def test_a_file_that_is_too_large_is_read_in_parts(media_factory, files):
    path = media_factory(audio_rate=16000)
    with open_media(path, MediaOptions(keep_bytes=round(7 * size_of(path)))) as media:
        assert isinstance(media, VideoFile) and len(media.read_frames([0, 1])) == 2
    assert not files


def test_what_can_be_read_of_a_damaged_file_is_read(media_factory, files, tmp_path, monkeypatch):
    data = media_factory(audio_rate=16000, gop=12).read_bytes()
    tail = len(data) // 20
    (tmp_path / "bad.mp4").write_bytes(data[:-tail] + bytes(byte ^ 0xFF for byte in data[-tail:]))
    with open_media(tmp_path / "bad.mp4", MediaOptions(keep_bytes=1 << 30)) as media:
        assert isinstance(media, VideoFile) and len(media.read_frames([0])) == 1
    monkeypatch.setattr(decoded, "DecodedFile", None)  # it is not tried twice
    with open_media(tmp_path / "bad.mp4", MediaOptions(keep_bytes=1 << 30)) as media:
        assert len(media.read_frames([0])) == 1
    with pytest.raises(MediaError, match="nowhere"):
        open_media(tmp_path / "nowhere.mp4", MediaOptions(keep_bytes=1 << 30))
    assert not files
