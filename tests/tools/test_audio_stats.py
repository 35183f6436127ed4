"""Statistics of a user's own sound, measured as users do it."""

from pathlib import Path

import numpy as np
import pytest

from slowfast.config import load_cfg
from slowfast.dataprep.audio_stats import RunningMoments, measure_audio_stats
from slowfast.datasets.audio import SpectrogramStats, build_audio_features
from slowfast.datasets.items import ItemTable
from slowfast.datasets.media import open_media
from slowfast.utils.errors import ConfigError

TOOL = Path(__file__).parents[2] / "tools" / "audio_stats.py"
SOUND = ("AUDIO.DURATION", "0.5", "AUDIO.SAMPLE_RATE", "8000", "AUDIO.FFT_SIZE", "256")


@pytest.fixture
def run(run_tool):
    return run_tool("audio_stats")


@pytest.fixture
def dataset(tmp_path, media_factory):
    """Return ``make(*files) -> words``: a config whose training list names these files."""

    def make(*files):
        (tmp_path / "train.csv").write_text("".join(f"{path} 0\n" for path in files))
        (tmp_path / "run.yaml").write_text("TASK: ''\n")
        return ["--cfg", "run.yaml", "DATA.PATH_TO_DATA_DIR", str(tmp_path), *SOUND]

    return make


@pytest.fixture
def loud(media_factory):
    return media_factory(audio_rate=16000, beep=0.2)


@pytest.fixture
def other(media_factory):
    return media_factory(audio_rate=16000, audio_layout="stereo", beep=0.7)


def test_it_writes_what_the_config_key_reads(run, dataset, loud, media_factory, tmp_path):
    silent = media_factory()
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(b"no film")
    words = dataset(loud, silent, damaged)
    done = run(*words, "--out", "own/stats.json", "--clips", 5, "--seed", 3)
    assert done.returncode == 0, done.stderr
    assert "5 windows measured" in done.stdout
    assert "1 without audio, 0 with too little, 1 unreadable" in done.stdout
    assert "damaged.mp4" in done.stdout
    assert [path.name for path in (tmp_path / "own").iterdir()] == ["stats.json"]
    cfg = load_cfg([], [*words[2:], "AUDIO.NORM_STATS", "own/stats.json"])
    features = build_audio_features(cfg.AUDIO)
    assert features.mean.shape == features.std.shape == (65,)
    stats = SpectrogramStats.load("own/stats.json", sample_rate=8000, fft_size=256)
    for part in ("train.csv", "5 windows of 0.5 s", "seed 3"):
        assert part in stats.source
    assert (stats.sample_rate, stats.fft_size, stats.frames_per_second) == (8000, 256, 100)


def test_filter_banks_are_measured_too_and_fit_no_other_features(run, dataset, loud):
    words = [*dataset(loud), "AUDIO.FEATURES", "log_mel", "AUDIO.NUM_MELS", "12"]
    done = run(*words, "--out", "stats.json", "--clips", 3)
    assert done.returncode == 0, done.stderr
    keys = [*words[2:], "AUDIO.NORM_STATS", "stats.json"]
    features = build_audio_features(load_cfg([], keys).AUDIO)
    assert features.mean.shape == (12,)
    assert features.output_shape == (1, 12, 49)
    with pytest.raises(ConfigError, match=r"not for AUDIO\.FEATURES avid_log_spectrogram"):
        build_audio_features(load_cfg([], [*keys, "AUDIO.FEATURES", "avid_log_spectrogram"]).AUDIO)


def test_the_numbers_are_those_of_the_same_windows_computed_at_once(dataset, loud, other):
    cfg = load_cfg([], [*dataset(loud, other)[2:], "AUDIO.GAIN_JITTER", "0.5"])
    survey = measure_audio_stats(cfg, clips=7, seed=11)
    features = build_audio_features(cfg.AUDIO, normalise=False)
    rows = []
    for clip in range(8):
        turn, place = divmod(clip, 2)
        row = np.random.default_rng([11, turn]).permutation(2)[place]
        rng = np.random.default_rng([11, turn, row])
        with open_media((loud, other)[row]) as media:
            latest = media.audio.duration - 0.5
            start = media.audio.start + rng.uniform(0, latest)
            wave = media.read_waveform(start, 0.5, 8000)
        rows.append(features(wave[None] * rng.uniform(0.5, 1.5))[0, 0].double().numpy())
    rows = np.concatenate(rows[:7])
    assert survey.clips == 7
    np.testing.assert_allclose(survey.stats.mean, rows.mean(0), rtol=1e-10)
    np.testing.assert_allclose(survey.stats.std, rows.std(0), rtol=1e-10)


def test_the_seed_decides_everything(dataset, loud, other):
    cfg = load_cfg([], dataset(loud, other)[2:])
    first, again, another = (measure_audio_stats(cfg, 4, seed).stats for seed in (0, 0, 1))
    assert first == again
    assert first.mean != another.mean


def test_files_left_out_are_noted_once(dataset, loud, media_factory):
    silent, short = media_factory(), media_factory(frames=12, audio_rate=16000, beep=0.0)
    cfg = load_cfg([], [*dataset(silent, loud, short)[2:], "AUDIO.DURATION", "1.5"])
    survey = measure_audio_stats(cfg, clips=4)
    assert survey.clips == 4
    assert survey.without_audio == [str(silent)]
    assert survey.too_short == [str(short)]


def test_a_manifest_replaces_the_list(dataset, loud, tmp_path):
    words = dataset("missing.mp4")
    ItemTable([str(loud)], [0], [], "made").save(tmp_path / "kinetics-fold1-train.npz")
    cfg = load_cfg([], [*words[2:], "DATA.MANIFEST_DIR", str(tmp_path)])
    assert measure_audio_stats(cfg, clips=1).clips == 1


def test_a_list_without_sound_is_an_error_and_writes_nothing(run, dataset, media_factory, tmp_path):
    done = run(*dataset(media_factory(), media_factory(shade=1)), "--out", "stats.json")
    assert done.returncode == 1
    assert "none of 2 files has 0.5 s of audio (2 without audio" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "stats.json").exists()


def test_missing_files_are_an_error(run, dataset):
    done = run(*dataset("missing.mp4"), "--out", "stats.json")
    assert done.returncode == 1
    assert "do not exist" in done.stderr


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "required"),
        (("--out", "x.json"), "no config given"),
        (("--out", "x.json", "--clips", "0"), "expected a number from 1"),
        (("--out", "x.json", "--seed", "-1"), "expected"),
        (("--out", "x.json", "--cfg", "run.yaml", "--wrong"), "--wrong"),
    ],
)
def test_wrong_command_lines_end_with_status_2(run, words, complaint):
    done = run(*words)
    assert done.returncode == 2
    assert complaint in done.stderr


@pytest.mark.parametrize("sizes", [(1,), (5, 1, 3), (2,) * 20])
def test_running_moments_equal_those_of_all_rows(sizes):
    rng = np.random.default_rng(0)
    blocks = [1e4 + rng.standard_normal((size, 3)) * [1, 10, 0] for size in sizes]
    moments = RunningMoments()
    for block in blocks:
        moments.add(block)
    rows = np.concatenate(blocks)
    np.testing.assert_allclose(moments.mean, rows.mean(0), rtol=1e-12)
    np.testing.assert_allclose(moments.std, rows.std(0), rtol=1e-9, atol=1e-12)
