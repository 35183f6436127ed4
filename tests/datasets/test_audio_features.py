"""Spectrograms: recorded numbers, a slow oracle, and statistics that fit or are refused."""

import dataclasses
import json
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import log_spectrogram as oracle

from slowfast.config import get_cfg
from slowfast.datasets.audio import SpectrogramStats, build_audio_features
from slowfast.datasets.audio.log_spectrogram import LogSpectrogram, log_spectrogram
from slowfast.datasets.audio.stats import load_sets, shipped_stats
from slowfast.datasets.audio.waveform import draw_gain, fit_length
from slowfast.utils.errors import ConfigError

SHIPPED = "avid_audioset_24k"
LARGE = {"fft_size": 1024, "frames_per_second": 100}
SMALL = {"fft_size": 512, "frames_per_second": 50}
CASES = {
    "large_n512_100fps_reflect": (LARGE, "reflect"),
    "large_n512_100fps_constant": (LARGE, "constant"),
    "small_n256_50fps_reflect": (SMALL, "reflect"),
    "small_n256_50fps_constant": (SMALL, "constant"),
}


@pytest.fixture(scope="module")
def numbers(recorded):
    return recorded("avid/spectrogram.json")


@pytest.fixture(scope="module")
def wave(numbers):
    """Return ``make(seconds, channels=1)``: the recorded waveform ``(channels, S)``, as float64."""

    def make(seconds, channels=1):
        samples = int(seconds * 24000)
        wave = oracle.recorded_waveform(samples, numbers["constants"], channels)
        return torch.from_numpy(wave).double()

    return make


def noise(*shape, seed=0):
    return 0.3 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def check(got, want):
    """Compare one spectrogram ``(1, T, F)`` with what was recorded of it."""
    close = partial(pytest.approx, rel=1e-4, abs=1e-4)
    assert list(got.shape) == want["shape"]
    assert float(got.double().norm()) == pytest.approx(want["l2"], rel=1e-5)
    facts = got.double().mean(), got.min(), got.max()
    assert [float(fact) for fact in facts] == close([want[name] for name in ("mean", "min", "max")])
    rows = got[0]
    assert rows[0, :8].tolist() == close(want["frame0_first8"])
    assert rows[len(rows) // 2, :8].tolist() == close(want["frame_mid_first8"])
    assert rows[len(rows) // 2, -4:].tolist() == close(want["frame_mid_last4"])
    assert rows[-1, :4].tolist() == close(want["frame_last_first4"])


@pytest.mark.parametrize("name", CASES)
def test_decibels_are_the_recorded_ones(numbers, wave, name):
    sizes, padding = CASES[name]
    check(log_spectrogram(wave(2), padding=padding, **sizes)[0], numbers[name]["db"])


@pytest.mark.parametrize("name", CASES)
def test_normalised_spectrograms_are_the_recorded_ones(numbers, wave, name):
    sizes, padding = CASES[name]
    stats = SpectrogramStats.load(SHIPPED, fft_size=sizes["fft_size"])
    features = LogSpectrogram(padding=padding, stats=stats, **sizes)
    got = features(wave(2))[0]
    assert got.shape == features.output_shape
    check(got, numbers[name]["normalised"])


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("case_longer_3s_is_trimmed", 3), ("case_shorter_1s_is_zero_padded", 1)],
)
def test_sound_is_brought_to_length_at_its_end(numbers, wave, name, seconds):
    check(LogSpectrogram()(wave(seconds))[0], numbers[name])


def test_the_mean_of_two_channels_gives_the_recorded_numbers(numbers, wave):
    mono = wave(2, channels=2).mean(dim=0, keepdim=True)
    check(LogSpectrogram()(mono)[0], numbers["case_stereo_is_averaged"])


@pytest.mark.parametrize("name", ["case_all_zero", "case_None_is_zeros"])
@pytest.mark.parametrize("samples", [48000, 0])
def test_silence_and_no_sound_at_all_are_the_lowest_level(numbers, name, samples):
    check(LogSpectrogram()(torch.zeros(1, samples))[0], numbers[name])


def test_shipped_statistics_equal_the_released_ones(recorded):
    released = recorded("avid/audio_norm_stats.json")["stats"].values()
    assert SHIPPED in shipped_stats()
    for stats, expected in zip(load_sets(SHIPPED), released, strict=True):
        assert stats.fft_size // 4 + 1 == expected["size"]
        assert list(stats.mean) == expected["mean"]
        assert list(stats.std) == expected["std"]
        assert stats.sample_rate == 24000
        assert "AudioSet-100k" in stats.source
        assert stats.licence == "CC BY-NC 4.0"


# Loud noise of every length, with windows from one sample to many times the length.
@settings(max_examples=60, deadline=None)
@given(
    samples=st.integers(1, 3000),
    rate=st.sampled_from([8000, 11025, 24000]),
    fft_size=st.sampled_from([4, 64, 100, 512]),
    fps=st.sampled_from([12.5, 50.0, 100.0, 333.3, 1000.0]),
    padding=st.sampled_from(["reflect", "constant"]),
)
def test_any_length_equals_the_oracle(samples, rate, fft_size, fps, padding):
    frames = int(samples * fps / rate)
    wave = noise(1, samples, seed=samples)
    arguments = (rate, fft_size, fps, padding)
    if not frames:
        with pytest.raises(ConfigError, match=r"AUDIO\.DURATION"):
            log_spectrogram(wave, *arguments)
        return
    got = log_spectrogram(wave, *arguments)
    assert got.shape == (1, 1, frames, fft_size // 4 + 1)
    want = oracle.log_spectrogram(wave[0].numpy(), *arguments)
    # Powers are compared, not decibels: rounding may move a power near zero by any number of dB.
    power, largest = 10 ** (got[0, 0].double().numpy() / 10), 10 ** (want.max() / 10)
    np.testing.assert_allclose(power, 10 ** (want / 10), rtol=1e-4, atol=1e-6 * largest)


@pytest.mark.parametrize("padding", ["reflect", "constant"])
def test_decibels_of_noise_equal_the_oracle(padding):
    wave = noise(1, 12000)
    want = oracle.log_spectrogram(wave[0].numpy(), 24000, 1024, 100, padding)
    got = log_spectrogram(wave, padding=padding)[0, 0].numpy()
    np.testing.assert_allclose(got, want, atol=2e-3)


def test_a_batch_equals_its_clips_one_by_one():
    waves = noise(5, 24000) * torch.tensor([1.0, 0.1, 1e-3, 0.0, 1.0])[:, None]
    waves[4, 6000:] = 0
    batch = log_spectrogram(waves)
    for row, wave in zip(batch, waves, strict=True):
        torch.testing.assert_close(row, log_spectrogram(wave[None])[0], rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    waves = noise(2, 12000).to(dtype)
    got = log_spectrogram(waves)
    assert got.dtype == torch.float32
    assert torch.equal(got, log_spectrogram(waves.float()))


def test_float64_stays_and_agrees_with_float32():
    waves = noise(2, 12000)
    got = log_spectrogram(waves.double())
    assert got.dtype == torch.float64
    torch.testing.assert_close(got.float(), log_spectrogram(waves), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_changes_nothing(dtype):
    features = LogSpectrogram(duration=0.5, stats=SpectrogramStats.load(SHIPPED))
    waves = noise(2, 12000)
    with torch.autocast("cpu", dtype):
        got = features(waves)
    assert got.dtype == torch.float32
    assert torch.equal(got, features(waves))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpus_give_the_numbers_of_the_cpu():
    features = LogSpectrogram(stats=SpectrogramStats.load(SHIPPED))
    waves = noise(4, 40000)
    want = features(waves)
    got = features.cuda()(waves.to("cuda"))
    assert got.is_cuda
    torch.testing.assert_close(got.cpu(), want, rtol=1e-4, atol=1e-3)


@settings(max_examples=25, deadline=None)
@given(gain=st.floats(0.01, 100), seed=st.integers(0, 99))
def test_a_gain_shifts_every_level_alike(gain, seed):
    wave = noise(1, 4800, seed=seed)
    shift = log_spectrogram(gain * wave) - log_spectrogram(wave)
    want = torch.full_like(shift, 20 * np.log10(gain))
    torch.testing.assert_close(shift, want, rtol=0, atol=2e-2)


def test_each_clip_keeps_100_db_below_its_own_maximum():
    t = torch.arange(24000) / 24000
    waves = torch.stack([torch.sin(2 * torch.pi * 3000 * t), 0.01 * torch.sin(6000 * t)])
    levels = log_spectrogram(waves)
    spread = levels.amax((1, 2, 3)) - levels.amin((1, 2, 3))
    torch.testing.assert_close(spread, torch.full((2,), 100.0))


@given(have=st.integers(0, 20), want=st.integers(0, 20), rows=st.integers(0, 3))
def test_fit_length_cuts_or_adds_zeros_at_the_end(have, want, rows):
    wave = noise(*([2] * rows), have)
    got = fit_length(wave, want)
    assert got.shape == (*wave.shape[:-1], want)
    kept = min(have, want)
    assert torch.equal(got[..., :kept], wave[..., :kept])
    assert not got[..., kept:].any()


def test_gains_are_drawn_evenly_around_one():
    rng = np.random.default_rng(0)
    gains = np.array([draw_gain(0.1, rng) for _ in range(4000)])
    assert 0.9 <= gains.min() < 0.901 < 1.099 < gains.max() <= 1.1
    assert abs(gains.mean() - 1) < 0.005
    assert draw_gain(0.0, rng) == 1.0


def test_the_default_config_gives_the_input_of_the_released_networks(wave):
    features = build_audio_features(get_cfg().AUDIO)
    assert features.output_shape == (1, 200, 257)
    want = LogSpectrogram(stats=SpectrogramStats.load(SHIPPED))(wave(2))
    assert torch.equal(features(wave(2)), want)
    assert not features.state_dict()


def audio_node(**keys):
    cfg = get_cfg()
    cfg.merge_from_list([word for key, value in keys.items() for word in (f"AUDIO.{key}", value)])
    return cfg.AUDIO


def test_the_small_front_end_takes_the_other_shipped_set():
    features = build_audio_features(audio_node(FFT_SIZE=512, FRAMES_PER_SECOND=50))
    assert features.output_shape == (1, 100, 129)
    assert features.mean.tolist() == pytest.approx(load_sets(SHIPPED)[1].mean)


def test_without_statistics_come_decibels(wave):
    for features in (
        build_audio_features(audio_node(NORM_STATS="")),
        build_audio_features(get_cfg().AUDIO, normalise=False),
    ):
        assert torch.equal(features(wave(2)), log_spectrogram(wave(2)))


def test_statistics_saved_to_a_path_are_used_from_there(tmp_path, wave):
    (stats,) = [s for s in load_sets(SHIPPED) if s.fft_size == 512]
    path = tmp_path / "own.json"
    dataclasses.replace(stats, sample_rate=16000, source="mine").save(path)
    features = build_audio_features(
        audio_node(NORM_STATS=path.as_posix(), SAMPLE_RATE=16000, FFT_SIZE=512)
    )
    assert features.mean.tolist() == pytest.approx(stats.mean)
    assert load_sets(path)[0].source == "mine"


def test_files_keep_every_digit(tmp_path):
    for stats in load_sets(SHIPPED):
        stats.save(tmp_path / "twin.json")
        assert load_sets(tmp_path / "twin.json") == [stats]


@pytest.mark.parametrize("keys", [{"SAMPLE_RATE": 16000}, {"FFT_SIZE": 2048}])
def test_statistics_of_another_spectrogram_are_refused_with_the_cure(keys):
    with pytest.raises(ConfigError) as caught:
        build_audio_features(audio_node(**keys))
    message = str(caught.value)
    words = ("AUDIO.NORM_STATS", "AUDIO.FFT_SIZE", "AUDIO.SAMPLE_RATE", "tools/audio_stats.py")
    assert all(word in message for word in words)
    assert str(*keys.values()) in message
    with pytest.raises(ConfigError, match=r"tools/audio_stats\.py"):
        LogSpectrogram(fft_size=2048, stats=SpectrogramStats.load(SHIPPED))


def test_an_unknown_name_lists_the_nearest():
    with pytest.raises(ConfigError, match=r"neither shipped .* Did you mean 'avid_audioset_24k'"):
        build_audio_features(audio_node(NORM_STATS="avid_audioset"))


GOOD = {
    "sample_rate": 8000,
    "fft_size": 4,
    "frames_per_second": 10,
    "source": "",
    "licence": "",
    "mean": [0, 1],
    "std": [1, 1],
}


@pytest.mark.parametrize(
    "text",
    [
        "mean, std",
        "[]",
        "{}",
        '{"sets": []}',
        '{"sets": [1]}',
        *(
            json.dumps({"sets": [{**GOOD, **change}]})
            for change in (
                {"mean": [0]},
                {"std": [1, -1]},
                {"std": [1, float("nan")]},
                {"mean": "ab"},
                {"fft_size": "large"},
            )
        ),
        json.dumps({"sets": [{key: GOOD[key] for key in GOOD if key != "std"}]}),
        b"\xff\xfe",
    ],
)
def test_damaged_files_are_refused_by_name(tmp_path, text):
    path = tmp_path / "damaged.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError, match=r"damaged\.json"):
        load_sets(path)
    with pytest.raises(ConfigError, match="holds no statistics"):
        load_sets(tmp_path)


def test_a_good_file_of_the_same_form_is_read(tmp_path):
    (tmp_path / "good.json").write_text(json.dumps({"sets": [GOOD]}))
    assert load_sets(tmp_path / "good.json")[0].std == (1.0, 1.0)


@pytest.mark.parametrize(
    ("settings_", "key"),
    [
        ({"fft_size": 1022}, "AUDIO.FFT_SIZE"),
        ({"fft_size": 0}, "AUDIO.FFT_SIZE"),
        ({"frames_per_second": 0}, "AUDIO.FRAMES_PER_SECOND"),
        ({"frames_per_second": 30000}, "AUDIO.FRAMES_PER_SECOND"),
        ({"padding": "zeros"}, "AUDIO.PADDING"),
        ({"duration": 0.001}, "AUDIO.DURATION"),
    ],
)
def test_sizes_that_do_not_go_together_name_their_key(settings_, key):
    with pytest.raises(ConfigError, match=key):
        LogSpectrogram(**settings_)
