"""Charades: actions of clips and videos, from both kinds of lists."""

import numpy as np
import pytest

from slowfast.datasets.columns import Ragged
from slowfast.datasets.lists.charades import (
    CharadesVideo,
    read_annotated_videos,
    read_frame_videos,
    table_of,
)
from slowfast.datasets.lists.frame_lists import HEADER
from slowfast.datasets.media import VideoInfo
from slowfast.datasets.readers import ActionReader
from slowfast.datasets.sampling.temporal import StridedSampling
from slowfast.datasets.views import View
from slowfast.utils.errors import AnnotationError


def frame_list(labels):
    lines = [f'V 0 {k} V/V-{k + 1:06d}.jpg "{cell}"' for k, cell in enumerate(labels)]
    return "\n".join([HEADER, *lines])


def between(video, first, last):
    """Return the classes of a clip of these frames."""
    reader = ActionReader(Ragged.join([{"interval": video.intervals}]), 10, of_clip=True)
    label = reader.read(None, 0, [View([first, last], (0, 0))], None)["label"]
    return np.flatnonzero(label).tolist()


def everything(video):
    """Return the classes of a whole video."""
    reader = ActionReader(Ragged.join([{"interval": video.intervals}]), 10, of_clip=False)
    return np.flatnonzero(reader.empty(0, 1)["label"]).tolist()


def test_a_clip_has_the_actions_of_its_frames_and_a_video_all(written, recorded):
    frames = recorded("severe/charades_eval.json")["label_helpers"]["frame_labels"][0]
    cells = [",".join(map(str, labels)) for labels in frames]
    (video,) = read_frame_videos(written(frame_list(cells)), "frames")
    assert between(video, 0, 0) == [3]
    assert between(video, 2, 2) == []
    assert everything(video) == [3, 7]
    assert video.path == "frames/V" and list(video.frames)[-1] == "V/V-000003.jpg"


def test_an_action_may_come_twice_and_overlap_others(written):
    (video,) = read_frame_videos(written(frame_list(["1", "1,2", "2", "", "1", "1"])), "")
    found = [between(video, k, k) for k in range(6)]
    assert found == [[1], [1, 2], [2], [], [1], [1]]
    assert between(video, 2, 4) == [1, 2]


def test_official_annotations_count_in_seconds(written):
    text = 'id,scene,actions,length\nAB12,Kitchen,"c001 0.50 1.00;c003 2.00 9.90",10\nCD34,x,,3\n'
    first, second = read_annotated_videos(written(text), "videos", 24)
    assert (first.name, first.path) == ("AB12", "videos/AB12.mp4")
    assert between(first, 0, 11) == []
    assert between(first, 0, 12) == [1]
    assert between(first, 25, 47) == []
    assert everything(first) == [1, 3]
    assert everything(second) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,length\nA,3\n", "no column actions"),
        ("id,actions\nA,c001 x 3\n", "line 2: action 'c001 x 3', expected such as"),
        ("id,actions\n", "lists no video"),
    ],
)
def test_wrong_annotations_are_named(written, text, message):
    with pytest.raises(AnnotationError, match=message):
        read_annotated_videos(written(text), "videos", 24)


def test_an_action_beyond_the_classes_is_named():
    video = CharadesVideo("AB12", "videos/AB12.mp4", np.array([(157, 0, 3)]))
    with pytest.raises(
        AnnotationError, match=r"action 157 of AB12 is not below MODEL\.NUM_CLASSES"
    ):
        table_of([video], 157, "train.csv")


def video_of(length):
    return VideoInfo(24.0, length, 0.0, 0, 0, "images")


def test_test_views_are_the_recorded_ones(recorded):
    case = recorded("severe/sampling.json")["charades_test"]
    clips = StridedSampling(case["num_frames"], case["rate"])
    for length, want in case["videos"].items():
        views = clips.views(video_of(int(length)), case["views"])
        assert views[0] == want["first_view_frames"]
        assert views[-1] == want["last_view_frames"]


def test_random_clips_fill_the_room_there_is():
    clips, rng = StridedSampling(4, 8), np.random.default_rng(0)
    starts = {clips.random_clip(video_of(30), rng)[0] for _ in range(300)}
    assert starts == set(range(6))
    short = [clips.random_clip(video_of(20), rng) for _ in range(300)]
    assert all(0 <= min(clip) and max(clip) <= 19 for clip in short)
    assert len({tuple(clip) for clip in short}) > 3


@pytest.mark.parametrize(
    "action",
    [
        "c001 1.2.3 4",
        "c001 ... 4",
        "c001 0 99999999999",
        "c99999999999999 0 1",
        "c001 0 " + "9" * 400,
    ],
)
def test_numbers_of_actions_have_ranges(written, action):
    path = written(f"id,actions\nA,c000 0 1\nB,{action}\n")
    with pytest.raises(AnnotationError, match=r"line 3: action .*expected such as") as caught:
        read_annotated_videos(path, "", 24)
    assert len(str(caught.value)) < 400


def test_csv_fields_without_end_are_named_by_line(written):
    path = written(f"id,actions\nA,{'c000 0 1;' * 30_000}\n")
    with pytest.raises(AnnotationError, match="line 2: no readable annotations"):
        read_annotated_videos(path, "", 24)


def test_actions_that_end_before_they_begin_are_left_out_and_named(written, caplog):
    path = written("id,actions\nA,c001 5.0 4.0;c002 1.0 2.0\n")
    (video,) = read_annotated_videos(path, "", 24)
    assert video.intervals.tolist() == [[2, 24, 48]]
    assert "line 2: action c001 5.0 4.0 ends before it begins" in caplog.text
