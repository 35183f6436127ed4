"""Several views of an item: two starts, both directions, their distance, and audio that follows."""

import numpy as np
import pytest
import torch

from slowfast.datasets.audio.spec_augment import POLICIES, SpecAugment
from slowfast.datasets.clips import ClipDataset
from slowfast.datasets.items import ItemTable
from slowfast.datasets.media import open_media
from slowfast.datasets.readers import AudioReader, TrainFrames
from slowfast.datasets.sample import SampleKey
from slowfast.datasets.sampling.temporal import DurationSampling, LinspaceSampling
from slowfast.datasets.sampling.windows import AVClipSampler
from slowfast.datasets.transforms.pipelines import TrainGeometry
from slowfast.datasets.views import FixedViews, RandomViews, ViewPlan

RATE = 16_000
WINDOWS = AVClipSampler(0.5, 0.5, "with_clip")
SAMPLINGS = (DurationSampling(8, 16.0), LinspaceSampling(15))
ALL_FOUR = ViewPlan(2, reverse=True)


@pytest.fixture
def video_file(media_factory):
    """Three seconds of frames with a beep."""
    return media_factory(frames=90, audio_rate=RATE, beep=1.4)


def draw(video_file, plan, sampling=SAMPLINGS[0], windows=WINDOWS, seed=0):
    with open_media(video_file) as media:
        return RandomViews(sampling, plan, windows).views(media, 0.0, np.random.default_rng(seed))


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_every_start_is_followed_by_the_same_moment_backwards(video_file, sampling):
    views = draw(video_file, ALL_FOUR, sampling)
    assert len(views) == ALL_FOUR.count == 4
    for forwards, back in (views[:2], views[2:]):
        assert back.frames == forwards.frames[::-1]
        assert back.time == forwards.time[::-1]
        assert forwards.time[0] < forwards.time[1]
        assert back.audio_start == forwards.audio_start
    assert views[0].frames != views[2].frames
    # A plan with fewer views reads the first of them.
    assert draw(video_file, ViewPlan(2), sampling) == views[::2]
    assert draw(video_file, 1, sampling) == views[:1]


@pytest.mark.parametrize("distance", [(1.0, 2.0), (0.0, 0.3), (1.7, np.inf)])
def test_starts_lie_as_far_apart_as_was_asked(video_file, distance):
    for seed in range(30):
        one, two = draw(video_file, ViewPlan(2, distance=distance), seed=seed)
        gap = abs(one.time[0] - two.time[0])
        assert distance[0] <= gap <= distance[1]


def test_starts_that_a_file_does_not_have_come_as_close_as_was_drawn(video_file):
    gaps = []
    for seed in range(20):
        one, two = draw(video_file, ViewPlan(2, distance=(60.0, np.inf)), seed=seed)
        gaps.append(abs(one.time[0] - two.time[0]))
    assert min(gaps) > 1.7  # of 2.5 s


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_audio_begins_with_the_clip_or_as_late_as_it_can(media_factory, sampling):
    short = media_factory(frames=90, audio_rate=RATE, beep=0.3, audio_seconds=1.5)
    starts = []
    with open_media(short) as media:
        end = media.audio.start + media.audio.duration
        for seed in range(20):
            rng = np.random.default_rng(seed)
            (view,) = RandomViews(sampling, 1, WINDOWS).views(media, 0.0, rng)
            assert view.audio_start == pytest.approx(min(view.time[0], end - 0.5))
            starts.append(view.time[0])
        (centre,) = FixedViews(sampling, windows=WINDOWS).views(media, 0.0)
        assert centre.audio_start == pytest.approx(min(centre.time[0], end - 0.5))
    assert max(starts) > 1.5


def test_views_share_what_is_drawn_of_their_audio_and_crop_by_themselves(video_file):
    masks = POLICIES["heavy"]
    readers = [
        TrainFrames(TrainGeometry(32, (40, 56), flip=False)),
        AudioReader(0.5, RATE, gain_jitter=0.5, masks=masks),
    ]
    items = ItemTable([str(video_file)], [0], [], "list")
    rule = RandomViews(SAMPLINGS[0], ALL_FOUR, WINDOWS)
    sample = ClipDataset(items, rule, readers, seed=1, on_error="replace")[SampleKey(0, 0, 0)]
    assert sample["video"].shape == (4, 3, 8, 32, 32)
    assert sample["audio"].shape == (4, 8000)
    assert sample["audio_mask"].shape == (4, 4, 2)
    for key in ("audio", "audio_mask"):
        one, back, two, two_back = sample[key]
        assert torch.equal(one, back) and torch.equal(two, two_back)
        assert not torch.equal(one, two)
    assert (sample["time"][:, 0] < sample["time"][:, 1]).tolist() == [True, False, True, False]
    video = sample["video"].float()
    assert not torch.equal(video[0], video[1].flip(1))  # other crops of the same frames


def test_masks_are_those_of_the_drawn_widths_and_places(recorded):
    want = recorded("gdt/audio_features.json")["spec_augment_seed0_medium"]
    (row,), columns = want["fully_masked_mel_rows"], want["fully_masked_time_columns"]
    # The recorded widths and starts as numbers in [0, 1), for 40 x 99 levels.
    draws = torch.tensor(
        [[1.5 / 3, (row + 0.5) / 40], [4.5 / 6, (columns[0] + 0.5) / (99 - 4 + 1)]]
    )[None]
    for time_dim in (3, 2):
        levels = torch.ones(1, 1, 40, 99)
        levels = levels if time_dim == 3 else levels.transpose(2, 3)
        got = POLICIES["medium"](levels, draws, time_dim)[0, 0]
        got = got if time_dim == 3 else got.T
        assert [k for k in range(40) if not got[k].any()] == [row]
        assert [k for k in range(99) if not got[:, k].any()] == columns


def test_widths_and_places_of_masks_cover_their_whole_range():
    policy, rng = SpecAugment(0, 1, 0, 4), np.random.default_rng(0)
    draws = torch.stack([policy.draw(rng) for _ in range(2000)])
    masked = policy(torch.ones(2000, 1, 2, 6), draws, 3)[:, 0, 0] == 0
    assert masked.sum(1).unique().tolist() == [0, 1, 2, 3]
    assert masked.any(0).all()
    once = masked[masked.sum(1) == 1].float().mean(0)
    torch.testing.assert_close(once, torch.full((6,), 1 / 6), rtol=0, atol=0.05)
