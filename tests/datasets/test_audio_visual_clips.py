"""Clips with audio: the sound is that of the frames, and missing sound is what was agreed."""

import shutil
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from oracles.media_files import number_of, time_of_beep

from slowfast.config import load_cfg
from slowfast.datasets import build_dataset
from slowfast.datasets.clips import ClipDataset
from slowfast.datasets.items import ItemTable
from slowfast.datasets.loader import build_loader, shuffle_dataset
from slowfast.datasets.media import VideoInfo, open_media
from slowfast.datasets.readers import AudioReader, EvalFrames, LabelReader, TrainFrames
from slowfast.datasets.sample import SampleKey, UnreadableSample
from slowfast.datasets.sampling.temporal import DurationSampling
from slowfast.datasets.sampling.windows import AVClipSampler
from slowfast.datasets.transforms import TestGeometry, TrainGeometry
from slowfast.datasets.views import FixedViews, RandomViews
from slowfast.utils.errors import AnnotationError, ConfigError

RATE = 16_000
TEN_MS = 0.01
SAMPLING = DurationSampling(8, 16.0)
POLICIES = ("in_sync", "jitter", "original")


def listed(*paths):
    return ItemTable([str(path) for path in paths], list(range(len(paths))), [], "list")


# Both read squares of the whole frame, so that its number stays legible.
def train_clips(items, seed=3, policy="in_sync", gain=0.0, silence=False):
    views = RandomViews(SAMPLING, 1, AVClipSampler(0.5, 1.0, policy, 0.25), silence)
    readers = [
        TrainFrames(TrainGeometry(96, square=96, flip=False)),
        AudioReader(1.0, RATE, gain, silence),
        LabelReader(items),
    ]
    return ClipDataset(items, views, readers, seed=seed, on_error="replace", max_retries=3)


def views(items, silence=False):
    rule = FixedViews(SAMPLING, windows=AVClipSampler(0.5, 1.0, "in_sync", 0.25))
    frames = EvalFrames(TestGeometry(96, 96, square=96), 8)
    readers = [frames, AudioReader(1.0, RATE, silence=silence), LabelReader(items)]
    return ClipDataset(items, rule, readers)


# Two seconds of frames with a beep in the middle, unless it says otherwise.
ALIKE = {"frames": 60, "audio_rate": 48000, "beep": 0.95}
FILES = [
    {"audio_rate": 8000},
    {"audio_rate": 44100, "audio_layout": "stereo"},
    {"audio_layout": "5.1"},
    {"audio_first": 0.5},
    {"audio_first": 0.5, "audio_rate": 8000, "suffix": ".mkv"},
    {"first": 0.5, "beep": 1.45},
    {"first": 0.25, "audio_first": 0.5, "beep": 1.2, "gop": 250},
    {"fps": Fraction(30000, 1001)},
    {"fps": Fraction(12), "frames": 24},
    {"fps": Fraction(25), "frames": 50, "suffix": ".mkv", "audio_codec": "libopus"},
    {"suffix": ".avi", "b_frames": 0, "audio_rate": 44100, "audio_codec": "pcm_s16le"},
]


def assert_aligned(sample, settings, starts):
    """Measure how far the sound lies from the first frame, against what was drawn.

    ``starts`` are those of the drawn windows. The frames begin up to a frame before theirs, and
    the sound has to follow.
    """
    (clip,) = sample["video"]
    shown = settings.get("first", 0.0) + number_of(clip[:, 0]) / float(settings.get("fps", 30))
    assert shown <= starts[0] + 1e-3
    assert starts[0] < shown + 1 / float(settings.get("fps", 30)) + 1e-3
    # Where the waveform must begin for the same distance between audio and frames.
    begins = shown + (starts[1] - starts[0])
    assert abs(begins + time_of_beep(sample["audio"][0], RATE) - settings["beep"]) < TEN_MS


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("other", FILES, ids=str)
def test_the_sound_of_a_training_clip_keeps_its_distance_to_the_pictures(
    media_factory, monkeypatch, other, policy
):
    settings = {**ALIKE, **other}
    drawn = []
    draw = AVClipSampler.draw

    def noted(*arguments):
        drawn.append(draw(*arguments))
        return drawn[-1]

    monkeypatch.setattr(AVClipSampler, "draw", noted)
    clips = train_clips(listed(media_factory(**settings)), policy=policy)
    heard = 0
    for position in range(12):
        sample = clips[SampleKey(0, position, 0)]
        assert sample["failures"] == []
        begins = drawn[-1][1]
        # A beep at the very edge of the window is cut, and begins nowhere.
        if begins + 0.05 < settings["beep"] < begins + 0.85:
            heard += 1
            assert_aligned(sample, settings, drawn[-1])
    assert heard >= 3


@pytest.mark.parametrize("other", FILES, ids=str)
def test_the_sound_of_a_centre_clip_is_that_of_its_pictures(media_factory, other):
    settings = {**ALIKE, **other}
    sample = views(listed(media_factory(**settings)))[0]
    middle = settings.get("first", 0.0) + 1.0
    if settings.get("audio_first", 0.0) <= middle - 0.5:
        assert_aligned(sample, settings, (middle - 0.25, middle - 0.5))
    assert sample["valid"] is True
    assert sample["audio"].shape == (1, RATE)
    assert sample["video"].shape == (1, 3, 8, 96, 96)


@pytest.mark.parametrize("fps", [5.0, 24.0, 29.97, 60.0])
def test_frames_begin_with_the_one_on_screen_and_audio_moves_with_it(fps):
    video = VideoInfo(fps, round(fps * 4), 0.7, 96, 64, "h264")
    rule = RandomViews(SAMPLING, 1, AVClipSampler(0.5, 1.0), silence=True)
    media = SimpleNamespace(video=video, audio=None, path="x")
    for seed in range(40):
        start, audio = rule.windows.sample_video_only(video, np.random.default_rng(seed))
        (view,) = rule.views(media, 0.0, np.random.default_rng(seed))
        assert len(view.frames) == 8
        earlier = start - view.time[0]
        assert -1e-9 <= earlier < 1 / fps + 1e-9
        assert view.time[0] == pytest.approx(video.time_of(view.frames[0]))
        assert audio - view.audio_start == pytest.approx(earlier)


def test_a_sample_depends_on_seed_epoch_and_position_alone(media_factory):
    videos = listed(*(media_factory(**ALIKE, shade=shade) for shade in range(2)))
    one, two = (train_clips(videos, policy="jitter", gain=0.3) for _ in range(2))
    two[SampleKey(1, 0, 0)]
    key = SampleKey(2, 5, 1)
    assert torch.equal(one[key]["audio"], two[key]["audio"])
    assert torch.equal(one[key]["video"], two[key]["video"])
    others = [SampleKey(2, 6, 1), SampleKey(3, 5, 1)]
    waves = [one[other]["audio"] for other in others]
    waves.append(train_clips(videos, seed=4, policy="jitter", gain=0.3)[key]["audio"])
    assert not any(torch.equal(wave, one[key]["audio"]) for wave in waves)


def test_the_gain_of_training_stays_in_its_range(media_factory):
    videos = listed(media_factory(**ALIKE))
    plain, louder = (train_clips(videos, gain=gain) for gain in (0.0, 0.25))
    gains = []
    for position in range(40):
        key = SampleKey(0, position, 0)
        quiet, loud = plain[key]["audio"], louder[key]["audio"]
        gain = float((quiet * loud).sum() / quiet.square().sum())
        assert torch.allclose(loud, gain * quiet, atol=1e-6)
        gains.append(gain)
    assert 0.75 <= min(gains) < 0.8
    assert 1.2 < max(gains) <= 1.25
    assert plain[SampleKey(0, 0, 0)]["audio"].dtype == torch.float32


@pytest.fixture
def unheard(media_factory, tmp_path):
    """Return files without one second of sound beside the frames, by what is wrong with them."""
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"<html>")
    return {
        "silent": media_factory(shade=1),
        "short": media_factory(**{**ALIKE, "audio_first": 0.6, "audio_seconds": 0.7}),
        "broken": broken,
    }


def test_a_listed_file_that_lacks_sound_is_replaced_with_its_reason(media_factory, unheard):
    good = media_factory(**ALIKE)
    for kind, words in (("silent", "no audio stream"), ("short", "audio and frames share 0.7")):
        clips = train_clips(listed(unheard[kind], good))
        # A replacement may be drawn several times before it is the good file.
        sample = next(s for p in range(9) if isinstance(s := clips[SampleKey(0, p, 0)], dict))
        assert sample["index"] == 1
        path, reason = sample["failures"][0]
        assert path == str(unheard[kind])
        assert path in reason
        assert words in reason
        assert "AUDIO.MISSING" in reason
        assert sample["audio"].abs().max() > 0.1
    given_up = train_clips(listed(unheard["silent"]))[SampleKey(0, 0, 0)]
    assert isinstance(given_up, UnreadableSample)
    assert len(given_up.failures) == 4


def test_missing_sound_may_be_silence(media_factory, unheard):
    clips = train_clips(listed(unheard["silent"], unheard["short"]), silence=True)
    for position in range(6):
        sample = clips[SampleKey(0, position, 0)]
        assert (sample["index"], sample["failures"]) == (0, [])
        assert not sample["audio"].any()
        assert sample["audio"].shape == (1, RATE)
        assert sample["video"].shape == (1, 3, 8, 96, 96)
    heard = [clips[SampleKey(0, position, 1)] for position in range(20)]
    assert all(sample["failures"] == [] for sample in heard)
    assert any(sample["audio"].abs().max() > 0.1 for sample in heard)


def test_sound_of_a_centre_clip_is_moved_to_where_there_is_some(media_factory):
    path = media_factory(**{**ALIKE, "audio_first": 1.2, "beep": 1.6})
    (wave,) = views(listed(path))[0]["audio"]
    with open_media(path) as media:
        begins = media.audio.start - (0.75 - 22 / 30)  # the frames begin with frame 22
    assert 1.1 < begins < 1.2
    assert abs(begins + time_of_beep(wave, RATE) - 1.6) < TEN_MS


def test_test_files_without_sound_are_invalid_or_silent(unheard):
    videos = listed(unheard["silent"], unheard["broken"])
    sample = views(videos)[0]
    assert sample["valid"] is False
    assert "no audio stream" in sample["failures"][0][1]
    silent = views(videos, silence=True)[0]
    assert silent["valid"] is True
    assert silent["video"].any()
    for row in range(2):
        empty = views(videos)[row]
        assert empty["video"].shape == silent["video"].shape
        assert empty["audio"].shape == silent["audio"].shape == (1, RATE)
        assert not empty["audio"].any()
    assert views(videos, silence=True)[1]["valid"] is False


@pytest.fixture
def world(tmp_path, media_factory, unheard):
    """Return a folder with the same three good and two bad files under three kinds of lists."""
    for split in ("train", "val"):
        lines = {}
        for k, path in enumerate(
            [*(media_factory(**ALIKE, shade=shade) for shade in range(3)), *unheard.values()]
        ):
            place = tmp_path / split / "ab"[k % 2] / f"{k}{path.suffix}"
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)
            lines[f"{split}/{'ab'[k % 2]}/{k}{path.suffix}"] = k % 2
        csv = "".join(f"{name} {label}\n" for name, label in lines.items())
        (tmp_path / f"{split}.csv").write_text(csv)
        (tmp_path / "test.csv").write_text(csv)
        half = "train" if split == "train" else "test"
        (tmp_path / f"{half}list01.txt").write_text("".join(f"{name}\n" for name in lines))
    (tmp_path / "classInd.txt").write_text("1 a\n2 b\n")
    return tmp_path


def config(world, **keys):
    words = {
        "DATA.PATH_TO_DATA_DIR": world,
        "DATA.PATH_PREFIX": world,
        "OUTPUT_DIR": world / "run",
        "DATA.TEMPORAL_SAMPLING": "duration",
        "DATA.TRAIN_JITTER_SCALES": [40, 48],
        "DATA.TRAIN_CROP_SIZE": 32,
        "DATA.TEST_CROP_SIZE": 32,
        "AUDIO.ENABLE": True,
        "AUDIO.SAMPLE_RATE": RATE,
        "AUDIO.DURATION": 1.0,
        "TRAIN.BATCH_SIZE": 3,
        "TEST.BATCH_SIZE": 4,
        "TEST.NUM_ENSEMBLE_VIEWS": 1,
        "TEST.NUM_SPATIAL_CROPS": 1,
        "NUM_GPUS": 0,
        **keys,
    }
    return load_cfg([], [word for key, value in words.items() for word in (key, str(value))])


@pytest.mark.parametrize("name", ["kinetics", "video_folder", "ucf101"])
def test_every_kind_of_list_gives_clips_with_sound(world, name):
    cfg = config(world)
    train = build_dataset(name, cfg, "train")
    assert len(train) == 3
    for row in range(3):
        sample = train[SampleKey(0, row, row)]
        assert sample["failures"] == []
        assert sample["label"] == int(train.items.labels[row])
        assert sample["audio"].shape == (1, RATE)
    for split in ("val", "test"):
        held_out = build_dataset(name, cfg, split)
        assert len(held_out) == 6, "nothing vanishes from a test set"
        valid = {held_out.items.paths[k][-5]: held_out[k]["valid"] for k in range(6)}
        assert [valid[str(k)] for k in range(6)] == [True, True, True, False, True, False]


def test_several_test_views_are_refused(world):
    for keys in ({"TEST.NUM_ENSEMBLE_VIEWS": 2}, {"TEST.NUM_SPATIAL_CROPS": 3}):
        with pytest.raises(ConfigError, match=r"TEST\.NUM_ENSEMBLE_VIEWS.*NUM_SPATIAL_CROPS"):
            build_dataset("kinetics", config(world, **keys), "test")


def test_each_policy_for_missing_sound_does_what_it_says(world):
    assert len(build_dataset("kinetics", config(world), "train")) == 3
    with pytest.raises(AnnotationError, match=r"3 of 6 files.*AUDIO\.MISSING error"):
        build_dataset("kinetics", config(world, **{"AUDIO.MISSING": "error"}), "train")
    silent = build_dataset("kinetics", config(world, **{"AUDIO.MISSING": "zero"}), "train")
    assert len(silent) == 6
    assert not silent[SampleKey(0, 0, 3)]["audio"].any()


def test_what_is_left_out_is_kept_in_the_folder_of_the_run_where_there_is_one(world):
    cfg = config(world)
    build_dataset("kinetics", cfg, "train")
    assert not (world / "run").exists()
    (world / "run").mkdir()
    build_dataset("kinetics", cfg, "train")
    (report,) = (world / "run" / "files").iterdir()
    assert report.name.startswith("left_out-")
    build_dataset("kinetics", cfg, "val")
    assert [report] == list((world / "run").rglob("*.*"))


def test_without_sound_nothing_is_looked_for(world):
    train = build_dataset("kinetics", config(world, **{"AUDIO.ENABLE": False}), "train")
    assert len(train) == 6
    assert "audio" not in train[SampleKey(0, 0, 0)]


def test_a_share_is_taken_before_files_are_left_out(world):
    cfg = config(world, **{"DATA.TRAIN_FRACTION": 0.4, "AUDIO.MISSING": "zero"})
    chosen = build_dataset("kinetics", cfg, "train").items
    assert len(chosen) == 2
    assert sorted(chosen.labels.tolist()) == [0, 1]


@pytest.mark.parametrize("split", ["train", "val"])
def test_workers_do_not_change_batches(world, split):
    batches = []
    for workers in (0, 2):
        cfg = config(world, **{"DATA_LOADER.NUM_WORKERS": workers, "AUDIO.OFFSET": "jitter"})
        loader = build_loader(cfg, build_dataset("kinetics", cfg, split))
        shuffle_dataset(loader, 1)
        batches.append(list(loader))
    for one, two in zip(*batches, strict=True):
        assert one["audio"].shape == (len(one["label"]), 1, RATE)
        assert torch.equal(one["audio"], two["audio"])
        assert torch.equal(one["video"], two["video"])
