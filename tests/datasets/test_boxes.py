"""Boxes that follow resizing, crops and flips of their clips."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from slowfast.datasets.transforms import boxes as b


def test_the_whole_picture_is_resized_as_recorded(recorded):
    for case in recorded("severe/sampling.json")["ava_test_resize"]:
        height, width = case["hw"]
        boxes = b.to_pixels(np.array(case["normalised_boxes"]), height, width)
        clip = torch.zeros(1, 3, height, width, dtype=torch.uint8)
        clip, found = b.BoxTestGeometry(112)(clip, boxes)
        assert list(clip.shape[-2:]) == case["resized_hw"]
        np.testing.assert_allclose(found, case["boxes_px"], rtol=0, atol=1e-6)


def marked(height, width, box):
    """Return a black clip with a white box; its pixels tell where the box is."""
    clip = torch.zeros(2, 3, height, width, dtype=torch.uint8)
    x1, y1, x2, y2 = box
    clip[..., y1 : y2 + 1, x1 : x2 + 1] = 255
    return clip


def where_white(clip):
    ys, xs = torch.nonzero(clip[0, 0] > 127, as_tuple=True)
    return np.array([xs.min(), ys.min(), xs.max(), ys.max()])


def test_a_flip_of_the_whole_picture_takes_the_box_along():
    clip, found = b.BoxTestGeometry(60, flip=True)(marked(60, 90, (10, 5, 30, 40)), BOX)
    np.testing.assert_allclose(found[0], where_white(clip), atol=1)


BOX = np.array([[10.0, 5.0, 30.0, 40.0]])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), x=st.integers(0, 100), y=st.integers(0, 60))
def test_a_box_stays_on_what_it_marks(seed, x, y):
    box = np.array([x, y, x + 40, y + 30])
    geometry = b.BoxTrainGeometry(64, (70, 90))
    rng = np.random.default_rng(seed)
    clip, found, rows = geometry(marked(100, 150, box), box[None].astype(float), rng)
    assert clip.shape[-2:] == (64, 64) and rows.tolist() == [0]
    if (clip > 127).any():
        np.testing.assert_allclose(found[0], where_white(clip), atol=1.5)
    else:
        assert b.areas(found)[0] < 64


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), least=st.sampled_from([0.2, 0.5, 0.9]))
def test_boxes_that_keep_too_little_are_dropped_and_one_is_left(seed, least):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, [100, 60], size=(5, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(5, 40, size=(5, 2))], axis=1)
    clip = torch.zeros(1, 3, 100, 150, dtype=torch.uint8)
    _, found, rows = b.BoxTrainGeometry(64, (70, 90), least)(clip, boxes, rng)
    assert len(found) == len(rows) >= 1
    assert (b.areas(found) > 0).all()


def test_the_published_recipe_keeps_every_box_and_many_are_empty():
    rng = np.random.default_rng(0)
    clip = torch.zeros(1, 3, 360, 640, dtype=torch.uint8)
    empty = total = 0
    for _ in range(100):
        boxes = b.to_pixels(np.array([[0.1, 0.2, 0.3, 0.9], [0.6, 0.2, 0.8, 0.9]]), 360, 640)
        _, found, rows = b.BoxTrainGeometry(112, (256, 320))(clip, boxes, rng)
        assert rows.tolist() == [0, 1]
        empty += (b.areas(found) == 0).sum()
        total += 2
    assert 0.2 < empty / total < 0.6


def test_visible_share_of_nothing_is_nothing():
    none = np.array([[3.0, 3.0, 3.0, 9.0]])
    assert b.visible_share(none, none) == pytest.approx(0)
