"""Log filter banks: the recorded numbers of the GDT release, a slow oracle, statistics that fit."""

import numpy as np
import pytest
import torch
from datasets.test_audio_features import audio_node
from oracles.log_mel import log_mel as oracle

from slowfast.datasets.audio import AUDIO_FEATURES, SpectrogramStats, build_audio_features
from slowfast.datasets.audio.log_mel import LogMel, mel_filters
from slowfast.utils.errors import ConfigError

RATE = 24000


@pytest.fixture(scope="module")
def numbers(recorded):
    return recorded("gdt/audio_features.json")


@pytest.fixture(scope="module")
def wave(numbers):
    """Return ``make(seconds)``: the recorded waveform as float64 ``(1, S)``."""

    def make(seconds):
        n = np.arange(round(seconds * RATE))
        tones = sum(a * np.sin(2 * np.pi * f * n / RATE) for f, a in numbers["tones_hz_amplitude"])
        return torch.from_numpy(np.round(32767 * tones).astype(np.int16) / 32768.0)[None]

    return make


def check(got, want, tolerance=1e-6):
    assert list(got.shape) == want["shape"]
    found = got.flatten()[want["flat_index"]]
    torch.testing.assert_close(
        found, torch.tensor(want["values"]).double(), rtol=tolerance, atol=tolerance
    )


def release(num_mels):
    kind = {"features": "log_mel", "num_bins": num_mels}
    return SpectrogramStats.load("gdt_release_24k", **kind)


@pytest.mark.parametrize(
    ("name", "mels", "seconds"),
    [("gdt_type1_raw", 40, 1), ("stica_type2_1s_raw", 257, 1), ("stica_type2_2s_raw", 257, 2)],
)
def test_levels_are_the_recorded_ones(numbers, wave, name, mels, seconds):
    features = LogMel(mels, duration=seconds)
    got = features(wave(seconds))
    assert got.shape[1:] == features.output_shape
    check(got[0], numbers[name])


@pytest.mark.parametrize(
    ("name", "start"),
    [("type1_offset_0p5s_of_3s", 0.5), ("type1_offset_past_end_2p6s_of_3s", 2.0)],
)
def test_levels_from_the_middle_are_the_recorded_ones(numbers, wave, name, start):
    begin = round(start * RATE)
    check(LogMel()(wave(3)[:, begin : begin + RATE])[0], numbers[name])


def test_the_constants_of_the_release_and_reversal_give_the_recorded_numbers(numbers, wave):
    features = LogMel(stats=release(40))
    got = features(wave(1))
    check(got[0], numbers["gdt_type1_z_normalised"])
    back = got.flip(features.time_dim)[0].flatten()[:8]
    want = torch.tensor(numbers["gdt_type1_time_reversed_first8"]).double()
    torch.testing.assert_close(back, want, rtol=1e-6, atol=1e-6)


def test_float32_agrees_with_float64(wave):
    for mels in (40, 257):
        features = LogMel(mels)
        got = features(wave(1).float())
        assert got.dtype == torch.float32
        torch.testing.assert_close(got.double(), features(wave(1)), rtol=1e-4, atol=1e-3)


def test_filters_are_the_recorded_ones(numbers):
    for bank in numbers["mel_banks"]:
        filters = mel_filters(bank["n_filters"], 1024, RATE)
        assert int((filters.sum(1) == 0).sum()) == bank["n_all_zero_filters"]


@pytest.mark.parametrize(
    ("mels", "rate", "fft_size", "fps", "samples"),
    [(40, 24000, 1024, 100, 5000), (12, 8000, 256, 80, 3001), (64, 16000, 512, 100, 200)],
)
def test_any_size_equals_the_oracle(mels, rate, fft_size, fps, samples):
    generator = torch.Generator().manual_seed(samples)
    waves = 0.3 * torch.randn(3, samples, generator=generator).double()
    waves[2] = 0
    features = LogMel(mels, rate, samples / rate, fft_size, fps)
    got = features(waves)
    assert got.shape == (3, *features.output_shape)
    for row, one in zip(got, waves, strict=True):
        step = round(rate / fps)
        want = oracle(one.numpy(), mels, rate, fft_size, 2 * step, step)
        np.testing.assert_allclose(row[0].numpy(), want, rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_changes_nothing(dtype, wave):
    features = LogMel(stats=release(40))
    with torch.autocast("cpu", dtype):
        got = features(wave(1).float())
    assert torch.equal(got, features(wave(1).float()))


LOG_MEL = {"FEATURES": "log_mel", "DURATION": 1.0, "NORM_STATS": "log_mel_esc10_24k"}


@pytest.mark.parametrize("mels", [40, 257])
def test_the_config_builds_them_with_statistics_that_fit(mels):
    features = build_audio_features(audio_node(NUM_MELS=mels, **LOG_MEL))
    assert features.output_shape == (1, mels, 99)
    silence = features(torch.zeros(1, RATE))
    assert torch.isfinite(silence).all() and silence.abs().max() < 20
    levels = build_audio_features(audio_node(NUM_MELS=mels, **LOG_MEL), normalise=False)
    assert float(levels(torch.zeros(1, 0)).max()) == pytest.approx(-36.0437, abs=1e-3)


def test_statistics_of_other_features_are_refused_by_name():
    with pytest.raises(
        ConfigError, match=r"avid_log_spectrogram of 257 .* not for .*log_mel of 40"
    ):
        build_audio_features(audio_node(**{**LOG_MEL, "NORM_STATS": "avid_audioset_24k"}))
    with pytest.raises(ConfigError, match=r"not for AUDIO\.FEATURES log_mel of 64"):
        build_audio_features(audio_node(**LOG_MEL, NUM_MELS=64))


def test_a_window_longer_than_the_transform_is_refused():
    with pytest.raises(ConfigError, match=r"AUDIO\.FFT_SIZE 256 must hold a window of 480"):
        build_audio_features(audio_node(**{**LOG_MEL, "FFT_SIZE": 256, "NORM_STATS": ""}))


def test_an_unknown_name_lists_the_nearest():
    assert {"avid_log_spectrogram", "log_mel"} <= set(AUDIO_FEATURES)
    with pytest.raises(ConfigError, match=r"AUDIO\.FEATURES.*Did you mean 'log_mel'"):
        build_audio_features(audio_node(FEATURES="logmel"))
