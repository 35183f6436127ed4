"""AVA's frame lists and boxes: read as they are, wrong lines named."""

import contextlib
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slowfast.datasets.columns import FrameNames
from slowfast.datasets.lists.ava import find_videos, read_frames, table_of
from slowfast.datasets.lists.ava_boxes import read_box_lines, read_keyframes, select_seconds
from slowfast.datasets.lists.frame_lists import HEADER, compact, read_frame_list
from slowfast.datasets.media import VideoInfo
from slowfast.datasets.views import KeyframeView
from slowfast.utils.errors import AnnotationError, MediaError


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
    assert "2 lines have boxes that reach beyond the frame" in said and "line 2" in said


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("v,902,0,0,1", "line 1: 5 fields"),
        ("v,902,0,0,1,x,3,1", "line 1: could not convert"),
        ("v,902.5,0,0,1,1,3,1", "second 902.5 is not whole"),
        ("v,902,10,20,110,220,3,1", "no shares of the frame"),
        ("v,902,0,0,nan,1,3,1", "no shares of the frame"),
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


def clip_around(num_frames, stride, second, count):
    """Return the clip of a second of the movie in a video of so many frames."""
    media = SimpleNamespace(video=VideoInfo(30, count, 0.0, 0, 0, "images"), path="v")
    (view,) = KeyframeView(num_frames, stride).views(media, second - 900)
    return view.frames


def test_clips_have_their_key_frame_in_the_middle(recorded):
    for case in recorded("severe/sampling.json")["ava_sequence"]:
        if case["center"] % 30 == 0:
            second = 900 + case["center"] // 30
            clip = clip_around(32, 2, second, case["num_frames_in_video"])
            assert clip == case["frames"]


@pytest.mark.parametrize(("frames", "stride"), [(1, 1), (5, 1), (9, 2), (8, 3)])
def test_a_clip_has_as_many_frames_as_asked(frames, stride):
    clip = clip_around(frames, stride, 901, 300)
    assert len(clip) == frames and clip[frames // 2] in range(28, 32)


def keyframes(written, *seconds):
    lines = "".join(f"a,{second},0,0,1,1,3,1\n" for second in seconds)
    return read_keyframes([written(lines, "boxes.csv")], [], 20, 0.9)


def clip_of(items, row):
    with items.open(row) as media:
        (view,) = KeyframeView(4, 2).views(media, items.time(row))
        return media.read_frames(view.frames)


def test_a_second_outside_the_video_is_named(written, tmp_path):
    frames = read_frames([written(frame_list('a 0 0 a/1.jpg ""'))])
    names = FrameNames(str(tmp_path), {"a": frames["a"]})
    boxes = keyframes(written, 900, 905)
    items = table_of(boxes, 20, "boxes.csv", {"a": "a"}, frames=names, frame_rate=30)
    with pytest.raises(MediaError, match="key frame at 5 s lies outside its 1 frames"):
        clip_of(items, 1)
    with pytest.raises(MediaError, match=r"1\.jpg: not a readable image"):
        clip_of(items, 0)
    assert items.name(1) == "a,0905"


def test_a_video_in_two_lists_or_two_files_is_refused(written, tmp_path):
    lists = [written(frame_list('a 0 0 a/1.jpg ""'), name) for name in ("x.csv", "y.csv")]
    with pytest.raises(AnnotationError, match="a is in another frame list too"):
        read_frames(lists)
    (tmp_path / "a.mp4").touch()
    (tmp_path / "a.mkv").touch()
    with pytest.raises(AnnotationError, match="are one video"):
        find_videos(tmp_path)
    with pytest.raises(AnnotationError, match=r"AVA\.VIDEO_DIR .*no such folder"):
        find_videos(tmp_path / "nowhere")


def test_boxes_of_videos_that_are_not_there_are_named(written):
    with pytest.raises(AnnotationError, match=r"boxes of 1 videos .*such as a"):
        table_of(keyframes(written, 902), 20, "boxes.csv", {"b": "b.mp4"})


def test_the_file_may_begin_anywhere_in_the_movie(media_factory, written):
    path = {"a": str(media_factory(fps=30, frames=90))}
    boxes = keyframes(written, 901, 902)
    cut = table_of(boxes, 20, "boxes.csv", path, frame_rate=30)
    whole = table_of(boxes, 20, "boxes.csv", path, frame_rate=30, frame_start=1)
    assert clip_of(cut, 1).equal(clip_of(whole, 0))
    with pytest.raises(MediaError, match="outside its 60 frames"):
        clip_of(whole, 1)


def test_boxes_far_beyond_the_frame_are_cut_at_its_edge(written):
    lines = ["v,902,-0.2,0,1.005,1.3,3,1", "v,903.0,-0.005,0,1,1,3.0,1"]
    found = read_keyframes([written("\n".join(lines))], [], 20, 0.9)
    assert list(found) == [("v", 902), ("v", 903)]
    boxes = [boxes.arrays(20)[0].tolist() for boxes in found.values()]
    assert boxes == [[[0, 0, 1, 1]], [[-0.005, 0, 1, 1]]]


@pytest.mark.parametrize(
    "line",
    ["v,-1,0,0,1,1,3,1", "v,1e300,0,0,1,1,3,1", "v,902,0,0,1,1,9999999999,1", "v,1,0,0,1,1,3,nan"],
)
def test_numbers_of_boxes_have_ranges(written, line):
    with pytest.raises(AnnotationError, match="line 1: "):
        read_keyframes([], [written(line + "\n")], 20, 0.9)
