"""Windows of frames and audio: the published statistics, and what each policy promises."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from slowfast.datasets.media import AudioInfo, VideoInfo
from slowfast.datasets.sampling.windows import AVClipSampler

POLICIES = ("in_sync", "jitter", "original")
TINY = 1e-9


def frames(begin=0.0, seconds=10.0):
    return VideoInfo(100.0, round(seconds * 100), begin, 96, 64, "h264")


def sound(begin=0.0, seconds=10.0):
    return AudioInfo(48000, 1, begin, seconds, "aac")


def rng():
    return np.random.default_rng(0)


def inside(begin, length, stream):
    return stream.start - TINY <= begin <= stream.start + stream.duration - length + TINY


def test_original_windows_have_the_recorded_statistics(recorded):
    facts = recorded("avid/clip_sampling.json")["random_pretraining_windows_10s_media"]
    windows, draw = AVClipSampler(0.5, 2.0, "original", 0.5), rng()
    video, audio = np.array([windows.draw(frames(), sound(), draw) for _ in range(20_000)]).T
    difference = video - audio
    for times, name in (
        (audio, "audio_start_range"),
        (video, "video_start_range"),
        (difference, "video_minus_audio_start_range"),
    ):
        assert [times.min(), times.max()] == pytest.approx(facts[name], abs=0.06), name
    assert difference.mean() == pytest.approx(facts["video_minus_audio_mean"], abs=0.02)
    outside = np.mean((difference < 0) | (difference > 1.5))
    assert outside == pytest.approx(facts["fraction_video_window_outside_audio"], abs=0.015)
    past_end = np.mean(video + 0.5 > 10)
    assert past_end == pytest.approx(facts["fraction_video_clip_running_past_media_end"], abs=0.003)


def test_starts_cover_the_whole_file_in_every_policy():
    for policy in POLICIES:
        windows, draw = AVClipSampler(0.5, 2.0, policy, 0.5), rng()
        starts = np.array([windows.draw(frames(), sound(), draw) for _ in range(2000)])
        assert starts[:, 1].min() < 0.05, policy
        assert starts[:, 1].max() > 7.95, policy
        assert np.diff(np.sort(starts[:, 1])).max() < 0.06, policy


hundredths = st.integers(0, 300).map(lambda n: n / 100)
lengths = st.integers(1, 400).map(lambda n: n / 100)
begins = st.sampled_from([0.0, 0.02, 0.5, 1.5]) | hundredths


@st.composite
def cases(draw, policy):
    windows = AVClipSampler(draw(lengths), draw(lengths), policy, draw(hundredths))
    video = frames(draw(begins), draw(lengths) * 3)
    audio = sound(draw(begins), draw(lengths) * 3)
    return windows, video, audio, np.random.default_rng(draw(st.integers(0, 99)))


def fitting(case):
    windows, video, audio, draw = case
    assume(not windows.why_too_short(video, audio))
    return windows.draw(video, audio, draw)


@given(cases("in_sync"))
def test_windows_in_sync_have_one_centre_and_lie_inside(case):
    windows, video, audio, _ = case
    video_start, audio_start = fitting(case)
    centres = video_start + windows.video_seconds / 2, audio_start + windows.audio_seconds / 2
    assert centres[0] == pytest.approx(centres[1], abs=TINY)
    assert inside(video_start, windows.video_seconds, video)
    assert inside(audio_start, windows.audio_seconds, audio)


@given(cases("jitter"))
def test_jittered_windows_overlap_but_for_the_offset_and_lie_inside(case):
    windows, video, audio, _ = case
    video_start, audio_start = fitting(case)
    assert inside(video_start, windows.video_seconds, video)
    assert inside(audio_start, windows.audio_seconds, audio)
    assert_near(windows, video_start, audio_start)


def assert_near(windows, video_start, audio_start):
    """The shorter window leaves the longer one by at most ``max_offset``."""
    later = video_start - audio_start
    room = windows.audio_seconds - windows.video_seconds
    if room <= 0:  # the frames last longer: the sound lies inside them
        later, room = -later, -room
    assert -windows.max_offset - TINY <= later <= room + windows.max_offset + TINY


@given(cases("original"))
def test_original_windows_may_leave_the_file_by_the_shorter_one_alone(case):
    windows, video, audio, _ = case
    video_start, audio_start = fitting(case)
    sound_is_longer = windows.audio_seconds > windows.video_seconds
    assert inside(video_start, windows.video_seconds * (not sound_is_longer), video)
    assert inside(audio_start, windows.audio_seconds * sound_is_longer, audio)
    assert_near(windows, video_start, audio_start)


def ends(stream):
    return stream.start + stream.duration


@given(st.sampled_from(POLICIES).flatmap(cases))
def test_a_problem_is_found_exactly_where_nothing_fits(case):
    """Room for windows of one centre, or, for the other policies, of one beginning."""
    windows, video, audio, _ = case
    lead = (windows.video_seconds - windows.audio_seconds) / 2
    shift = lead if windows.offset == "in_sync" else 0.0
    earliest = max(audio.start, video.start + shift)
    latest = min(ends(audio) - windows.audio_seconds, ends(video) - windows.video_seconds + shift)
    assume(abs(earliest - latest) > TINY)
    assert bool(windows.why_too_short(video, audio)) == (earliest > latest)


def test_windows_that_fit_in_one_place_only_are_drawn_there_except_as_published():
    for policy in ("in_sync", "jitter"):
        windows = AVClipSampler(2.0, 2.0, policy, 0.0)
        assert windows.why_too_short(frames(0, 2), sound(0, 2)) == ""
        assert windows.draw(frames(0, 2), sound(0, 2), rng()) == (0.0, 0.0)
    assert AVClipSampler(2.0, 2.0, "original").why_too_short(frames(0, 2), sound(0, 2))


@pytest.mark.parametrize("policy", POLICIES)
def test_roles_are_swapped_where_the_pictures_last_longer(policy):
    windows, draw = AVClipSampler(2.0, 0.5, policy, 0.25), rng()
    starts = np.array([windows.draw(frames(), sound(), draw) for _ in range(500)])
    later = starts[:, 1] - starts[:, 0]
    if policy == "in_sync":
        assert later == pytest.approx(0.75)
    else:
        assert -0.25 <= later.min() < -0.2
        assert 1.7 < later.max() <= 1.75
    assert starts[:, 0].max() <= 8.0


@pytest.mark.parametrize("policy", POLICIES)
def test_sound_that_begins_late_is_not_asked_for_before(policy):
    windows, draw = AVClipSampler(0.5, 1.0, policy, 0.5), rng()
    for _ in range(200):
        video_start, audio_start = windows.draw(frames(0, 3), sound(0.5, 2.5), draw)
        assert 0.5 <= audio_start <= 2.0
        assert 0.0 <= video_start <= 3.0


@pytest.mark.parametrize("policy", POLICIES)
def test_sound_of_unknown_length_lasts_as_long_as_the_pictures(policy):
    windows = AVClipSampler(0.5, 1.0, policy, 0.5)
    unknown, known = sound(0.5, math.nan), sound(0.5, 2.5)
    drawn = windows.draw(frames(0, 3), unknown, rng())
    assert drawn == windows.draw(frames(0, 3), known, rng())
    assert windows.centre(frames(0, 3), unknown) == windows.centre(frames(0, 3), known)
    assert windows.why_too_short(frames(0, 1.2), unknown)


def test_problems_say_what_was_found_and_what_is_needed():
    windows = AVClipSampler(0.5, 2.0)
    assert windows.why_too_short(frames(), None) == "the file has no audio stream"
    assert windows.why_too_short(frames(), sound(9.0, 1.5)) == (
        "audio and frames share 1.00 s, too little for 2 s of audio and 0.5 s of frames"
    )
    assert "share 0.00 s" in windows.why_too_short(frames(0, 1), sound(5.0, 10.0))


def test_the_centre_is_that_of_the_pictures():
    windows = AVClipSampler(0.5, 2.0)
    assert windows.centre(frames(1.0), sound(1.0)) == (5.75, 5.0)
    assert windows.centre(frames(1.0), None) == (5.75, 5.0)
    assert windows.centre(frames(1.0, 0.2), None) == (1.0, pytest.approx(0.1))


def test_in_the_centre_the_sound_is_moved_to_where_there_is_some():
    windows = AVClipSampler(0.5, 2.0)
    assert windows.centre(frames(), sound(6.0, 4.0)) == (4.75, 6.0)
    assert windows.centre(frames(), sound(0.0, 4.5)) == (4.75, 2.5)
    assert windows.centre(frames(), sound(0.5, 1.0)) == (4.75, 0.5)  # shorter than the window


@given(lengths, lengths, begins, lengths)
def test_anywhere_gives_one_centre_and_keeps_the_pictures_inside(video_seconds, seconds, begin, d):
    windows = AVClipSampler(video_seconds, seconds)
    video = frames(begin, d)
    video_start, audio_start = windows.sample_video_only(video, rng())
    assert video_start + video_seconds / 2 == pytest.approx(audio_start + seconds / 2)
    assert video_start >= begin
    assert inside(video_start, min(video_seconds, video.duration), video)
