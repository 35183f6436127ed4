"""File lists: every format read, every wrong line named, and a round trip through manifests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slowfast.datasets.columns import StringTable
from slowfast.datasets.items import ItemTable
from slowfast.datasets.lists.hmdb51 import read_hmdb51
from slowfast.datasets.lists.kinetics import parse_line, read_kinetics_csv
from slowfast.datasets.lists.text_lists import MissingListError, read_class_names
from slowfast.datasets.lists.ucf101 import read_ucf101
from slowfast.datasets.lists.video_folder import read_video_folder
from slowfast.utils.errors import AnnotationError


def rows(videos):
    return [(videos.paths[k], int(videos.labels[k])) for k in range(len(videos))]


def write(folder, name, text, **options):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(options.get("encoding", "utf-8")))
    return path


LISTS = [
    ("a.mp4 3\nb.mp4 0\n", " "),
    ("a.mp4,3\nb.mp4,0\n", ","),
    ("a.mp4\t3\nb.mp4\t0", "\t"),
    ("a.mp4 3\r\nb.mp4 0\r\n", " "),
    ("\ufeffa.mp4 3\nb.mp4 0\n", " "),
    ("a.mp4, 3\nb.mp4 , 0\n", ","),
    ("\n\na.mp4 3\n\nb.mp4 0\n\n", " "),
    ("a.mp4 77 3\nb.mp4 12 0\n", " "),
    ("a.mp4,77,3\nb.mp4,12,0\n", ","),
]


@pytest.mark.parametrize(("text", "separator"), LISTS)
def test_kinetics_lists_are_read(tmp_path, text, separator):
    videos = read_kinetics_csv(write(tmp_path, "train.csv", text), separator)
    assert rows(videos) == [("a.mp4", 3), ("b.mp4", 0)]


def test_the_prefix_is_put_before_relative_paths(tmp_path):
    path = write(tmp_path, "train.csv", "sub/a.mp4 1\n/root/b.mp4 2\n")
    assert rows(read_kinetics_csv(path, " ", "data")) == [("data/sub/a.mp4", 1), ("/root/b.mp4", 2)]


def test_paths_may_hold_the_separator(tmp_path):
    path = write(tmp_path, "train.csv", "some folder/my clip.mp4 4\nan, other.mp4 5\n")
    assert rows(read_kinetics_csv(path)) == [("some folder/my clip.mp4", 4), ("an, other.mp4", 5)]


def test_paths_alone_have_no_label(tmp_path):
    path = write(tmp_path, "train.csv", "a.mp4\nfolder/b.mp4\n")
    assert rows(read_kinetics_csv(path)) == [("a.mp4", -1), ("folder/b.mp4", -1)]


@pytest.mark.parametrize(
    ("text", "separator", "line", "words"),
    [
        ("a.mp4 1\nb.mp4 dog\n", " ", 2, "'dog' is not a whole number"),
        ("a.mp4 1\nb.mp4 -2\n", " ", 2, "-2 is negative"),
        ("a.mp4 1.5\n", " ", 1, "not a whole number"),
        ("a.mp4,1\n", " ", 1, "DATA.PATH_LABEL_SEPARATOR"),
        ("a.mp4 1\n", ",", 1, "DATA.PATH_LABEL_SEPARATOR"),
        ("a.mp4\t1\n", ",", 1, "DATA.PATH_LABEL_SEPARATOR"),
        ("a.mp4 1\nb.mp4\n", " ", 2, "mixed"),
        ("a.mp4\nb.mp4 1\n", " ", 2, "mixed"),
        ("1 a.mp4\n", " ", 1, "'a.mp4' is not a whole number"),
    ],
)
def test_wrong_lines_are_named(tmp_path, text, separator, line, words):
    path = write(tmp_path, "train.csv", text)
    with pytest.raises(AnnotationError) as caught:
        read_kinetics_csv(path, separator)
    assert words in str(caught.value)
    assert f"{path}, line {line}:" in str(caught.value)


def test_an_empty_list_is_refused(tmp_path):
    path = write(tmp_path, "train.csv", "\n \n")
    with pytest.raises(AnnotationError, match="lists no file") as caught:
        read_kinetics_csv(path)
    assert str(path) in str(caught.value)


def test_a_missing_list_names_its_neighbours(tmp_path):
    write(tmp_path, "training.csv", "a.mp4 1\n")
    with pytest.raises(MissingListError, match=r"training\.csv"):
        read_kinetics_csv(tmp_path / "train.csv")


def test_binary_lists_are_refused(tmp_path):
    path = tmp_path / "train.csv"
    path.write_bytes(b"\xff\xfe\x00a\x80\x81")
    with pytest.raises(AnnotationError, match="not a readable text file"):
        read_kinetics_csv(path)


NAMES = st.text(
    st.characters(exclude_categories=("C", "Z"), exclude_characters=" ,\t"), min_size=1, max_size=20
)


@given(NAMES, NAMES, st.integers(0, 10**6), st.sampled_from([" ", ",", "\t"]))
def test_lines_survive_writing_and_parsing(folder, name, label, separator):
    path = f"{folder}/{name}.mp4"
    assert parse_line("list", 1, f"{path}{separator}{label}", separator) == (path, label)
    spaced = f"{folder} {name}.mp4"
    assert parse_line("list", 1, f"{spaced}{separator}{label}", separator) == (spaced, label)


@pytest.fixture
def ucf(tmp_path):
    write(tmp_path, "classInd.txt", "1 ApplyEyeMakeup\r\n2 Archery\r\n")
    write(tmp_path, "trainlist02.txt", "ApplyEyeMakeup/v_a.avi 1\nArchery/v_b.avi 2\n")
    write(tmp_path, "testlist02.txt", "Archery/v_c.avi\n")
    return tmp_path


def test_ucf101_lists_are_read(ucf):
    train, test = read_ucf101(ucf, 2, True, "videos"), read_ucf101(ucf, 2, False)
    assert rows(train) == [("videos/ApplyEyeMakeup/v_a.avi", 0), ("videos/Archery/v_b.avi", 1)]
    assert rows(test) == [("Archery/v_c.avi", 1)]
    assert train.class_names == ["ApplyEyeMakeup", "Archery"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Archry/v.avi 2", "Did you mean 'Archery'"),
        ("Archery/v.avi 1", "gives Archery the number 2"),
        ("Archery/v.avi x", "not a whole number"),
    ],
)
def test_ucf101_contradictions_are_named(ucf, line, words):
    write(ucf, "trainlist02.txt", f"ApplyEyeMakeup/v_a.avi 1\n{line}\n")
    with pytest.raises(AnnotationError, match=r"trainlist02.txt, line 2") as caught:
        read_ucf101(ucf, 2, True)
    assert words in str(caught.value)


def test_ucf101_class_numbers_must_count_up(ucf):
    write(ucf, "classInd.txt", "1 ApplyEyeMakeup\n3 Archery\n")
    with pytest.raises(AnnotationError, match=r"expected '2 ClassName'"):
        read_ucf101(ucf, 2, True)


def test_hmdb51_lists_are_read(tmp_path):
    write(tmp_path, "wave_test_split1.txt", "w1.avi 1 \nw2.avi 2 \nw3.avi 0 \n")
    write(tmp_path, "brush_hair_test_split1.txt", "b [1].avi 2\nb2.avi 1\n")
    train, test = read_hmdb51(tmp_path, 1, True), read_hmdb51(tmp_path, 1, False, "v")
    assert train.class_names == ["brush_hair", "wave"]
    assert rows(train) == [("brush_hair/b2.avi", 0), ("wave/w1.avi", 1)]
    assert rows(test) == [("v/brush_hair/b [1].avi", 0), ("v/wave/w2.avi", 1)]


def test_hmdb51_wrong_flags_are_named(tmp_path):
    write(tmp_path, "wave_test_split1.txt", "w1.avi 1\nw2.avi 7\n")
    with pytest.raises(AnnotationError, match=r"line 2: expected 'file.avi 0'"):
        read_hmdb51(tmp_path, 1, True)
    with pytest.raises(MissingListError, match="PATH_TO_DATA_DIR"):
        read_hmdb51(tmp_path, 3, True)


def test_a_class_missing_in_one_split_does_not_shift_labels(tmp_path):
    for name in ("train/apple/a.mp4", "train/pear/p.mp4", "val/pear/q.MKV", "val/pear/note.txt"):
        write(tmp_path, name, "x")
    val = read_video_folder(tmp_path, "val")
    assert [(path.rsplit("/", 1)[1], label) for path, label in rows(val)] == [("q.MKV", 1)]
    assert val.class_names == ["apple", "pear"]


def test_missing_and_empty_split_folders_are_refused(tmp_path):
    (tmp_path / "train" / "apple").mkdir(parents=True)
    with pytest.raises(MissingListError, match=r"found: \[\"train\"\]"):
        read_video_folder(tmp_path, "val")
    with pytest.raises(AnnotationError, match="no video file"):
        read_video_folder(tmp_path, "train")


def test_folders_of_frames_and_rarer_containers_are_videos_too(tmp_path):
    for name in (
        "train/a/one/000001.jpg",
        "train/a/two.gif",
        "train/b/three.mts",
        "train/b/notes.txt",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    items = read_video_folder(tmp_path, "train")
    names = [items.paths[k].rpartition("/")[2] for k in range(len(items))]
    assert names == ["one", "two.gif", "three.mts"] and items.labels.tolist() == [0, 0, 1]


def test_class_names_come_from_lines_or_json(tmp_path):
    lines = write(tmp_path, "names.txt", "apple\npear\n")
    numbers = write(tmp_path, "names.json", '{"pear": 1, "apple": 0}')
    assert read_class_names(lines) == read_class_names(numbers) == ["apple", "pear"]
    with pytest.raises(AnnotationError, match="not a JSON object"):
        read_class_names(write(tmp_path, "wrong.json", "[1, 2]"))


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=12)))
def test_string_tables_hold_any_text(strings):
    table = StringTable.from_strings(strings)
    assert [table[k] for k in range(len(table))] == strings
    assert [table[-k - 1] for k in range(len(table))] == strings[::-1]
    with pytest.raises(IndexError):
        table[len(strings)]


def test_manifests_keep_unicode_paths_labels_and_names(tmp_path):
    paths = ["a b.mp4", "ä/漢字 🎥.mp4", "x,y.mp4"]
    videos = ItemTable(paths, [2, 0, 1], ["Füße", "b", "c"], "list")
    videos.save(tmp_path / "new" / "train.npz")
    loaded = ItemTable.load(tmp_path / "new" / "train.npz")
    assert rows(loaded) == rows(videos)
    assert loaded.class_names == videos.class_names
    assert loaded.fingerprint() == videos.fingerprint()


@pytest.mark.parametrize("content", [None, b"", b"not a manifest", b"PK\x03\x04torn"])
def test_wrong_manifests_are_refused(tmp_path, content):
    path = tmp_path / "train.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AnnotationError, match=r"prepare_data.py manifest"):
        ItemTable.load(path)


def test_fingerprints_follow_names_and_order_but_not_the_place():
    one = ItemTable(["/a/c/x.mp4", "/a/c/y.mp4"], [0, 0], [], "list")
    moved = ItemTable(["/b/c/x.mp4", "/b/c/y.mp4"], [0, 0], [], "list")
    turned = ItemTable(["/a/c/y.mp4", "/a/c/x.mp4"], [0, 0], [], "list")
    assert one.fingerprint() == moved.fingerprint() != turned.fingerprint()


def test_missing_files_and_high_labels_are_named(tmp_path):
    write(tmp_path, "a.mp4", "x")
    videos = ItemTable([str(tmp_path / "a.mp4"), str(tmp_path / "b.mp4")], [0, 9], [], "my list")
    with pytest.raises(AnnotationError, match=r"(?s)my list: 1 of 2 .*b\.mp4"):
        videos.check_files()
    with pytest.raises(AnnotationError, match=r"label 9 of .*b\.mp4 .* to 10"):
        videos.check_labels(9)
    assert videos.check_labels(10) is videos


def numbered(labels):
    return ItemTable([f"{k}.mp4" for k in range(len(labels))], labels, ["a"], "list")


label_lists = st.lists(st.integers(-1, 3), min_size=1, max_size=60)
shares = st.floats(0.001, 1.0)


@given(label_lists, shares, st.integers(0, 5))
def test_a_fraction_holds_that_share_of_every_class_and_at_least_one_file(labels, share, seed):
    part = numbered(labels).fraction(share, seed)
    for label in set(labels):
        count = labels.count(label)
        expected = max(1, round(share * count))
        assert part.labels.tolist().count(label) == expected
    names = [int(part.paths[k].removesuffix(".mp4")) for k in range(len(part))]
    assert names == sorted(set(names))
    assert [labels[k] for k in names] == part.labels.tolist()
    assert (part.class_names, part.source) == (["a"], "list")


@given(label_lists, shares, shares, st.integers(0, 5))
def test_smaller_fractions_are_parts_of_larger_ones(labels, one, other, seed):
    small, large = (
        set(rows(numbered(labels).fraction(share, seed))) for share in sorted((one, other))
    )
    assert small <= large


def test_a_fraction_of_one_is_the_list_and_seeds_choose_differently():
    videos = numbered([-1] * 100)
    assert rows(videos.fraction(1.0)) == rows(videos)
    parts = [rows(videos.fraction(0.2, seed)) for seed in (0, 0, 1)]
    assert parts[0] == parts[1] != parts[2]
    assert len(parts[0]) == 20


def test_lists_can_name_transcoded_copies(tmp_path):
    from slowfast.config import get_cfg
    from slowfast.datasets.build import read_items

    (tmp_path / "train.csv").write_text("a/v_1.c.avi 3\n")
    cfg = get_cfg()
    cfg.DATA.PATH_TO_DATA_DIR, cfg.DATA.FILE_SUFFIX = str(tmp_path), ".mp4"
    assert read_items(cfg, "train").paths[0] == "a/v_1.c.mp4"
