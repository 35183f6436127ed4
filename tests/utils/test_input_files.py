"""Files of others: torn, hostile or merely odd ones are one error that names file and line."""

import io
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slowfast.utils.errors import AnnotationError, brief, did_you_mean, nearest_keys
from slowfast.utils.files import write_csv
from slowfast.utils.input_files import (
    parse_number,
    parse_whole,
    read_json,
    read_lines,
    read_rows,
    read_table,
    readable,
    reading_arrays,
)

LATIN = b"caf\xe9.mp4".decode("utf-8", "surrogateescape")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_any_system_writes_them(tmp_path, end):
    path = tmp_path / "list"
    path.write_bytes(b"\xef\xbb\xbf" + f"a\u2028b{end}c{end}".encode())
    assert [(k, line.strip("\r\n")) for k, line in read_lines(path)] == [(1, "a\u2028b"), (2, "c")]


def test_names_that_are_not_utf8_survive_reading_and_writing(tmp_path):
    path = tmp_path / "list.csv"
    write_csv(path, ["path"], [{"path": LATIN}])
    assert path.read_bytes() == b"path\ncaf\xe9.mp4\n"
    assert list(read_table(path, ["path"])) == [(2, {"path": LATIN})]
    assert readable(LATIN) == "café.mp4" and readable("kept: é") == "kept: é"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,b\n1,\0\n", "line 2: not a readable text file"),
        (
            b"a,b\n1,2\n" + b"x" * 200_000 + b",3\n",
            "line 3: not a readable text file (field larger",
        ),
        (b'a,b\n"' + b"x\n" * 100_000, "not a readable text file (field larger"),
        (b"a\n1\n", "no column b"),
        (b"", "no column a and b"),
        (b"a,b\n1\n", "line 2: 1 fields, expected 2"),
    ],
)
def test_damaged_tables_are_named_by_line(tmp_path, content, words):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(AnnotationError, match=re.escape(words)) as caught:
        list(read_table(path, ["a", "b"]))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["missing", "."])
def test_what_is_no_file_is_an_error_too(tmp_path, name):
    with pytest.raises(AnnotationError, match=r"no such file|not a readable"):
        list(read_rows(tmp_path / name))


@pytest.mark.parametrize(
    "content", ["[" * 100_000, "{", "[1]", "", "nan", '{"a": ' * 9000, "\0", "1" * 5000]
)
def test_json_that_is_no_object_is_refused(tmp_path, content):
    path = tmp_path / "results.json"
    path.write_text(content)
    with pytest.raises(AnnotationError, match=r"results\.json"):
        read_json(path)


@given(st.data())
def test_torn_and_flipped_archives_are_refused_or_read(tmp_path_factory, data):
    whole = io.BytesIO()
    np.savez_compressed(whole, scores=np.arange(40.0), names=np.array(["a", "b"]))
    content = bytearray(whole.getvalue())
    end = data.draw(st.integers(0, len(content)))
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("torn") / "test.npz"
    path.write_bytes(content[:end])
    try:
        with reading_arrays(path, AnnotationError, "not usable") as arrays:
            assert {name: arrays[name] for name in arrays.files}
    except AnnotationError as error:
        assert f"{path}: not usable (" in str(error)


@pytest.mark.parametrize("text", ["1.2.3", "...", "9" * 400, "", "nan", "1_0", "٣", "1e999", "0x1"])
def test_numbers_are_finite_ascii(text):
    with pytest.raises(ValueError, match=r"x is .*, expected a number") as caught:
        parse_number(text, "x")
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("text", ["9" * 20, "-1", "1.5", "a", "", "1e3", "²", "1.2.0"])
def test_whole_numbers_have_a_range(text):
    with pytest.raises(ValueError, match=r"the id is .*, expected a whole number from 0 to 9"):
        parse_whole(text, "id", 0, 9)
    assert parse_whole(" 7.0 ", "id", 0, 9) == 7


def test_messages_show_the_beginning_of_what_is_long():
    assert brief("x" * 10**7) == repr("x" * 116 + "...")[:-4] + "..."
    circle = []
    circle.append(circle)
    assert "too large to show" in brief(10**5000) and brief(circle) == "[[...]]"
    assert did_you_mean("x" * 10**6, ["x"]) == "Known: x."
    assert nearest_keys("x" * 10**6, ["A.B"]) == []
    assert json.loads(json.dumps(LATIN)) == LATIN
