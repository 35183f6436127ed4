"""The clips of the released zero-shot code, frame by frame."""

import numpy as np
import pytest

from slowfast.config import get_cfg
from slowfast.datasets.build import build_windows
from slowfast.datasets.media.info import VideoInfo
from slowfast.datasets.sampling.looped import LoopedActivityNetSampling, LoopedSampling
from slowfast.datasets.sampling.temporal import build_temporal_sampling
from slowfast.utils.errors import ConfigError


def video(count):
    return VideoInfo(25.0, count, 0.0, 8, 8, "h264")


def test_test_clips_are_the_recorded_ones(recorded):
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


def test_training_clips_are_the_recorded_ones(recorded):
    for case in recorded("zeroshot/clip_sampling_legacy.json")["training_single_clip"]:
        found = LoopedSampling(16).random_clip(video(case["total_frames"]), Legacy(case["np_seed"]))
        assert found == case["indices"]


def test_clips_of_activitynet_are_the_recorded_ones(recorded):
    for case in recorded("zeroshot/activitynet_sampling_legacy.json"):
        clips = LoopedActivityNetSampling(16).views(video(case["total_frames"]), case["n_clips"])
        assert [[clip[0], clip[-1]] for clip in clips] == case["first_last"]


@pytest.mark.parametrize("name", ["looped", "looped_activitynet"])
def test_the_key_chooses_it(name):
    data = get_cfg().DATA
    data.TEMPORAL_SAMPLING = name
    sampling = build_temporal_sampling(data)
    assert isinstance(sampling, LoopedSampling) and sampling.num_frames == data.NUM_FRAMES


def test_it_does_not_go_with_audio():
    cfg = get_cfg()
    cfg.DATA.TEMPORAL_SAMPLING = "looped"
    with pytest.raises(ConfigError, match="looped reads consecutive frames"):
        build_windows(cfg)
