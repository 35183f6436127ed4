"""Reading media: the frame that was asked for, the audio of the same moment, clear refusals."""

import re
from fractions import Fraction

import pytest
import torch
from oracles.media_files import HEIGHT, WIDTH, damage, number_of, numbers_of, time_of_beep
from PIL import Image

from slowfast.datasets.media import MediaOptions, open_media
from slowfast.utils.errors import MediaError

NTSC = Fraction(30000, 1001)
VIDEOS = [
    {},
    {"gop": 250},
    {"gop": 250, "b_frames": 0},
    {"gop": 1},
    {"b_frames": 0},
    {"fps": Fraction(12)},
    {"fps": Fraction(25), "frames": 130, "gop": 50},
    {"fps": NTSC, "frames": 150},
    {"first": 0.5},
    {"first": 1.04, "fps": NTSC, "audio_rate": 16000},
    {"suffix": ".mkv"},
    {"suffix": ".mkv", "first": 0.3, "fps": Fraction(25)},
    {"suffix": ".mov"},
    {"suffix": ".avi", "b_frames": 0},
    {"fast_start": False, "audio_rate": 16000},
]


@pytest.mark.parametrize("settings", VIDEOS, ids=str)
def test_all_frames_come_in_order(media_factory, settings):
    with open_media(media_factory(**settings)) as media:
        count = media.video.num_frames
        assert count == settings.get("frames", 60)
        assert numbers_of(media.read_frames(range(count))) == list(range(count))


@pytest.mark.parametrize("settings", VIDEOS, ids=str)
def test_any_frame_can_be_read_alone_in_any_order_and_twice(media_factory, settings):
    wanted = [31, 0, 58, 13, 13, 12, 11, 47]
    with open_media(media_factory(**settings)) as media:
        assert numbers_of(media.read_frames(wanted)) == wanted
        for number in wanted:
            assert number_of(media.read_frames([number])[0]) == number


@pytest.mark.parametrize("settings", VIDEOS, ids=str)
def test_facts_come_from_the_file(media_factory, settings):
    with open_media(media_factory(**settings)) as media:
        video = media.video
    fps = float(settings.get("fps", 30))
    assert video.fps == pytest.approx(fps, rel=1e-3)
    assert video.start == pytest.approx(settings.get("first", 0.0), abs=2e-3)
    assert (video.width, video.height) == (WIDTH, HEIGHT)
    assert video.duration == pytest.approx(video.num_frames / fps, rel=1e-3)
    assert video.time_of(3) == pytest.approx(video.start + 3 / fps, rel=1e-3)


@pytest.mark.parametrize("wanted", [[0, 299], [5, 150, 151, 290], [280, 20]])
def test_far_jumps_inside_one_call_stay_exact(media_factory, wanted):
    for gop in (12, 250):
        with open_media(media_factory(frames=300, gop=gop)) as media:
            assert numbers_of(media.read_frames(wanted)) == wanted


def test_frames_outside_are_clamped(media_factory):
    with open_media(media_factory()) as media:
        assert numbers_of(media.read_frames([-5, 59, 60, 1000])) == [0, 59, 59, 59]


def test_one_frame_video_is_read(media_factory):
    with open_media(media_factory(frames=1)) as media:
        assert numbers_of(media.read_frames([0, 3])) == [0, 0]


def test_avi_with_b_frames_shows_every_picture_in_order(media_factory):
    with open_media(media_factory(suffix=".avi", b_frames=2)) as media:
        numbers = numbers_of(media.read_frames(range(media.video.num_frames)))
    assert numbers == sorted(numbers)
    assert len(set(numbers)) >= 58


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_display_rotation_is_applied(media_factory, degrees):
    with open_media(media_factory(rotation=degrees)) as media:
        turned = media.read_frames([37])[0]
    upright = torch.rot90(turned, -degrees // 90, (1, 2))
    assert upright.shape == (3, HEIGHT, WIDTH)
    assert number_of(upright) == 37


def test_transform_is_applied_once_per_picture(media_factory):
    calls = []

    def half(image):
        calls.append(1)
        return image[:, ::2, ::2]

    with open_media(media_factory()) as media:
        frames = media.read_frames([4, 4, 9], transform=half)
    assert frames.shape == (3, 3, HEIGHT // 2, WIDTH // 2)
    assert len(calls) == 2


def test_pixels_are_uint8_rgb(media_factory):
    with open_media(media_factory()) as media:
        frames = media.read_frames([1])
    assert frames.dtype == torch.uint8
    assert frames.shape == (1, 3, HEIGHT, WIDTH)


SOUNDS = [
    {"audio_rate": 8000},
    {"audio_rate": 16000},
    {"audio_rate": 44100},
    {"audio_rate": 48000},
    {"audio_rate": 48000, "audio_layout": "stereo"},
    {"audio_rate": 48000, "audio_layout": "5.1"},
    {"audio_rate": 48000, "audio_first": 0.5},
    {"audio_rate": 8000, "audio_first": 0.5, "suffix": ".mkv"},
    {"audio_rate": 48000, "suffix": ".mkv", "audio_codec": "libopus"},
    {"audio_rate": 44100, "suffix": ".mov"},
    {"audio_rate": 48000, "first": 0.5},
    {"audio_rate": 48000, "first": 0.25, "audio_first": 0.5, "gop": 250},
]


@pytest.mark.parametrize("settings", SOUNDS, ids=str)
@pytest.mark.parametrize("start", [0.0, 0.9, 0.4321])
@pytest.mark.parametrize("rate", [16000, 48000])
def test_a_beep_is_where_it_was_put(media_factory, settings, start, rate):
    with open_media(media_factory(**settings)) as media:
        wave = media.read_waveform(start, 1.5, rate)
    assert wave.shape == (rate * 3 // 2,)
    assert abs(start + time_of_beep(wave, rate) - 1.0) < 0.01


def test_avi_keeps_the_delay_of_its_mp3_encoder(media_factory):
    """AVI cannot say that the first 1105 samples are padding: 25 ms, a frame at most."""
    path = media_factory(audio_rate=44100, suffix=".avi", b_frames=0, audio_codec="libmp3lame")
    with open_media(path) as media:
        wave = media.read_waveform(0.5, 1.0, 44100)
    assert 0.0 <= 0.5 + time_of_beep(wave, 44100) - 1.0 < 1 / 30


def test_time_before_a_late_sound_is_silent(media_factory):
    with open_media(media_factory(audio_rate=48000, audio_first=0.5, beep=0.55)) as media:
        assert media.audio.start == pytest.approx(0.5, abs=0.03)
        wave = media.read_waveform(0.0, 0.4, 16000)
    assert float(wave.abs().max()) == 0.0


def test_time_outside_the_sound_is_silent(media_factory):
    with open_media(media_factory(audio_rate=16000)) as media:
        assert float(media.read_waveform(50.0, 1.0, 16000).abs().max()) == 0.0
        assert float(media.read_waveform(-1.0, 0.5, 16000).abs().max()) == 0.0


def test_audio_facts(media_factory):
    path = media_factory(audio_rate=48000, audio_layout="5.1")
    with open_media(path) as media:
        assert (media.audio.rate, media.audio.channels, media.audio.codec) == (48000, 6, "aac")
        assert media.audio.duration == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"audio_first": 0.5},
        {"suffix": ".mkv"},
        {"suffix": ".mkv", "audio_first": 0.5},
        {"suffix": ".mkv", "audio_codec": "libopus"},
        {"suffix": ".avi", "audio_codec": "libmp3lame", "b_frames": 0},
    ],
    ids=str,
)
def test_the_end_of_short_sound_is_known(media_factory, settings):
    path = media_factory(**{"audio_rate": 48000, "audio_seconds": 0.7, **settings})
    with open_media(path) as media:
        end = media.audio.start + media.audio.duration
    assert end == pytest.approx(settings.get("audio_first", 0.0) + 0.7, abs=0.06)


def test_without_a_tag_sound_ends_with_the_container(media_factory, monkeypatch):
    from slowfast.datasets.media import video_file

    path = media_factory(audio_rate=48000, audio_first=0.5, suffix=".mkv")
    monkeypatch.setattr(video_file, "MATROSKA_TIME", re.compile("none"))
    with open_media(path) as media:
        assert media.audio.start + media.audio.duration == pytest.approx(2.0, abs=0.05)


def test_sound_and_pictures_can_be_read_in_turn(media_factory):
    with open_media(media_factory(audio_rate=16000)) as media:
        for number in (40, 3):
            assert numbers_of(media.read_frames([number])) == [number]
            assert media.read_waveform(0.9, 0.5, 16000).abs().max() > 0.2


def test_missing_sound_is_refused_by_name(media_factory):
    path = media_factory()
    with open_media(path) as media, pytest.raises(MediaError, match=r"no audio stream") as caught:
        media.read_waveform(0, 1, 16000)
    assert str(path) in str(caught.value)
    assert media.audio is None


def save_picture(image, path):
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(path)


@pytest.fixture(scope="module")
def damaged(tmp_path_factory, media_factory):
    folder = tmp_path_factory.mktemp("damaged")
    return damage(folder, media_factory(frames=240, gop=48, audio_rate=16000))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("empty", "empty"),
        ("cut_30", "cut off|cannot be decoded|not readable as media"),
        ("flipped", "cannot be decoded|damaged"),
        ("html", "not readable as media"),
        ("random", "not readable as media"),
        ("sound_only", "no video stream"),
        ("no_packet", "holds no frame"),
    ],
)
def test_damaged_files_are_refused_by_name(damaged, kind, words):
    with pytest.raises(MediaError, match=words) as caught, open_media(damaged[kind]) as media:
        media.read_frames(range(240))
    assert str(damaged[kind]) in str(caught.value)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.95])
def test_a_file_cut_off_is_refused_at_once(tmp_path, media_factory, share):
    data = media_factory(frames=240, gop=250).read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(MediaError, match=r"is cut off|damaged: its header"):
        open_media(path)


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(MediaError, match="no such file"):
        open_media(tmp_path / "none.mp4")


@pytest.fixture
def frame_folder(tmp_path):
    for number in range(12):
        image = torch.full((3, 20, 30), number * 20, dtype=torch.uint8)
        save_picture(image, tmp_path / f"img_{number}.jpg")
    return tmp_path


def test_frame_folders_are_read_in_natural_order(frame_folder):
    with open_media(frame_folder, MediaOptions(folder_fps=24)) as media:
        assert (media.video.fps, media.video.num_frames) == (24, 12)
        frames = media.read_frames([0, 2, 10, 99, -1])
    assert [round(float(f.float().mean()) / 20) for f in frames] == [0, 2, 10, 11, 0]


def test_frame_folders_name_the_bad_image(frame_folder):
    (frame_folder / "img_3.jpg").write_bytes(b"nothing")
    with open_media(frame_folder) as media, pytest.raises(MediaError, match="img_3"):
        media.read_frames([3])


def test_frame_folders_refuse_mixed_sizes(frame_folder):
    save_picture(torch.zeros(3, 10, 10, dtype=torch.uint8), frame_folder / "img_4.jpg")
    with open_media(frame_folder) as media, pytest.raises(MediaError, match="differ in size"):
        media.read_frames([3, 4])


def test_a_folder_without_frames_is_refused(tmp_path):
    with pytest.raises(MediaError, match=r"no \.jpg"):
        open_media(tmp_path)
