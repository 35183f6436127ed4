import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slowfast.evaluation import ava
from slowfast.evaluation.ava import Boxes
from slowfast.evaluation.ava import files as ava_files
from slowfast.utils.errors import AnnotationError

FINE = "v,0902,0.1,0.2,0.3,0.4,12"


def test_a_line_becomes_a_row(written):
    found = ava.read_detections(
        written("v,902,0.1,0.2,0.3,0.4,12,0.75\nw-1,1798,0,0,1,1,80,1e-3\n")
    )
    assert found.keys.tolist() == ["v,0902", "w-1,1798"]
    assert found.boxes.tolist() == [[0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1]]
    assert found.labels.tolist() == [12, 80]
    assert found.scores.tolist() == [0.75, 1e-3]


@pytest.mark.parametrize("end", ["", ",0", ",7", ",someone"])
def test_ground_truth_needs_no_person(written, end):
    assert len(ava.read_ground_truth(written(f"{FINE}{end}\n{FINE}\n"))) == 2


def test_marks_line_ends_and_blank_lines_do_no_harm(written):
    text = f"\ufeff\r\n{FINE},0\r\n\r\n   \r\n{FINE},1"
    assert ava.read_ground_truth(written(text)).keys.tolist() == ["v,0902"] * 2
    assert ava.read_excluded(written("\ufeffv,0902\r\n\r\nw,3\r\n")) == {"v,0902", "w,0003"}


def test_names_that_look_like_numbers_stay_names(written):
    names = ["007", "1e5", "nan", "NA", "True"]
    text = "".join(f"{name},1,0,0,1,1,3,0.5\n" for name in names)
    assert ava.read_detections(written(text)).keys.tolist() == [f"{name},0001" for name in names]


@pytest.mark.parametrize("read", [ava.read_ground_truth, ava.read_detections])
def test_whole_numbers_may_be_written_as_a_program_writes_floats(written, read):
    found = read(written("v,902.0,0,0,1,1,12.0,0.5\nv,0903,0,0,1,1,3,0.5\n"))
    assert found.keys.tolist() == ["v,0902", "v,0903"] and found.labels.tolist() == [12, 3]


def test_quotes_around_a_name_are_no_part_of_it(written):
    assert ava.read_ground_truth(written('"v",902,0,0,1,1,3,0')).keys.tolist() == ["v,0902"]


WRONG = {
    "v,0902,0.1,0.2,0.3": "5 fields, expected",
    "v,0902,0.1,0.2,0.3,0.4,12,0.5,9": "9 fields, expected",
    "v;0902;0.1;0.2;0.3;0.4;12;0.5": "1 fields, expected",
    "v,902.5,0.1,0.2,0.3,0.4,12,0.5": "the second is '902.5', expected a whole number",
    "v,,0.1,0.2,0.3,0.4,12,0.5": "the second is '', expected a whole number",
    "v,-5,0.1,0.2,0.3,0.4,12,0.5": "the second is '-5'",
    "v,99999999999999999999,0.1,0.2,0.3,0.4,12,0.5": "the second is",
    " ,0902,0.1,0.2,0.3,0.4,12,0.5": "the video has no name",
    "v,0902,left,0.2,0.3,0.4,12,0.5": "x1 is 'left', expected a number",
    "v,0902,0.1,nan,0.3,0.4,12,0.5": "y1 is 'nan', expected a number",
    "v,0902,0.1,,0.3,0.4,12,0.5": "y1 is '', expected a number",
    "v,0902,0.1,0.2,320,0.4,12,0.5": "x2 is 320, expected a share of the frame",
    "v,0902,-0.2,0.2,0.3,0.4,12,0.5": "x1 is -0.2, expected a share of the frame",
    "v,0902,0.1,0.2,0.3,1.2,12,0.5": "y2 is 1.2, expected a share of the frame",
    "v,0902,0.1,0.2,0.3,0.4,walk,0.5": "the action is 'walk', expected a whole number from 1",
    "v,0902,0.1,0.2,0.3,0.4,-1,0.5": "the action is '-1'",
    "v,0902,0.1,0.2,0.3,0.4,0,0.5": "the action is '0'",
    "v,0902,0.1,0.2,0.3,0.4,,0.5": "the action is ''",
    "video_id,second,x1,y1,x2,y2,action,score": "x1 is 'x1'",
}


@pytest.mark.parametrize("read", [ava.read_ground_truth, ava.read_detections])
@pytest.mark.parametrize("line", WRONG)
@pytest.mark.parametrize("place", [1, 3])
def test_a_wrong_line_is_named(written, read, line, place):
    lines = [f"{FINE},0.5", "", f"{FINE},0.5"]
    lines[place - 1] = line
    with pytest.raises(AnnotationError) as caught:
        read(written("\n".join(lines)))
    assert f"list.csv, line {place}: " in str(caught.value)
    assert WRONG[line] in str(caught.value)


@pytest.mark.parametrize("score", ["", "high", "inf", "nan", "0.1.2"])
def test_a_wrong_score_is_named(written, score):
    with pytest.raises(AnnotationError, match=r"line 2: score is .* expected a number"):
        ava.read_detections(written(f"{FINE},0.5\n{FINE},{score}\n"))


def test_a_detection_without_a_score_is_refused(written):
    with pytest.raises(AnnotationError, match="line 1: 7 fields, expected 8: video,second"):
        ava.read_detections(written(f"{FINE}\n"))


@pytest.mark.parametrize("box", ["0.5,0.2,0.4,0.4", "0.1,0.5,0.4,0.4"])
def test_only_detections_may_end_before_they_begin(written, box):
    path = written(f"v,0902,{box},12,0.5\n")
    assert len(ava.read_detections(path)) == 1
    with pytest.raises(AnnotationError, match=r"line 1: [xy]2 is 0.4, expected [xy]1 or more"):
        ava.read_ground_truth(path)


def test_a_little_beyond_the_picture_is_taken_as_it_is(written):
    found = ava.read_ground_truth(written("v,0902,-0.005,0,1.01,1,12,0\n"))
    assert found.boxes.tolist() == [[-0.005, 0, 1.01, 1]]


@pytest.mark.parametrize("content", ["", "\n \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(written, content):
    with pytest.raises(AnnotationError, match=r"list.csv: no lines; expected video,second"):
        ava.read_detections(written(content))


def test_files_that_are_missing_or_no_text_are_refused(written, tmp_path):
    with pytest.raises(AnnotationError, match=r"nowhere\.csv: no such file"):
        ava.read_detections(tmp_path / "nowhere.csv")
    with pytest.raises(AnnotationError, match="not a readable text file"):
        ava.read_detections(tmp_path)
    with pytest.raises(AnnotationError, match="not a readable text file"):
        ava.read_ground_truth(written(b"\xff\xfe\x00v"))


def test_excluded_key_frames_may_be_none_but_not_half(written):
    assert ava.read_excluded(written("")) == set()
    with pytest.raises(AnnotationError, match="line 2: 1 fields, expected 2: video,second"):
        ava.read_excluded(written("v,0902\nv\n"))


fields = st.one_of(
    st.sampled_from(
        ["v", "0902", "0", "1", "0.25", "-0.004", "1.5", "", " 1", "1.0", "nan", "1e-3"]
    ),
    st.text(alphabet="01v.e-_ \t\"'#;\u0663", max_size=4),
)
fine_line = st.builds(
    "{},{},0,0.25,{},1,{},{}".format,
    st.sampled_from(["v", "007", "a b", "-x"]),
    st.sampled_from(["0902", "902", "0"]),
    st.sampled_from(["0.5", "1", "1e0", " 0.75"]),
    st.sampled_from(["1", "80", "012"]),
    st.sampled_from(["0", "0.125", "1", "-3.5"]),
)
any_line = st.one_of(fine_line, fine_line, st.lists(fields, max_size=9).map(",".join))


@given(st.lists(any_line, min_size=1, max_size=4), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_reading_quickly_gives_what_reading_line_by_line_gives(tmp_path_factory, lines, end):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(end.join(lines).encode())
    for columns in (ava_files.GROUND_TRUTH, ava_files.DETECTIONS):
        quick = ava_files._read_quickly(path, columns)
        if quick is None:
            continue
        rows = ava_files.parse_lines(path, lambda line, of=columns: ava_files._parse_box(line, of))
        assert (
            list(zip(quick.keys, quick.boxes.tolist(), quick.labels, quick.scores, strict=True))
            == rows
        )


@given(st.lists(fine_line, min_size=1, max_size=4))
def test_fine_lines_are_read_quickly(tmp_path_factory, lines):
    path = tmp_path_factory.getbasetemp() / "fine.csv"
    path.write_text("\n".join(lines))
    assert len(ava_files._read_quickly(path, ava_files.DETECTIONS)) == len(lines)


shares = st.floats(0, 1)
rows = st.tuples(
    st.sampled_from(["-5KQ66BBWC4", "video 7"]),
    st.integers(0, 10**6),
    st.tuples(shares, shares, shares, shares),
    st.integers(1, 80),
    st.floats(allow_nan=False, allow_infinity=False),
)


@given(st.lists(rows, min_size=1, max_size=8))
def test_what_is_written_is_read_back_to_the_last_bit(tmp_path_factory, rows):
    videos, seconds, boxes, labels, scores = zip(*rows, strict=True)
    given_ = Boxes(ava.image_keys(videos, seconds), boxes, labels, scores)
    path = tmp_path_factory.getbasetemp() / "written.csv"
    ava.write_detections(path, given_)
    back = ava.read_detections(path)
    for column in ("keys", "boxes", "labels", "scores"):
        assert np.array_equal(getattr(back, column), getattr(given_, column))


def test_rounded_detections_are_those_that_pyslowfast_writes(recorded, written, tmp_path):
    known = recorded("slowfast/ava_eval.json")
    found = ava.read_detections(written("\n".join(known["det_csv"])))
    ava.write_detections(tmp_path / "out" / "det.csv", found, rounded=True)
    lines = (tmp_path / "out" / "det.csv").read_text().splitlines()
    assert lines[:5] == known["write_results_first5"]
    assert lines == known["det_csv"]


@pytest.mark.parametrize("key", ["v", "v,later", ",0902", "a,b,0902", 'a"b,0902'])
def test_keys_that_a_line_cannot_hold_are_refused_and_nothing_is_written(tmp_path, key):
    found = Boxes([key], [[0, 0, 1, 1]], [1], [0.5])
    with pytest.raises(AnnotationError, match="cannot name the key frame"):
        ava.write_detections(tmp_path / "det.csv", found)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "text",
    [
        'item {\n  name: "sit/rest"\n  id: 11\n}\nitem {\n  name: "talk to (e.g., self)"\n  id: 79\n}\n',
        'item {\n\tid: 11\n\tname: "sit/rest"\n}\n\nitem {\n\tid: 79\n\tname: "talk to (e.g., self)"\n}',
        "\ufefflabel { name: 'sit/rest' label_id: 11 label_type: PERSON_MOVEMENT }\r\n"
        'label{name:"talk to (e.g., self)" label_id:79 label_type: PERSON_INTERACTION} # last\r\n',
        'label_id,label_name,label_type\n11,sit/rest,PERSON\n79,"talk to (e.g., self)",PERSON\n',
    ],
)
def test_label_maps_of_any_form_are_read(written, text):
    assert ava.read_label_map(written(text)) == {11: "sit/rest", 79: "talk to (e.g., self)"}


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "list.csv: no class"),
        ('item {\n name: "sit"\n}\n', "line 1: the entry has no id"),
        ("item {\n id: 3\n}\n", "line 1: class 3 has no name"),
        ('item { name: "sit" id: 3 }\nitem { name: "" id: 4 }', "line 2: class 4 has no name"),
        ('item {\n name: "sit"\n id: x\n}\n', "line 1: the id is 'x', expected a whole number"),
        ('item {\n name: "sit"\n id: 0\n}\n', "line 1: the id is '0', expected a whole number"),
        ('item { name: "a" id: 3 }\nitem { name: "b" id: 3 }', "line 2: class 3 is named twice"),
        ('item {\n name: "a"\n id: 3\n', "line 1: the entry has no closing brace"),
        (
            'item {\n name: "a"\n id: 3\nitem {\n name: "b"',
            "line 4: 'item {' in the entry of line 1",
        ),
        ('item {\n name: "a"\n id: 3\n name: "b"', "line 4: .* line 1 has a second name"),
        ("sit\nstand\n", "line 1: 'sit' outside of an entry"),
        ('item {\n name: "a\n id: 3\n}', "line 2: .* in the entry of line 1"),
        ('name: "a"\nid: 3\n', "line 1: .* outside of an entry"),
        ("}", "line 1: '}' outside of an entry"),
        ("label_id,label\n3,a\n", "line 1: the columns are label_id,label, expected"),
        ("label_id,label_name\n3,a\nx,b\n", "line 3: the id is 'x'"),
        ("label_id,label_name\n3\n", "line 2: class 3 has no name"),
    ],
)
def test_broken_label_maps_are_refused_by_line(written, text, message):
    with pytest.raises(AnnotationError, match=message):
        ava.read_label_map(written(text))


@given(st.text(alphabet='itemname: "{}\n1234#,;\\x', max_size=60))
def test_any_text_is_a_label_map_or_an_annotation_error(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.pbtxt"
    path.write_text(text)
    try:
        assert ava.read_label_map(path)
    except AnnotationError as error:
        assert "any.pbtxt" in str(error)
