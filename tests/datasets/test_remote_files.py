"""Files anywhere: the frames and the order of local files, in parts, through failures and forks."""

import io
import os
import shutil
import zipfile
from functools import partial
from pathlib import Path

import av
import fsspec
import numpy as np
import pytest
import torch
from oracles.range_server import serving
from torch.utils.data import DataLoader

from slowfast.config import load_cfg
from slowfast.datasets.clips import ClipDataset
from slowfast.datasets.file_probe import probe_file
from slowfast.datasets.items import ItemTable
from slowfast.datasets.lists.kinetics import read_kinetics_csv
from slowfast.datasets.media import MediaOptions, build_media_options, open_media
from slowfast.datasets.readers import LabelReader, TrainFrames
from slowfast.datasets.sample import collate
from slowfast.datasets.samplers import TrainBatches
from slowfast.datasets.sampling.temporal import StrideSampling
from slowfast.datasets.transforms import TrainGeometry
from slowfast.datasets.views import RandomViews
from slowfast.utils import byte_files, remote
from slowfast.utils.block_cache import BlockCache
from slowfast.utils.byte_files import members_of
from slowfast.utils.errors import AnnotationError, DownloadError, MediaError
from slowfast.utils.paths import local_path

BLOCK = 1 << 12
KINDS = ["memory", "web", "zip", "compressed", "zip on the web", "zip in memory"]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Let the small files of a test have many blocks, and attempts follow one another at once."""
    monkeypatch.setattr(remote, "BLOCK_BYTES", BLOCK)
    monkeypatch.setattr(remote, "PAUSE_SECONDS", 0.001)


@pytest.fixture
def server(tmp_path):
    with serving(tmp_path) as server:
        yield server


@pytest.fixture
def put(server, tmp_path):
    """Return ``put(kind, path) -> path elsewhere``: copies a local file to where the kind says."""

    def put(kind, path):
        if kind == "web":
            shutil.copy(path, tmp_path)
            return f"{server.url}/{path.name}"
        if kind == "memory":
            fsspec.filesystem("memory").pipe(f"/videos/{path.name}", path.read_bytes())
            return f"memory://videos/{path.name}"
        method = zipfile.ZIP_DEFLATED if kind == "compressed" else zipfile.ZIP_STORED
        archive = tmp_path / "train é 0.zip"
        with zipfile.ZipFile(archive, "a", method) as opened:
            opened.write(path, f"some/{path.name}")
        where = archive
        if kind == "zip on the web":
            where = f"{server.url}/{archive.name}"
        elif kind == "zip in memory":
            fsspec.filesystem("memory").pipe("/train.zip", archive.read_bytes())
            where = "memory://train.zip"
        return f"{where}::some/{path.name}"

    yield put
    fsspec.filesystem("memory").rm("/", recursive=True)


@pytest.mark.parametrize("kind", KINDS)
def test_frames_audio_and_facts_are_those_of_a_local_file(put, media_factory, kind):
    path = media_factory(audio_rate=16000)
    there = put(kind, path)
    with open_media(path) as here, open_media(there) as media:
        assert media.path == there
        assert (media.video, media.audio) == (here.video, here.audio)
        frames = [7, 3, media.video.num_frames - 1, 3]
        assert torch.equal(media.read_frames(frames), here.read_frames(frames))
        assert torch.equal(media.read_frames([0, 1]), here.read_frames([0, 1]))
        window = (0.4, 0.3, 16000)
        assert torch.equal(media.read_waveform(*window), here.read_waveform(*window))
        assert media.count_frames() == here.video.num_frames
    found, wanted = probe_file(there, full=True), probe_file(str(path), full=True)
    assert not found.reason and vars(found) == {**vars(wanted), "path": there}


def write_noise(path, frames=240):
    """Write a video whose frames have nothing in common, so that it is large."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, width=64, height=64, pix_fmt="yuv420p")
        stream.options = {"g": "12", "preset": "ultrafast"}
        for image in rng.integers(0, 256, (frames, 64, 64, 3), dtype=np.uint8):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image)))
        container.mux(stream.encode())


def test_a_clip_asks_for_a_part_of_its_file(put, server, tmp_path):
    path = tmp_path / "noise.mp4"
    write_noise(path)
    there, size = put("zip on the web", path), path.stat().st_size
    assert size > 600_000
    options = MediaOptions(cache=BlockCache(tmp_path / "cache", 1 << 30))
    for expected in (0.2, 0.001):  # what was read before lies in the cache
        before = server.sent
        with open_media(there, options) as media, open_media(path) as here:
            clip = list(range(150, 166))
            assert torch.equal(media.read_frames(clip), here.read_frames(clip))
        assert server.sent - before < expected * size


def test_the_cache_stays_within_its_limit_and_keeps_what_was_used_last(tmp_path):
    cache = BlockCache(tmp_path / "cache", 100 * 1000)
    for number in range(300):
        cache.put("k" * 64, number, bytes(1000))
        cache.get("k" * 64, 0)
    files = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert 80_000 <= sum(path.stat().st_size for path in files) <= 106_000
    assert cache.get("k" * 64, 299) == bytes(1000)
    assert cache.get("k" * 64, 1) is None
    nowhere = BlockCache("/proc/nothing/here", 1000)
    nowhere.put("k" * 64, 0, bytes(10))
    assert nowhere.get("k" * 64, 0) is None


def test_blocks_of_a_file_that_was_replaced_are_not_used(put, media_factory, tmp_path, server):
    options = MediaOptions(cache=BlockCache(tmp_path / "cache", 1 << 30))
    old, new = media_factory(frames=20), media_factory(frames=30)
    there = put("web", old)
    with open_media(there, options) as media:
        assert media.video.num_frames == 20
    shutil.copy(new, tmp_path / old.name)
    with open_media(there, options) as media:
        assert media.video.num_frames == 30


@pytest.mark.parametrize("failures", [[503], [0], [500, 0, 429]], ids=str)
def test_what_fails_for_a_moment_is_tried_again(put, media_factory, server, failures):
    path = media_factory(audio_rate=16000)
    there = put("web", path)
    server.failures += failures
    with open_media(there) as media, open_media(path) as here:
        assert torch.equal(media.read_frames([9, 40]), here.read_frames([9, 40]))
    assert not server.failures


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("URL/none.mp4", "no such file"),
        ("URL/refused.mp4", "the server refuses"),
        ("memory://none.mp4", "no such file"),
        ("none.zip::a.mp4", "no such file"),
        ("FOLDER/good.zip::none.mp4", "no such file .*has no member 'none.mp4'"),
        ("zip://FOLDER/torn.zip::a.mp4", "not a readable zip archive"),
        ("FOLDER/good.zip::bad.mp4", "not readable as media"),
        ("FOLDER/good.zip::empty.mp4", "the file is empty"),
        ("FOLDER/lying.zip::bad.mp4", "does not begin where|not a readable"),
        ("nothing://a.mp4", "fsspec cannot open it"),
    ],
)
def test_what_cannot_be_read_is_one_sentence_with_the_path(path, message, server, tmp_path):
    with zipfile.ZipFile(tmp_path / "good.zip", "w") as archive:
        archive.writestr("bad.mp4", b"no video" * 100)
        archive.writestr("empty.mp4", b"")
    whole = (tmp_path / "good.zip").read_bytes()
    (tmp_path / "torn.zip").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "lying.zip").write_bytes(whole.replace(b"PK\x03\x04", b"PK\x03\x05"))
    if "refused" in path:
        server.failures.append(403)
    path = path.replace("URL", server.url).replace("FOLDER", str(tmp_path))
    with pytest.raises(MediaError, match=message) as error:
        open_media(path)
    shown = path.removeprefix("zip://") if "torn" in path else path
    assert shown.partition("::")[0] in str(error.value) and "\n" not in str(error.value)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_archives_that_lie_are_refused_without_taking_memory(tmp_path, monkeypatch):
    path, zeros = tmp_path / "a.zip", bytes(10**6)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.wav", zeros)
    whole = path.read_bytes()
    monkeypatch.setattr(byte_files, "LARGEST_UNPACKED", 10**6 - 1)
    with pytest.raises(MediaError, match="compressed member of 1000000 bytes; store it instead"):
        open_media(f"{path}::bomb.wav")
    path = tmp_path / "lying.zip"
    path.write_bytes(whole.replace((10**6).to_bytes(4, "little"), (1000).to_bytes(4, "little")))
    with pytest.raises(MediaError, match="Bad CRC-32"):
        open_media(f"{path}::bomb.wav")
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../twice.mp4", zeros)
        archive.writestr("../twice.mp4", zeros)
    with pytest.raises(MediaError, match="a name occurs twice"):
        open_media(f"{path}::../twice.mp4")
    assert {one.suffix for one in [*tmp_path.iterdir(), *tmp_path.parent.glob("*.mp4")]} == {".zip"}


def test_a_server_that_hands_out_whole_files_only_is_named(put, media_factory, server):
    there = put("web", media_factory())
    server.ranges = False
    with pytest.raises(MediaError, match="does not hand out parts of files"):
        open_media(there)


def dataset(paths):
    items = ItemTable(paths, list(range(len(paths))), [], "list")
    readers = [TrainFrames(TrainGeometry(32)), LabelReader(items)]
    views = RandomViews(StrideSampling(num_frames=4, sampling_rate=2))
    return ClipDataset(items, views, readers, on_error="replace", max_retries=2)


@pytest.mark.parametrize("kind", ["memory", "zip on the web"])
def test_workers_read_the_same_batches_as_one_process_reads_of_local_files(
    put, media_factory, server, kind
):
    paths = [media_factory(frames=frames) for frames in (20, 24, 28, 32)]
    there = [put(kind, path) for path in paths]
    with open_media(there[0]) as media:  # what a process opened must not trouble its children
        media.read_frames([0])
    load = partial(DataLoader, collate_fn=collate)
    here = load(dataset(list(map(str, paths))), batch_sampler=TrainBatches(4, 2))
    far = load(dataset(there), batch_sampler=TrainBatches(4, 2), num_workers=2)
    for one, other in zip(here, far, strict=True):
        assert torch.equal(one["video"], other["video"])
        assert torch.equal(one["label"], other["label"])
        assert not other["failures"]


@pytest.mark.parametrize(
    ("prefix", "line", "path"),
    [
        ("videos", "a.mp4", "videos/a.mp4"),
        ("s3://bucket/k400", "a/b.mp4", "s3://bucket/k400/a/b.mp4"),
        ("s3://bucket/k400/", "train-0.zip::a.mp4", "s3://bucket/k400/train-0.zip::a.mp4"),
        ("s3://bucket", "zip://train-0.zip::a.mp4", "s3://bucket/train-0.zip::a.mp4"),
        ("videos", "zip://train-0.zip::a.mp4", "videos/train-0.zip::a.mp4"),
        ("", "zip://a.mp4::train-0.zip", "train-0.zip::a.mp4"),
        ("videos/train.zip::", "a.mp4", "videos/train.zip::/a.mp4"),
        ("videos", "https://host/a.mp4", "https://host/a.mp4"),
    ],
)
def test_a_list_names_files_anywhere(tmp_path, prefix, line, path):
    (tmp_path / "train.csv").write_text(f"{line} 3\n")
    items = read_kinetics_csv(tmp_path / "train.csv", prefix=prefix)
    assert (items.paths[0], items.labels[0]) == (path, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_files_that_do_not_exist_are_missed_before_training(put, media_factory, kind):
    there = put(kind, media_factory())
    items = ItemTable([there], None, [], "list").check_files().with_existing_names()
    assert items.with_suffix(".mkv").paths[0] == there.replace(".mp4", ".mkv")
    wrong = there.replace("video_", "other_")
    with pytest.raises(AnnotationError, match="1 of 2 listed files do not exist"):
        ItemTable([there, wrong], None, [], "list").check_files()
    many = ItemTable([there, *(f"{wrong}{k}.mp4" for k in range(40))], None, [], "list")
    with pytest.raises(AnnotationError, match="of 41 listed files do not exist"):
        many.check_files()


def test_where_nothing_can_be_asked_the_list_says_so(tmp_path):
    (tmp_path / "torn.zip").write_bytes(b"PK")
    items = ItemTable([f"{tmp_path}/torn.zip::a.mp4"], None, [], "the list")
    with pytest.raises(AnnotationError, match=r"the list: .* not a readable zip archive"):
        items.check_files()


def test_lists_and_checkpoints_come_from_anywhere_too(tmp_path, monkeypatch):
    monkeypatch.setenv("SLOWFAST_CACHE", str(tmp_path / "cache"))
    fsspec.filesystem("memory").pipe("/lists/train.csv", b"a.mp4 1\n")
    with zipfile.ZipFile(tmp_path / "lists.zip", "w") as archive:
        archive.writestr("train.csv", "b.mp4 2\n")
    for path, text in (
        ("memory://lists/train.csv", "a.mp4 1\n"),
        (f"{tmp_path}/lists.zip::train.csv", "b.mp4 2\n"),
    ):
        found = local_path(path, "KEY")
        assert found.startswith(str(tmp_path / "cache")) and Path(found).read_text() == text
    with pytest.raises(DownloadError, match="KEY: memory://none could not be downloaded"):
        local_path("memory://none", "KEY")
    fsspec.filesystem("memory").rm("/lists", recursive=True)


def test_the_tables_of_many_archives_are_forgotten_again(tmp_path, monkeypatch):
    monkeypatch.setattr("slowfast.utils.byte_files.KNOWN_MEMBERS", 10)
    contents = {}
    monkeypatch.setattr("slowfast.utils.byte_files._CONTENTS", contents)
    for number in range(5):
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            for k in range(4):
                archive.writestr(f"{k}.mp4", b"x")
        assert len(members_of(data, f"{number}.zip")) == 4
    assert [archive for archive, *_ in contents] == ["3.zip", "4.zip"]


def test_an_archive_that_was_replaced_by_one_of_the_same_size_is_looked_into_again(tmp_path):
    path = tmp_path / "a.zip"
    for number, name in enumerate(("a.mp4", "b.mp4")):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, b"x")
        os.utime(path, ns=(number, number))
        with remote.open_binary(f"{path}::{name}") as file:
            assert file.read() == b"x"


def test_the_cache_of_a_run_has_the_size_of_its_key(monkeypatch, tmp_path):
    monkeypatch.setenv("SLOWFAST_CACHE", str(tmp_path))
    cache = build_media_options(load_cfg([], ["DATA.CACHE_GIB", "0.5"])).cache
    assert (cache.folder, cache.limit) == (tmp_path / "blocks", 1 << 29)
