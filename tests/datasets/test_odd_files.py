"""Odd and hostile files: one MediaError with the name of the file, in time, whatever they hold."""

import os
import struct
import time
from fractions import Fraction

import av
import numpy as np
import pytest
from oracles.media_files import Settings, picture, write_video
from oracles.media_matrix import Kind, write
from PIL import Image

from slowfast.datasets.file_probe import probe_file
from slowfast.datasets.media import MediaOptions, open_media
from slowfast.utils.errors import MediaError


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "v.mp4"
    write_video(path, Settings(frames=40, audio_rate=16000))
    return path


def refused(path, words, options=None):
    """Both the reader and verify refuse a file, soon and by name."""
    begin = time.monotonic()
    with (
        pytest.raises(MediaError, match=words) as caught,
        open_media(path, options or MediaOptions()) as media,
    ):
        media.read_frames([0])
    assert str(path) in str(caught.value)
    assert probe_file(str(path), options=options or MediaOptions()).reason
    assert time.monotonic() - begin < 5


def patched(path, old, new, last=False):
    data = path.read_bytes()
    place = data.rindex(old) if last else data.index(old)
    path.write_bytes(data[:place] + new + data[place + len(old) :])
    return path


def test_an_unknown_video_codec_is_named(video):
    refused(patched(video, b"avc1", b"zzz1", last=True), "no video stream that can be decoded")


def test_an_unknown_audio_codec_leaves_the_frames(tmp_path):
    path = tmp_path / "v.mkv"
    write_video(path, Settings(frames=40, audio_rate=16000, suffix=".mkv"))
    with open_media(patched(path, b"A_AAC", b"A_ZZZ")) as media:
        assert media.read_frames([3]).shape[0] == 1
        assert media.audio is None
        with pytest.raises(MediaError, match="no audio stream that can be decoded"):
            media.read_waveform(0, 1, 16000)


def test_a_named_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    refused(tmp_path / "pipe.mp4", "not a regular file")


def claim_samples(path, count):
    """Let the table of sample sizes claim another count, all of one byte."""
    data = bytearray(path.read_bytes())
    place = data.index(b"stsz") + 8
    struct.pack_into(">II", data, place, 1, count)
    path.write_bytes(data)
    return path


def test_a_header_that_claims_two_thousand_million_frames_is_refused_at_once(video):
    refused(claim_samples(video, 2**31 - 1), r"DATA\.MAX_FRAMES admits 10000000")


def test_a_table_that_is_too_small_for_its_claim_is_refused(video):
    data = bytearray(video.read_bytes())
    struct.pack_into(">I", data, data.index(b"stsz") + 12, 2**30)
    video.write_bytes(data)
    refused(video, "table that is too small")


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"max_frames": 30}, r"claims 40 frames; DATA\.MAX_FRAMES admits 30"),
        ({"max_pixels": 1000}, r"96 x 64 pixels; DATA\.MAX_FRAME_PIXELS admits 1000"),
        ({"max_seconds": 1.0}, r"lasts 1 s; DATA\.MAX_SECONDS admits 1 s"),
    ],
)
def test_limits_are_kept(video, limits, words):
    refused(video, words, MediaOptions(**limits))


@pytest.mark.parametrize("side", [65_500, 13_000])
def test_an_image_that_claims_too_many_pixels_is_refused(tmp_path, side):
    for number in range(3):
        path = tmp_path / f"{number}.jpg"
        Image.new("RGB", (96, 64), (number, 0, 0)).save(path)
        data = bytearray(path.read_bytes())
        struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, side, side)
        path.write_bytes(data)
    with pytest.raises(MediaError, match=r"0\.jpg: .*(exceeds limit|MAX_FRAME_PIXELS)"):
        open_media(tmp_path)


def test_a_play_list_is_not_followed(video, tmp_path):
    script = tmp_path / "c.mp4"
    script.write_text(f"ffconcat version 1.0\nfile {video.name}\n")
    refused(script, "not readable as media")


def test_hidden_files_are_no_frames(tmp_path):
    for name in ("a_1.png", "a_2.png", "._a_1.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name, "PNG")
    with open_media(tmp_path) as media:
        assert media.video.num_frames == 2


def test_frames_that_change_size_come_in_the_size_of_the_first(tmp_path):
    path = tmp_path / "v.webm"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libvpx", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        # A second encoder for the smaller half; its packets go into the same track.
        other = av.CodecContext.create("libvpx", "w")
        other.width, other.height, other.pix_fmt = 48, 32, "yuv420p"
        other.time_base = Fraction(1, 25)
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            small = number >= 10
            frame = frame.reformat(48 if small else 96, 32 if small else 64, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            encoder = other if small else stream
            for packet in encoder.encode(frame):
                packet.stream = stream
                out.mux(packet)
    with open_media(path) as media:
        frames = media.read_frames(range(media.video.num_frames))
    assert frames.shape[1:] == (3, 64, 96)
    assert not probe_file(str(path), full=True).reason


def test_a_still_image_is_not_the_video(tmp_path):
    path = tmp_path / "v.mkv"
    with av.open(str(path), "w") as out:
        cover = out.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 320, 240, "yuvj420p"
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        still = av.VideoFrame.from_ndarray(np.zeros((240, 320, 3), np.uint8), format="rgb24")
        still.pts, still.time_base = 0, Fraction(1, 1)
        out.mux(cover.encode(still.reformat(format="yuvj420p")))
        out.mux(cover.encode(None))
        for number in range(30):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(stream.encode(frame.reformat(format="yuv420p")))
        out.mux(stream.encode(None))
    with open_media(path) as media:
        assert (media.video.codec, media.video.num_frames) == ("h264", 30)


def test_damaged_frames_are_refused_unless_they_are_kept(tmp_path):
    path = write(tmp_path / "v.ts", Kind(".ts", gop=24, frames=60))
    data = bytearray(path.read_bytes())
    place = len(data) // 2 // 188 * 188
    del data[place : place + 188 * 4]  # some packets were lost on the way
    path.write_bytes(data)
    with open_media(path, MediaOptions(keep_corrupt=True)) as media:
        everything = range(media.video.num_frames)
        kept = media.read_frames(everything)
    assert len(kept) >= 50
    with open_media(path) as media, pytest.raises(MediaError, match=r"DATA\.CORRUPT_FRAMES keep"):
        media.read_frames(everything)
    with open_media(path) as media:
        assert len(media.read_frames([0, 1, 2])) == 3
    assert "damaged" in probe_file(str(path), full=True).reason


def mutations(data, rng, count):
    """Yield damaged copies: cut, bytes changed, blocks lost, numbers made huge."""
    for _ in range(count):
        copy, how = bytearray(data), rng.integers(4)
        place = int(rng.integers(len(copy) - 4))
        if how == 0:
            copy = copy[: place + 1]
        elif how == 1:
            for _ in range(10):
                copy[int(rng.integers(len(copy)))] = int(rng.integers(256))
        elif how == 2:
            del copy[place : place + int(rng.integers(1, 2000))]
        else:
            copy[place : place + 4] = b"\x7f\xff\xff\xff"
        yield bytes(copy)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".ts", ".flv", ".mov"])
def test_nothing_but_media_errors_leaves_damaged_files(tmp_path, suffix):
    codec = "libmp3lame" if suffix in (".avi", ".flv") else "aac"
    rate = 44100 if suffix == ".flv" else 16000
    source = tmp_path / f"good{suffix}"
    write_video(source, Settings(frames=40, audio_rate=rate, suffix=suffix, audio_codec=codec))
    rng = np.random.default_rng(5)
    for number, data in enumerate(mutations(source.read_bytes(), rng, 40)):
        path = tmp_path / f"{number}{suffix}"
        path.write_bytes(data)
        begin = time.monotonic()
        try:
            with open_media(path) as media:
                if media.video is not None:
                    media.read_frames(rng.integers(0, media.video.num_frames, 6).tolist())
                if media.audio is not None:
                    media.read_waveform(0.3, 0.5, 16000)
        except MediaError as error:
            assert str(path) in str(error)
        probe_file(str(path), full=bool(number % 2))
        assert time.monotonic() - begin < 20
