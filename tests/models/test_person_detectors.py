"""Boxes around people from the output of a detector."""

import numpy as np
import pytest

from slowfast.config import get_cfg
from slowfast.models.person_detectors import build_detector, people_of
from slowfast.utils.errors import CheckpointError, ConfigError


def output_with(*people, cells=22):
    """Return an output with (row, column, width, height, objectness, class) in it."""
    output = np.zeros((85, cells, cells), dtype=np.float32)
    for row, column, width, height, something, kind in people:
        sides = np.log(np.array([width, height]) / (1 - np.array([width, height])))
        output[0, row, column] = something
        output[1:5, row, column] = [np.arctanh(0.5), np.arctanh(-0.25), *sides]
        output[5 + kind, row, column] = 0.9
    return output


def test_a_person_is_found_where_it_is():
    boxes, scores = people_of(output_with((10, 4, 0.2, 0.5, 0.8, 0)), 0.5)
    x, y = (4 + 0.5) / 22, (10 - 0.25) / 22
    want = [x - 0.1, max(y - 0.25, 0), x + 0.1, y + 0.25]
    np.testing.assert_allclose(boxes, [want], atol=1e-6)
    np.testing.assert_allclose(scores, [0.8**0.6 * 0.9**0.4], rtol=1e-6)


def test_other_things_and_doubtful_people_are_left_out():
    output = output_with((3, 3, 0.2, 0.2, 0.9, 2), (15, 15, 0.2, 0.2, 0.1, 0))
    boxes, scores = people_of(output, 0.5)
    assert boxes.shape == (0, 4) and scores.shape == (0,)


def test_one_person_is_found_once_and_the_surest_comes_first():
    output = output_with(
        (10, 4, 0.3, 0.5, 0.6, 0), (10, 5, 0.3, 0.5, 0.8, 0), (10, 18, 0.2, 0.4, 0.95, 0)
    )
    boxes, scores = people_of(output, 0.3)
    assert len(boxes) == 2
    assert scores[0] > scores[1]
    assert boxes[0, 0] > 0.5


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("yolo", ConfigError, "choose torchvision, detectron2 or onnx:FILE"),
        ("onnx:", ConfigError, "choose torchvision"),
        ("onnx:nowhere.onnx", (ConfigError, CheckpointError), "onnx"),
    ],
)
def test_what_cannot_be_used_is_named(name, error, message):
    with pytest.raises(error, match=message):
        build_detector(name, 0.5, get_cfg())
