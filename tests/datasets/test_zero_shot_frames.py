"""Frames of the zero-shot recipes against what the released code hands to its network.

The release resizes by a factor, not to a size, so that its columns lie up to half a pixel elsewhere;
here its resize is done again, and places of crops and the normalisation are ours.
"""

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from slowfast.config import load_cfg
from slowfast.datasets.transforms import ClipPreprocessor
from slowfast.datasets.transforms.pipelines import TestGeometry, TrainGeometry
from slowfast.datasets.transforms.spatial import short_side_size, uniform_crop

DATA = load_cfg([Path(__file__).parents[2] / "configs/zero_shot/e2e_664.yaml"], []).DATA


@pytest.fixture(scope="module")
def resized():
    """The recorded clip ``(T, 3, 128, 170)`` after the resize of the release, in bytes."""
    flat = torch.arange(16 * 120 * 160 * 3).mul(37).remainder(251).float()
    clip = flat.view(16, 120, 160, 3).permute(0, 3, 1, 2)
    return F.interpolate(clip, scale_factor=128 / 120, mode="bilinear", align_corners=False)


def normalised(frames):
    """Return ``(3, T, H, W)`` with the mean and deviation that the network reads with."""
    clips = ClipPreprocessor(DATA.MEAN, DATA.STD)
    return ((frames.transpose(0, 1)[None] / 255 - clips.mean) / clips.std)[0]


def test_a_test_clip_is_cut_where_the_recorded_one_is(resized, recorded):
    want = recorded("zeroshot/transforms.json")["validation"]
    geometry = TestGeometry.from_cfg(DATA, 1)
    assert (geometry.short_side, geometry.crop_size) == (128, 112)
    found = normalised(uniform_crop(resized, geometry.crop_size, 1))
    assert list(found.shape) == want["shape"]
    assert found.mean().item() == pytest.approx(want["mean"], abs=1e-5)
    assert found.std().item() == pytest.approx(want["std"], abs=1e-5)
    assert found[:, 0, 0, 0].tolist() == pytest.approx(want["corner"], abs=1e-4)
    assert found[:, -1, -1, -1].tolist() == pytest.approx(want["last"], abs=1e-4)


def test_training_clips_are_the_recorded_ones_but_for_the_draws(resized, recorded):
    geometry = TrainGeometry.from_cfg(DATA)
    assert (geometry.jitter_scales, geometry.crop_size, geometry.flip) == ((128, 128), 112, True)
    for want in recorded("zeroshot/transforms.json")["training"]:
        assert list(short_side_size(120, 160, 128)) == list(resized.shape[-2:]) == want["resized"]
        top, left = want["crop_top"], want["crop_left"]
        cut = resized[..., top : top + 112, left : left + 112]
        found = normalised(cut.flip(-1) if want["flipped"] else cut)
        assert found.mean().item() == pytest.approx(want["mean"], abs=1e-5)
        assert found[0, 0, 0, :4].tolist() == pytest.approx(want["first_row4"], abs=1e-4)


def test_the_short_side_is_the_one_asked_for_where_the_release_loses_a_pixel(recorded):
    sides = recorded("zeroshot/transforms.json")["short_sides_64_1299_where_floor_gives_127"]
    assert len(sides) == 100
    assert {short_side_size(side, 2 * side, 128) for side in sides} == {(128, 256)}
