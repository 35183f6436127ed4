"""Files as people have them: what the reader shows is what a straight decode shows.

Number of frames, times, and every frame read alone, shuffled and together, to the last bit.
"""

import itertools

import numpy as np
import pytest
from oracles.media_files import numbers_of
from oracles.media_matrix import Kind, cut_by_copy, set_matrix, straight_decode, write

from slowfast.dataprep.transcode import transcode_file
from slowfast.datasets.media import MediaOptions, open_media
from slowfast.datasets.media.decoded import DecodedFile
from slowfast.datasets.media.encode import Encoding, reencode
from slowfast.utils.errors import MediaError

WHOLE = MediaOptions(keep_bytes=1 << 28)
FRAGMENTED = (("movflags", "frag_keyframe+empty_moov"),)
OPEN_GOP = (("x264-params", "open-gop=1"),)
ALTREF = (("auto-alt-ref", "1"), ("lag-in-frames", "16"), ("deadline", "good"))

KINDS = [
    # H.264 in every container: without and with B-frames, key frames near, far and very far
    *(
        Kind(suffix, b_frames=b, gop=gop, frames=280 if gop == 250 else 110)
        for suffix in (".mp4", ".mov", ".mkv", ".flv", ".ts", ".avi")
        for b, gop in ((0, 12), (3, 48), (3, 250))
    ),
    *(Kind(".mp4", b_frames=b, gop=48, muxer=FRAGMENTED) for b in (0, 3)),
    Kind(".3gp", b_frames=3),
    # a first time that is not 0, and frames at uneven times
    *(Kind(s, b_frames=3, first=37) for s in (".mp4", ".mkv", ".flv", ".ts", ".avi")),
    *(Kind(s, b_frames=2, uneven=True) for s in (".mp4", ".mkv", ".flv", ".ts", ".mov")),
    # other codecs
    *(Kind(s, "mpeg2video", b_frames=b, gop=12) for s in (".mpg", ".ts") for b in (0, 2)),
    *(Kind(".mpg", "mpeg1video", b_frames=b, gop=48) for b in (0, 2)),
    *(Kind(s, "mpeg4", b_frames=2, gop=12) for s in (".avi", ".mp4", ".mkv", ".mov")),
    Kind(".avi", "mpeg4"),
    Kind(".wmv", "wmv2"),
    Kind(".wmv", "msmpeg4", first=9),
    Kind(".wmv", "wmv2", uneven=True),
    Kind(".flv", "flv", gop=12, first=2),
    Kind(".gif", "gif", frames=40),
    Kind(".gif", "gif", frames=40, uneven=True),
    Kind(".webm", "libvpx"),
    Kind(".webm", "libvpx", uneven=True),
    Kind(".webm", "libvpx", options=ALTREF),
    Kind(".webm", "libvpx-vp9", frames=60),
    Kind(".mkv", "libx265", b_frames=3, gop=24),
    Kind(".mp4", "libx265", b_frames=3, gop=24),
    Kind(".mkv", "ffv1", frames=40),
    # key frames before which later ones refer, and a stream without whole frames
    *(Kind(s, b_frames=3, gop=24, options=OPEN_GOP) for s in (".mp4", ".mkv", ".ts")),
    Kind(".ts", gop=24, options=(("x264-params", "intra-refresh=1"),)),
]
CUT = [
    *(Kind(s, b_frames=b, gop=48) for s in (".mp4", ".mkv", ".flv") for b in (0, 3)),
    Kind(".mp4", b_frames=3, gop=250, frames=280),
    Kind(".ts", b_frames=3, gop=24),
    Kind(".mpg", "mpeg2video", gop=12),
    Kind(".mkv", b_frames=3, gop=24, options=OPEN_GOP),
    Kind(".ts", "mpeg2video", gop=12, b_frames=2),
    Kind(".avi", "mpeg4", b_frames=2, gop=12),
    Kind(".webm", "libvpx", gop=24),
]
PLACES = [(0.0, 2.02), (0.3, 3.0), (1.0, 2.5), (1.93, 2.2), (2.5, 1.7)]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return ``file(kind)``: a file, written once."""
    folder, files = tmp_path_factory.mktemp("kinds"), {}

    def file(kind):
        if kind not in files:
            files[kind] = write(folder / f"{len(files)}{kind.suffix}", kind)
        return files[kind]

    return file


def as_images(frames):
    return list(frames.permute(0, 2, 3, 1).numpy())


def check_against_straight_decode(path, alone=12):
    images, times, tick = straight_decode(path)
    order = np.random.default_rng(1).permutation(len(images)).tolist()
    with open_media(path) as media:
        video = media.video
        assert video.num_frames == len(images)
        for number in order[:alone]:
            np.testing.assert_array_equal(as_images(media.read_frames([number]))[0], images[number])
        for number, found in zip(order, as_images(media.read_frames(order)), strict=True):
            np.testing.assert_array_equal(found, images[number])
        for found, image in itertools.zip_longest(
            as_images(media.read_frames(range(len(images)))), images
        ):
            np.testing.assert_array_equal(found, image)
        if None not in times:
            shown = np.sort(np.array(times, dtype=float)) * float(tick)
            mine = np.array([media.video.time_of(k) for k in range(len(images))])
            # a file with even times is numbered by its rate, half a frame off at most
            assert np.abs(mine - shown).max() <= 0.51 / video.fps
    with open_media(path, WHOLE) as media:
        assert isinstance(media, DecodedFile)
        for number, found in zip(order, as_images(media.read_frames(order)), strict=True):
            np.testing.assert_array_equal(found, images[number])


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_frame_is_that_of_a_straight_decode(made, kind):
    check_against_straight_decode(made(kind))


@pytest.mark.parametrize("kind", CUT, ids=str)
def test_files_cut_by_copy_show_what_a_straight_decode_shows(made, kind, tmp_path):
    checked = 0
    for start, length in PLACES:
        path = tmp_path / f"cut{start}{kind.suffix}"
        try:
            cut_by_copy(made(kind), path, start, length)
            straight_decode(path)
        except (OSError, ValueError, IndexError):
            continue  # the muxer refuses these times, or nothing can be decoded
        check_against_straight_decode(path, alone=6)
        checked += 1
    assert checked >= 2


@pytest.mark.parametrize("kind", KINDS[::3], ids=str)
def test_after_transcoding_all_frames_and_times_are_there(made, kind, tmp_path):
    source, target = made(kind), tmp_path / "small.mp4"
    images, _, _ = straight_decode(source)
    transcode_file(source, target, Encoding(gop=12, crf=10))
    check_against_straight_decode(target, alone=4)
    with open_media(source) as before, open_media(target) as after:
        assert after.video.num_frames == len(images)
        assert after.video.duration == pytest.approx(before.video.duration, abs=0.1)
        found = numbers_of(after.read_frames(range(len(images))))
    assert found == numbers_of(image.transpose(2, 0, 1) for image in images)


MATRICES = {
    (1, 0, 0, 1): lambda i: i,
    (-1, 0, 0, 1): lambda i: i[:, ::-1],  # a front camera's
    (1, 0, 0, -1): lambda i: i[::-1],
    (-1, 0, 0, -1): lambda i: i[::-1, ::-1],
    (0, 1, -1, 0): lambda i: np.rot90(i, -1),  # a quarter turn clockwise
    (0, -1, 1, 0): lambda i: np.rot90(i, 1),
    (0, 1, 1, 0): lambda i: i.transpose(1, 0, 2),
    (0, -1, -1, 0): lambda i: np.rot90(i, 2).transpose(1, 0, 2),
}


@pytest.mark.parametrize("matrix", MATRICES, ids=str)
def test_the_whole_display_matrix_is_applied(tmp_path, matrix):
    path = set_matrix(write(tmp_path / "v.mp4", Kind(frames=10)), matrix)
    images, _, _ = straight_decode(path)
    expected = MATRICES[matrix](images[7])
    with open_media(path) as media:
        np.testing.assert_array_equal(as_images(media.read_frames([7]))[0], expected)
    small = tmp_path / "small.mp4"
    reencode(path, small, Encoding(crf=10))
    with open_media(small) as media:
        found = as_images(media.read_frames([7]))[0]
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < 8


def test_uneven_times_are_known_and_the_frame_on_the_screen_is_found(made):
    path = made(Kind(".webm", "libvpx", uneven=True))
    _, times, tick = straight_decode(path)
    seconds = np.array(times, dtype=float) * float(tick)
    with open_media(path) as media:
        video = media.video
    assert video.start == seconds[0]
    assert video.fps == pytest.approx((len(seconds) - 1) / (seconds[-1] - seconds[0]), rel=0.03)
    middles = (seconds[1:] + seconds[:-1]) / 2
    assert video.frames_at(middles).tolist() == list(range(len(middles)))
    assert video.nearest(seconds + 0.004) == list(range(len(seconds)))


def test_slow_files_say_so(made):
    with open_media(made(Kind(".avi", "mpeg4", b_frames=2, gop=12))) as media:
        assert "from the start" in media.slow
    with open_media(made(Kind(".mp4", b_frames=3))) as media:
        media.read_frames([3, 80])
        assert not media.slow


def test_a_reading_that_takes_too_long_is_ended(made, monkeypatch):
    clock = itertools.count(step=0.1)
    with open_media(made(KINDS[0]), MediaOptions(timeout=2.0)) as media:
        monkeypatch.setattr("time.monotonic", lambda: next(clock))
        with pytest.raises(MediaError, match=r"DATA\.READ_TIMEOUT = 2 s"):
            media.read_frames(range(100))
