"""Every reader of lists turns whatever bytes it meets into a result or one short error."""

import random

import pytest

from slowfast.datasets.lists import ava_boxes, charades, frame_lists, kinetics, text_lists
from slowfast.datasets.lists.ucf101 import read_class_index
from slowfast.evaluation import ava
from slowfast.utils.errors import SlowFastError

FRAMES = (
    b'original_vido_id video_id frame_id path labels\na 0 0 a/a_1.jpg "1,2"\na 0 1 a/a_2.jpg ""\n'
)
BOXES = b"v,902,0.1,0.2,0.3,0.4,12,0.9\nv,0903,0,0,1,1,3,1\n"
READERS = {
    "kinetics": (kinetics.read_kinetics_csv, b'a/b.mp4 1\nc d.mp4  2\n"e, f.mp4" 3\n'),
    "class names": (text_lists.read_class_names, b"run\nsit\n"),
    "class index": (read_class_index, b"1 Archery\n2 Biking\n"),
    "frames": (lambda path: [*frame_lists.read_frame_list(path)], FRAMES),
    "boxes": (lambda path: ava_boxes.read_keyframes([path], [], 20, 0.5), BOXES),
    "ground truth": (ava.read_ground_truth, BOXES),
    "detections": (ava.read_detections, BOXES),
    "excluded": (ava.read_excluded, b"v,902\nv,0903\n"),
    "label map": (ava.read_label_map, b'item {\n name: "sit"\n id: 3\n}\n'),
    "label table": (ava.read_label_map, b"label_id,label_name\n3,sit\n"),
    "charades": (
        lambda path: charades.read_annotated_videos(path, "", 24),
        b"id,subject,actions\nA,x,c001 1.0 2.0;c002 3 4.5\nB,y,\n",
    ),
}
JUNK = [
    *(b"\0", b"\xff\xfe", b"\xe9", b"9" * 30, b"-1", b"1e400", b"nan", b'"', b"'", b",", b";"),
    *(b"{", b"[[[[" * 3000, b"x" * 200_000, b" " * 5000, b"\r", b"\t", b"\xc2\x85", b"1.2.3"),
]


def damaged(data: bytes, rng: random.Random) -> bytes:
    found = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        place = rng.randint(0, len(found))
        end = place + rng.choice([0, 0, 1, 8])
        found[place:end] = rng.choice([*JUNK, b"", bytes(found[:60])])
    return bytes(found)


@pytest.mark.parametrize("name", READERS)
def test_damage_is_one_short_error(tmp_path, name):
    read, data = READERS[name]
    rng = random.Random(name)
    for number in range(60):
        path = tmp_path / "list"
        path.write_bytes(damaged(data, rng))
        try:
            read(path)
        except SlowFastError as error:
            assert str(path) in str(error) and len(str(error)) < 1500, number
