"""AVA's frame lists and boxes: read as they are, wrong lines named."""

import contextlib
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slowfast.datasets.ava_media import ClipWindow, FrameSource, VideoSource

from slowfast.datasets.lists.ava_boxes import read_box_lines, read_keyframes, select_seconds
from slowfast.datasets.lists.frame_lists import HEADER, compact, read_frame_list
from slowfast.utils.errors import AnnotationError, MediaError


@pytest.fixture
def written(tmp_path):
    def write(text, name="list.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def frame_list(*lines):
    return "\n".join([HEADER, *lines]) + "\n"


def test_a_frame_list_is_read_video_by_video(written):
    text = frame_list('a 0 0 a/a_000001.jpg ""', 'a 0 1 a/a_000002.jpg "3,5"', 'b 1 0 b/x.jpg ""')
    found = dict(read_frame_list(written(text)))
    assert list(found) == ["a", "b"]
    assert [line.path for line in found["a"]] == ["a/a_000001.jpg", "a/a_000002.jpg"]
    assert [line.labels for line in found["a"]] == [(), (3, 5)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (frame_list("a 0 0 a.jpg"), "line 2: 4 fields, expected the five"),
        (frame_list('a 0 0 a.jpg "x"'), 'line 2: labels "x"'),
        (frame_list(), "lists no frame"),
        (frame_list(*(f'{v} 0 0 {v}.jpg ""' for v in "aba")), "frames of a do not stand together"),
        (b"\xff\xfe\x00", "no readable frame list"),
    ],
)
def test_a_wrong_frame_list_is_named(written, text, message):
    with pytest.raises(AnnotationError, match=message):
        list(read_frame_list(written(text)))


def test_a_missing_frame_list_is_named(tmp_path):
    with pytest.raises(AnnotationError, match=r"nowhere\.csv: no readable frame list"):
        list(read_frame_list(tmp_path / "nowhere.csv"))


@given(
    first=st.integers(0, 10**7),
    digits=st.integers(1, 8),
    count=st.integers(1, 30),
    head=st.text("ab_/1", max_size=6),
    gap=st.booleans(),
)
def test_compact_paths_are_the_same_paths(first, digits, count, head, gap):
    numbers = [first + k + (gap and k > 3) for k in range(count)]
    paths = [f"{head}{number:0{digits}d}.jpg" for number in numbers]
    found = compact(paths)
    assert [found[k] for k in range(len(found))] == paths


BOXES = """v,0902,0.1,0.2,0.3,0.4,12,0
v,0902,0.1,0.2,0.3,0.4,17,0
v,0904,0.5,0.5,0.9,0.9,3,1

w,902,0.1,0.2,0.3,0.4,12,7
"""
DETECTED = """v,0902,0.100,0.2,0.3,0.4,,0.95
v,0902,0.6,0.6,0.8,0.8,,0.89
v,0902,0.7,0.6,0.8,0.8,,0.99
"""


def test_equal_boxes_are_one_box_with_several_actions(written):
    found = read_keyframes([written(BOXES)], [], 20, 0.9)
    assert list(found) == [("v", 902), ("v", 904), ("w", 902)]
    boxes, labels = found["v", 902].arrays(20)
    np.testing.assert_array_equal(boxes, [[0.1, 0.2, 0.3, 0.4]])
    assert np.flatnonzero(labels[0]).tolist() == [11, 16]
    assert list(select_seconds(found, 4)) == [("v", 904)]


def test_detected_boxes_need_their_score_and_have_no_action(written):
    paths = [written(BOXES)], [written(DETECTED, "detected.csv")]
    boxes, labels = read_keyframes(*paths, 20, 0.9)["v", 902].arrays(20)
    # Boxes are the same where their text is the same.
    assert len(boxes) == 3
    assert labels.sum(axis=1).tolist() == [2, 0, 0]
    with pytest.raises(AnnotationError, match=r"line 1: .* no score|no score"):
        read_keyframes([], [written("v,902,0,0,1,1,\n", "c.csv")], 20, 0.9)
    with pytest.raises(AnnotationError, match=r"no box is left. Lower AVA\.DETECTION_SCORE_THRESH"):
        read_keyframes([], [written(DETECTED, "detected.csv")], 20, 0.999)


def test_boxes_that_overshoot_the_picture_are_counted(written, caplog):
    lines = ["v,902,0,0,1,1,3,1", "v,902,0,-0.2,1,1,3,1", "v,903,0,0,1.3,1,3,1"]
    read_keyframes([written("\n".join(lines))], [], 20, 0.9)
    (said,) = caplog.messages
    assert "2 lines have boxes that reach beyond the picture" in said and "line 2" in said


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("v,902,0,0,1", "line 1: 5 fields"),
        ("v,902,0,0,1,x,3,1", "line 1: could not convert"),
        ("v,902.5,0,0,1,1,3,1", "second 902.5 is not whole"),
        ("v,902,10,20,110,220,3,1", "no shares of the picture"),
        ("v,902,0,0,nan,1,3,1", "no shares of the picture"),
        ("v,902,0.5,0,0.4,1,3,1", "the box 0.5,0,0.4,1 ends before it begins"),
        ("v,902,0,0,1,1,21,1", "action 21 is not among the 20 of MODEL.NUM_CLASSES"),
        ("v,902,0,0,1,1,0,1", "action 0 is not among"),
        ("v,902,0,0,1,1,a,1", "invalid literal"),
    ],
)
def test_a_wrong_box_is_named_with_file_and_line(written, line, message):
    with pytest.raises(AnnotationError, match=message):
        read_keyframes([written(line + "\n")], [], 20, 0.9)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "boxes.csv"
    path.write_bytes(content)
    with contextlib.suppress(AnnotationError):
        list(read_box_lines(path))


def test_clips_have_their_key_frame_in_the_middle(recorded):
    window = ClipWindow(32, 2)
    for case in recorded("severe/sampling.json")["ava_sequence"]:
        assert window.keyframe(902) == 60
        if case["center"] % 30 == 0:
            second = 900 + case["center"] // 30
            assert window.frames(second, case["num_frames_in_video"]) == case["frames"]


@pytest.mark.parametrize(("frames", "stride"), [(1, 1), (5, 1), (9, 2), (8, 3)])
def test_a_clip_has_as_many_frames_as_asked(frames, stride):
    clip = ClipWindow(frames, stride).frames(901, 300)
    assert len(clip) == frames and clip[frames // 2] in range(28, 32)


def test_a_second_outside_the_video_is_named(written, tmp_path):
    source = FrameSource([written(frame_list('a 0 0 a/1.jpg ""'))], tmp_path, ClipWindow(8, 2))
    with pytest.raises(MediaError, match="second 905 lies outside its 1 frames"):
        source.read("a", 905)
    with pytest.raises(MediaError, match=r"1\.jpg: not a readable image"):
        source.read("a", 900)


def test_a_video_in_two_lists_or_two_files_is_refused(written, tmp_path):
    lists = [written(frame_list('a 0 0 a/1.jpg ""'), name) for name in ("x.csv", "y.csv")]
    with pytest.raises(AnnotationError, match="a is in another frame list too"):
        FrameSource(lists, tmp_path, ClipWindow(8, 2))
    (tmp_path / "a.mp4").touch()
    (tmp_path / "a.mkv").touch()
    with pytest.raises(AnnotationError, match="are one video"):
        VideoSource(tmp_path, ClipWindow(8, 2))
    with pytest.raises(AnnotationError, match=r"AVA\.VIDEO_DIR .*no such folder"):
        VideoSource(tmp_path / "nowhere", ClipWindow(8, 2))


def test_the_file_may_begin_anywhere_in_the_movie(media_factory, tmp_path):
    shutil.copy(media_factory(fps=30, frames=90), tmp_path / "a.mp4")
    window = ClipWindow(4, 2)
    cut, whole = VideoSource(tmp_path, window), VideoSource(tmp_path, window, start=899)
    assert cut.read("a", 902).equal(whole.read("a", 901))
    with pytest.raises(MediaError, match="outside its 60 frames"):
        whole.read("a", 902)
