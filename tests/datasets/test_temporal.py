"""Which frames make a clip: the published rules, frame by frame."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slowfast.config import get_cfg
from slowfast.datasets.build import build_windows
from slowfast.datasets.media import VideoInfo
from slowfast.datasets.sampling.temporal import (
    DurationSampling,
    LinspaceSampling,
    LoopedActivityNetSampling,
    LoopedSampling,
    StridedSampling,
    StrideSampling,
    build_temporal_sampling,
    slow_pathway_indices,
)
from slowfast.utils.errors import ConfigError


def video(frames, fps=30.0):
    return VideoInfo(fps, frames, 0.0, 64, 48, "test")


def test_stride_views_equal_the_recorded_ones(recorded):
    rows = recorded("slowfast/sampling.json")["rows"]
    assert len(rows) == 962
    wrong = []
    for row in rows:
        sampling = StrideSampling(
            row["num_frames"], row["sampling_rate"], row["target_fps"], row["use_offset"]
        )
        info = video(row["video_frames"], row["fps"])
        start = sampling.view_start(info, row["clip_idx"], row["num_clips"])
        frames = sampling.clip_at(info, start, row["timebase_den"])
        if (start, frames) != (pytest.approx(row["start_idx"]), row["frame_idx"]):
            wrong.append((row, start, frames))
    assert not wrong, f"{len(wrong)} differ, the first: {wrong[0]}"


def test_duration_clips_equal_the_recorded_ones(recorded):
    for case in recorded("avid/clip_sampling.json")["cases"]:
        sampling = DurationSampling(int(case["duration"] * case["out_fps"]), case["out_fps"])
        info = video(case["src_fps"] * 6, case["src_fps"])
        frames = sampling.frames_between(info, case["start"], case["duration"])
        assert frames == case["frames"], case


def test_duration_views_equal_the_recorded_ones(recorded):
    for case in recorded("avid/clip_sampling.json")["dense_video_mode"]["cases"]:
        sampling = DurationSampling(int(case["duration"] * 16), 16.0)
        info = video(case["src_fps"] * case["seconds"], case["src_fps"])
        views = sampling.views(info, case["clips"])
        assert [len(views), len(views[0])] == case["shape_without_channels"]
        assert [view[0] for view in views] == case["first_source_frame_of_each_clip"]
        assert [view[-1] for view in views] == case["last_source_frame_of_each_clip"]


def test_short_videos_repeat_from_their_beginning():
    sampling = DurationSampling(32, 16.0)
    views = sampling.views(video(25, 25.0), 3)
    assert views[0] == views[1] == views[2]
    assert views[0][:16] == views[0][16:]
    assert len(views[0]) == 32


def test_padding_wraps_around(recorded):
    case = recorded("avid/video_transform.json")["pad_missing_3_frames_to_8"]
    assert DurationSampling(8).pad([0, 1, 2]) == case["source_frame_of_each_output"]
    assert DurationSampling(8).pad(list(range(7))) == [*range(7), 0]
    assert DurationSampling(8).pad(list(range(11))) == list(range(11))


def test_linspace_clips_start_where_recorded(recorded):
    for case in recorded("gdt/temporal_sampling.json")["get_start_end_idx"]:
        if case["clip_idx"] < 0 or case["clip_size"] != int(case["clip_size"]):
            continue
        sampling = LinspaceSampling(int(case["clip_size"]))
        frames = sampling.clip_at(video(case["video_size"]), case["clip_idx"], case["num_clips"])
        last = case["video_size"] - 1
        assert frames[0] == min(case["start"], last), case
        assert frames[-1] == min(int(case["end"]), last), case


def test_slow_pathway_equals_the_recorded_one(recorded):
    for case in recorded("slowfast/frame_index.json")["pack_pathway"]:
        assert slow_pathway_indices(case["T"], case["alpha"]) == case["slow_idx"], case


def test_strided_views_equal_the_recorded_ones(recorded):
    for case in recorded("slowfast/frame_index.json")["charades_test"]:
        sampling = StridedSampling(case["num_frames"], case["sampling_rate"])
        views = sampling.views(video(case["video_length"]), case["num_views"])
        assert views[case["view"]] == case["seq"], case


INFOS = st.builds(
    video, st.integers(1, 2000), st.sampled_from([8.0, 12.5, 25.0, 29.97, 30.0, 60.0])
)
SAMPLINGS = st.one_of(
    st.builds(
        StrideSampling,
        st.integers(1, 64),
        st.integers(1, 16),
        st.sampled_from([15.0, 30.0]),
        st.booleans(),
    ),
    st.builds(DurationSampling, st.integers(1, 64), st.sampled_from([8.0, 16.0, 30.0])),
    st.builds(LinspaceSampling, st.integers(1, 64), st.integers(1, 8)),
)


def check_clip(frames, sampling, info):
    assert len(frames) == sampling.num_frames
    assert all(isinstance(frame, int) for frame in frames)
    assert min(frames) >= 0
    assert max(frames) < info.num_frames


def ascends(frames):
    return all(a <= b for a, b in pairwise(frames))


@given(SAMPLINGS, INFOS, st.integers(0, 2**32 - 1))
def test_random_clips_lie_inside_the_video(sampling, info, seed):
    frames = sampling.random_clip(info, np.random.default_rng(seed))
    check_clip(frames, sampling, info)
    # Half a source frame is missing at the end of AVID's window, so slow videos wrap around too.
    padded = isinstance(sampling, DurationSampling) and (
        info.duration < sampling.duration or info.fps <= sampling.clip_fps
    )
    assert padded or ascends(frames)


@given(SAMPLINGS, INFOS, st.integers(1, 12))
def test_views_lie_inside_the_video_and_move_forward(sampling, info, count):
    views = sampling.views(info, count)
    assert len(views) == count
    for frames in views:
        check_clip(frames, sampling, info)
    assert ascends([frames[0] for frames in views])


@given(SAMPLINGS, INFOS)
def test_centre_clips_lie_inside_the_video(sampling, info):
    check_clip(sampling.centre_clip(info), sampling, info)


@given(SAMPLINGS, INFOS, st.integers(0, 2**32 - 1))
def test_the_same_seed_draws_the_same_clip(sampling, info, seed):
    first, second = (sampling.random_clip(info, np.random.default_rng(seed)) for _ in range(2))
    assert first == second


def test_random_starts_reach_both_ends():
    info, rng = video(100), np.random.default_rng(0)
    for sampling in (
        StrideSampling(8, 2, use_offset=True),
        LinspaceSampling(8),
        DurationSampling(8),
    ):
        clips = [sampling.random_clip(info, rng) for _ in range(2000)]
        assert min(clip[0] for clip in clips) == 0
        assert max(clip[-1] for clip in clips) >= 97


def test_looped_test_clips_are_the_recorded_ones(recorded):
    for case in recorded("zeroshot/clip_sampling_legacy.json")["validation"]:
        clips = LoopedSampling(16).views(video(case["total_frames"]), case["n_clips"])
        assert [[clip[0], clip[-1]] for clip in clips] == case["first_last"], case["total_frames"]
        assert case["indices"] is None or clips == case["indices"]
        if case["n_clips"] == 1:
            assert LoopedSampling(16).centre_clip(video(case["total_frames"])) == clips[0]


class Legacy:
    """The legacy generator under the name of the new one's method."""

    def __init__(self, seed):
        self.integers = np.random.RandomState(seed).randint


def test_looped_training_clips_are_the_recorded_ones(recorded):
    for case in recorded("zeroshot/clip_sampling_legacy.json")["training_single_clip"]:
        found = LoopedSampling(16).random_clip(video(case["total_frames"]), Legacy(case["np_seed"]))
        assert found == case["indices"]


def test_clips_of_activitynet_are_the_recorded_ones(recorded):
    for case in recorded("zeroshot/activitynet_sampling_legacy.json"):
        clips = LoopedActivityNetSampling(16).views(video(case["total_frames"]), case["n_clips"])
        assert [[clip[0], clip[-1]] for clip in clips] == case["first_last"]


@pytest.mark.parametrize("name", ["looped", "looped_activitynet"])
def test_the_key_chooses_looped_clips(name):
    data = get_cfg().DATA
    data.TEMPORAL_SAMPLING = name
    sampling = build_temporal_sampling(data)
    assert isinstance(sampling, LoopedSampling) and sampling.num_frames == data.NUM_FRAMES


def test_looped_clips_do_not_go_with_audio():
    cfg = get_cfg()
    cfg.DATA.TEMPORAL_SAMPLING = "looped"
    with pytest.raises(ConfigError, match="looped reads consecutive frames"):
        build_windows(cfg)
