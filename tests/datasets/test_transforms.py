"""Geometry and colour: recorded boxes and frames, and torchvision as the oracle of colour."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms.v2 import functional as F

from slowfast.datasets.sampling.temporal import DurationSampling, slow_pathway_indices
from slowfast.datasets.transforms import (
    ClipPreprocessor,
    ColorJitter,
    TestGeometry,
    TrainGeometry,
    apply_color_jitter,
    random_crop,
    resize_short_side,
    uniform_crop_box,
)
from slowfast.datasets.transforms.color import IDENTITY, ORDERS
from slowfast.datasets.transforms.spatial import (
    random_resized_crop_box,
    resize,
    short_side_size,
    uniform_crop,
)

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

# torch 2.6 rounds single pixels of a resized frame the other way, by one grey level; only there
# may values and channel means differ by more than float rounding.
OLD_RESIZE = tuple(int(part) for part in torch.__version__.split(".")[:2]) < (2, 7)
PIXEL_TOLERANCE = 1.01 / 255 / 0.224 if OLD_RESIZE else 1e-4
MEAN_TOLERANCE = 5e-4 if OLD_RESIZE else 1e-4


def test_uniform_crops_equal_the_recorded_ones(recorded):
    for row in recorded("slowfast/uniform_crop.json")["rows"]:
        box = uniform_crop_box(row["height"], row["width"], row["size"], row["spatial_idx"])
        assert list(box) == row["box_xyxy"], row


def test_short_side_sizes_equal_the_recorded_ones(recorded):
    for row in recorded("slowfast/uniform_crop.json")["resize_short_side"]:
        out = resize_short_side(torch.zeros(3, row["height"], row["width"]), row["short_side"])
        assert list(out.shape[-2:]) == [row["out_h"], row["out_w"]], row


def test_scale_then_crop_equals_the_recorded_one(recorded):
    for row in recorded("slowfast/uniform_crop.json")["scale_then_crop"]:
        size = list(short_side_size(row["height"], row["width"], row["scale_size"]))
        assert size == row["resized_hw"]
        out = uniform_crop(torch.zeros(3, *size), row["size"], 1)
        assert list(out.shape) == row["out_shape"]


def wave_frames(count, width, height, d=1.0):
    """Return the recorded formula's frames ``(T, 3, H, W)``."""
    x, y = np.arange(width)[None, :], np.arange(height)[:, None]
    frames = []
    for k in range(count):
        red = 127.5 + 127.5 * np.sin(0.05 * x + 0.3 * k + d) + 0 * y
        green = 127.5 + 127.5 * np.sin(0.07 * y + 0.2 * k) + 0 * x
        blue = 127.5 + 127.5 * np.sin(0.03 * (x + y))
        frames.append(np.rint(np.stack([red, green, blue])).astype(np.uint8))
    return torch.from_numpy(np.stack(frames))


def through_pipeline(frames, square=0):
    geometry = TestGeometry(224, int(224 / 0.875), square=square, antialias=True)
    (clip,) = geometry(frames)
    (out,) = ClipPreprocessor(MEAN, STD)(clip.transpose(0, 1)[None])
    return out[0]


PICTURES = [
    ("msc_test_224_from_340x256_8f", 340, 256, 8, 0),
    ("msc_test_224_from_320x240_8f", 320, 240, 8, 0),
    ("msc_test_224_from_240x320_portrait_8f", 240, 320, 8, 0),
    ("crop_color_test_224_from_320x240_8f_squashed_to_256x256", 320, 240, 8, 256),
    ("pad_missing_3_frames_to_8", 320, 240, 3, 0),
    ("pad_missing_1_frame_to_8", 320, 240, 1, 0),
    ("longer_than_num_frames_is_not_cut", 320, 240, 11, 0),
]


@pytest.mark.parametrize(("name", "width", "height", "count", "square"), PICTURES)
def test_test_pictures_equal_the_recorded_ones(recorded, name, width, height, count, square):
    want = recorded("avid/video_transform.json")[name]
    rows = DurationSampling(8).pad(list(range(count)))
    out = through_pipeline(wave_frames(count, width, height)[rows], square)
    assert list(out.shape) == want["shape"]
    assert float(out.double().mean()) == pytest.approx(want["mean"], abs=1e-4)
    assert float(out.double().norm()) == pytest.approx(want["l2"], rel=1e-4)
    means = out.double().mean((1, 2, 3)).tolist()
    assert means == pytest.approx(want["per_channel_mean"], abs=MEAN_TOLERANCE)
    first, last = out[0, 0, 0, :6].tolist(), out[2, -1, -1, -4:].tolist()
    assert first == pytest.approx(want["c0_t0_row0_first6"], abs=PIXEL_TOLERANCE)
    assert last == pytest.approx(want["c2_tlast_rowlast_last4"], abs=PIXEL_TOLERANCE)


@given(st.integers(8, 200), st.integers(8, 200), st.integers(0, 2**32 - 1), st.floats(0.05, 0.9))
def test_random_boxes_lie_inside(height, width, seed, low):
    rng = np.random.default_rng(seed)
    x0, y0, x1, y1 = random_resized_crop_box(height, width, (low, 1.0), (0.75, 4 / 3), rng)
    assert 0 <= x0 < x1 <= width
    assert 0 <= y0 < y1 <= height


def test_random_crops_reach_every_place():
    clip = torch.arange(12).reshape(3, 4)
    rng = np.random.default_rng(0)
    corners = {int(random_crop(clip, 2, rng)[0, 0]) for _ in range(300)}
    assert corners == {0, 1, 2, 4, 5, 6}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"area": (0.1, 1.0), "aspect": (0.75, 1.33)},
        {"square": 60},
        {"inverse_uniform": True, "antialias": True},
    ],
)
def test_training_geometry_uses_one_draw_for_all_frames(options):
    geometry = TrainGeometry(32, (40, 56), **options)
    frame = torch.randint(0, 255, (3, 48, 64), dtype=torch.uint8)
    clip = geometry(frame.expand(5, 3, 48, 64), np.random.default_rng(3))
    assert clip.shape == (5, 3, 32, 32)
    assert all(torch.equal(clip[0], clip[k]) for k in range(5))
    again = geometry(frame.expand(5, 3, 48, 64), np.random.default_rng(3))
    assert torch.equal(clip, again)


def test_half_of_the_clips_are_mirrored():
    geometry = TrainGeometry(4, (4, 4))
    clip = torch.arange(16, dtype=torch.uint8).reshape(1, 1, 4, 4)
    rng = np.random.default_rng(0)
    mirrored = sum(int(geometry(clip, rng)[0, 0, 0, 0]) == 3 for _ in range(400))
    assert 160 < mirrored < 240


def test_three_test_crops_tile_the_longer_side():
    clip = torch.arange(10 * 30).reshape(1, 1, 10, 30).float()
    left, centre, right = TestGeometry(10, 10, num_crops=3)(clip)
    assert torch.equal(left, clip[..., :10])
    assert torch.equal(centre, clip[..., 10:20])
    assert torch.equal(right, clip[..., 20:])


def test_an_unchanged_size_is_not_resampled():
    clip = torch.randint(0, 255, (2, 3, 20, 30), dtype=torch.uint8)
    assert torch.equal(resize(clip, 20, 30), clip)


def jitter_oracle(clip, draw):
    """Apply torchvision frame by frame, in the drawn order."""
    steps = [F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue]
    frames = []
    for frame in clip.unbind(1):
        for step in ORDERS[int(draw[4])]:
            frame = steps[step](frame, float(draw[step]))
        frames.append(frame)
    return torch.stack(frames, 1)


@pytest.mark.parametrize("order", [0, 5, 9, 14, 23])
def test_colour_jitter_equals_torchvision_frame_by_frame(order):
    generator = torch.Generator().manual_seed(order)
    clips = torch.rand(2, 3, 4, 10, 12, generator=generator)
    draws = torch.tensor([[1.3, 0.6, 1.4, 0.1, order, 0, 0], [0.8, 1.2, 0.7, -0.2, order, 0, 0]])
    out = apply_color_jitter(clips, draws)
    for clip, draw, got in zip(clips, draws, out, strict=True):
        assert torch.allclose(got, jitter_oracle(clip, draw), atol=1e-5)


def test_identity_draws_change_nothing():
    clips = torch.rand(2, 3, 2, 8, 8)
    assert torch.equal(apply_color_jitter(clips, torch.tensor([IDENTITY, IDENTITY])), clips)


def test_draws_stay_in_their_ranges_and_keep_their_probability():
    rng = np.random.default_rng(0)
    draws = ColorJitter((0.4, 0.2, 1.5, 0.1), 0.5).draw(rng, 600)
    changed = draws[draws[:, 4] >= 0]
    assert 240 < len(changed) < 360
    lows, highs = changed.min(0).values, changed.max(0).values
    assert (lows[:4] >= torch.tensor([0.6, 0.8, 0.0, -0.1]) - 1e-6).all()
    assert (highs[:4] <= torch.tensor([1.4, 1.2, 2.5, 0.1]) + 1e-6).all()
    assert len(changed[:, 4].unique()) == len(set(ORDERS)) == math.factorial(4)
    state = rng.bit_generator.state
    assert ColorJitter().draw(rng, 2).tolist() == [list(IDENTITY)] * 2
    assert rng.bit_generator.state == state


def test_grey_and_blurred_clips_are_drawn_by_their_chances():
    draws = ColorJitter(grey=0.2, blur=0.5, sigma=(0.1, 2.0)).draw(np.random.default_rng(1), 800)
    grey, sigma = draws[:, 5], draws[:, 6]
    assert set(grey.tolist()) == {0.0, 1.0} and 120 < grey.sum() < 200
    blurred = sigma[sigma > 0]
    assert 340 < len(blurred) < 460
    assert 0.1 <= blurred.min() < 0.2 and 1.9 < blurred.max() <= 2.0
    assert (draws[:, 4] == -1).all()


def test_a_grey_clip_has_the_luma_of_its_frames_and_a_blurred_one_is_smoothed_both_ways():
    clip = torch.rand(1, 3, 2, 24, 24, generator=torch.Generator().manual_seed(3))
    (grey,) = apply_color_jitter(clip, torch.tensor([[*IDENTITY[:5], 1.0, 0.0]]))
    luma = 0.2989 * clip[0, 0] + 0.587 * clip[0, 1] + 0.114 * clip[0, 2]
    for channel in grey:
        assert torch.allclose(channel, luma, atol=1e-4)
    spot = torch.zeros(1, 3, 1, 24, 24)
    spot[..., 12, 12] = 1.0
    (soft,) = apply_color_jitter(spot, torch.tensor([[*IDENTITY[:5], 0.0, 1.5]]))
    frame = soft[0, 0]
    assert torch.allclose(frame, frame.T)
    assert float(frame[12, 13] / frame[12, 12]) == pytest.approx(
        math.exp(-1 / (2 * 1.5**2)), rel=1e-4
    )
    assert float(frame.sum()) == pytest.approx(1.0, rel=1e-5)


def test_preprocessor_packs_pathways_and_channels():
    clips = torch.randint(0, 255, (2, 3, 8, 4, 4), dtype=torch.uint8)
    slow, fast = ClipPreprocessor(MEAN, STD, slow_alpha=4)(clips)
    assert fast.shape == (2, 3, 8, 4, 4)
    assert torch.equal(slow, fast[:, :, slow_pathway_indices(8, 4)])
    (bgr,) = ClipPreprocessor(MEAN, STD, reverse_channels=True)(clips)
    assert torch.equal(bgr, fast.flip(1))
    want = (clips[0, 1, 2, 3, 3] / 255 - MEAN[1]) / STD[1]
    assert float(fast[0, 1, 2, 3, 3]) == pytest.approx(float(want), abs=1e-6)


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_the_released_colours_of_gdt_are_the_recorded_ones(recorded, name):
    recorded = recorded("gdt/augmentations.json")
    want, shape = recorded[f"{name}_alpha1.3_CTHW"], recorded["input_TCHW"]
    frames = torch.from_numpy(np.sin(0.01 * np.arange(np.prod(shape)))).reshape(shape)
    step = ("brightness", "contrast", "saturation").index(name)
    draw = torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0])
    draw[step] = 1.3
    (got,) = apply_color_jitter(frames.transpose(0, 1)[None], draw[None], "gdt_release")
    assert list(got.shape) == want["shape"]
    assert float(got.norm()) == pytest.approx(want["l2"], rel=1e-6)
    assert got.flatten()[:16].tolist() == pytest.approx(want["first16"], abs=1e-6)
    per_frame = [float(frame.norm()) for frame in got.unbind(1)]
    assert per_frame == pytest.approx(want["per_frame_l2"], rel=1e-6)
