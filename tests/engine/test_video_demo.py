import numpy as np
import pytest

from slowfast.engine.video_demo import boxes_of_file
from slowfast.utils.errors import AnnotationError

LINES = """mine,902,0.1,0.1,0.5,0.9,,0.95
mine,902,0.1,0.1,0.5,0.9,3,0.95
mine,902,0.6,0.1,0.9,0.9,,0.4
other,902,0.0,0.0,0.2,0.2,,0.99
"""


@pytest.fixture
def boxes(tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text(LINES)
    return path


def test_boxes_are_those_of_the_video_each_once(boxes):
    source = boxes_of_file(boxes, "mine", first_second=900)
    np.testing.assert_array_equal(source(2, None), [[0.1, 0.1, 0.5, 0.9], [0.6, 0.1, 0.9, 0.9]])
    assert source(3, None).shape == (0, 4)


def test_doubtful_boxes_can_be_left_out(boxes):
    assert len(boxes_of_file(boxes, "mine", 900, least_score=0.5)(2, None)) == 1


def test_a_file_about_one_video_fits_any(boxes):
    boxes.write_text(LINES.splitlines()[-1])
    assert len(boxes_of_file(boxes, "a holiday", 900)(2, None)) == 1


@pytest.mark.parametrize(("video", "least"), [("third", 0.0), ("mine", 0.99)])
def test_a_file_without_a_box_of_the_video_is_refused(boxes, video, least):
    with pytest.raises(AnnotationError, match=f"no box of {video}.* about: 2"):
        boxes_of_file(boxes, video, 900, least)
