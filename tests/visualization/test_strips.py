"""Tables of film strips."""

import io

import numpy as np
from PIL import Image

from slowfast.visualization.strips import Strip, read_strip, strip_table

from .conftest import strips


def test_frames_stand_beside_each_other_in_order():
    levels = [20, 120, 220]
    frames = np.stack([np.full((40, 80, 3), level, np.uint8) for level in levels])
    ((cell,),) = strips(strip_table([[Strip(frames, ["a & b"])]]))[0]
    image = np.asarray(Image.open(io.BytesIO(cell[1])))
    assert cell[0] == "a &amp; b" and image.shape == (40, 3 * 80 + 2 * 2, 3)
    assert [int(image[20, 40 + 82 * k, 0]) for k in range(3)] == levels


def test_large_frames_are_shown_smaller():
    frames = np.zeros((2, 720, 1280, 3), np.uint8)
    (((_, picture),),) = strips(strip_table([[Strip(frames, ["large"])]]))[0]
    width, height = Image.open(io.BytesIO(picture)).size
    assert height == 120 and abs(width - 120 * 2 * 1280 / 720) < 10


def test_only_what_was_looked_for_is_framed():
    row = [Strip(None, ["one", "first"]), Strip(None, ["two", ""], framed=True)]
    table = strip_table([row], ["query", "found"])
    assert table.count('class="framed"') == 1
    assert [words for words, _ in strips(table)[0][0]] == ["one<br>first", "two"]
    assert "<th>query</th><th>found</th>" in table


def test_a_file_without_frames_has_no_strip(media_factory, tmp_path):
    assert read_strip(str(media_factory(frames=12, audio_rate=0)), 4).shape[0] == 4
    assert read_strip(str(tmp_path / "gone.mp4"), 4) is None
