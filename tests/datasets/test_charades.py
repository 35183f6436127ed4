"""Charades: actions of clips and videos, from both kinds of lists."""

import numpy as np
import pytest

from slowfast.datasets.lists.charades import StridedClips, list_of
from slowfast.datasets.lists.charades_files import (
    Actions,
    CharadesVideo,
    read_annotated_videos,
    read_frame_videos,
)
from slowfast.datasets.lists.frame_lists import HEADER
from slowfast.utils.errors import AnnotationError


@pytest.fixture
def written(tmp_path):
    def write(text, name="list.csv"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def frame_list(labels):
    lines = [f'V 0 {k} V/V-{k + 1:06d}.jpg "{cell}"' for k, cell in enumerate(labels)]
    return "\n".join([HEADER, *lines])


def classes(labels):
    return np.flatnonzero(labels).tolist()


def test_a_clip_has_the_actions_of_its_frames_and_a_video_all(written, recorded):
    frames = recorded("severe/charades_eval.json")["label_helpers"]["frame_labels"][0]
    cells = [",".join(map(str, labels)) for labels in frames]
    (video,) = read_frame_videos(written(frame_list(cells)), "frames")
    assert classes(video.actions.between(0, 0, 10)) == [3]
    assert classes(video.actions.between(2, 2, 10)) == []
    assert classes(video.actions.all(10)) == [3, 7]
    assert video.path == "frames/V" and list(video.frames)[-1] == "V/V-000003.jpg"


def test_an_action_may_come_twice_and_overlap_others(written):
    (video,) = read_frame_videos(written(frame_list(["1", "1,2", "2", "", "1", "1"])), "")
    found = [classes(video.actions.between(k, k, 4)) for k in range(6)]
    assert found == [[1], [1, 2], [2], [], [1], [1]]
    assert classes(video.actions.between(2, 4, 4)) == [1, 2]


def test_official_annotations_count_in_seconds(written):
    text = 'id,scene,actions,length\nAB12,Kitchen,"c001 0.50 1.00;c003 2.00 9.90",10\nCD34,x,,3\n'
    first, second = read_annotated_videos(written(text), "videos", 24)
    assert (first.name, first.path) == ("AB12", "videos/AB12.mp4")
    assert classes(first.actions.between(0, 11, 5)) == []
    assert classes(first.actions.between(0, 12, 5)) == [1]
    assert classes(first.actions.between(25, 47, 5)) == []
    assert classes(first.actions.all(5)) == [1, 3]
    assert classes(second.actions.all(5)) == []


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
    video = CharadesVideo("AB12", "videos/AB12.mp4", Actions([(157, 0, 3)]))
    with pytest.raises(
        AnnotationError, match=r"action 157 of AB12 is not below MODEL\.NUM_CLASSES"
    ):
        list_of([video], 157, "train.csv")


def test_test_views_are_the_recorded_ones(recorded):
    case = recorded("severe/sampling.json")["charades_test"]
    clips = StridedClips(case["num_frames"], case["rate"])
    for length, want in case["videos"].items():
        views = clips.views(int(length), case["views"])
        assert views[0] == want["first_view_frames"]
        assert views[-1] == want["last_view_frames"]


def test_random_clips_fill_the_room_there_is():
    clips, rng = StridedClips(4, 8), np.random.default_rng(0)
    starts = {clips.random_clip(30, rng)[0] for _ in range(300)}
    assert starts == set(range(6))
    short = [clips.random_clip(20, rng) for _ in range(300)]
    assert all(0 <= min(clip) and max(clip) <= 19 for clip in short)
    assert len({tuple(clip) for clip in short}) > 3
