"""File lists: every format read, every wrong line named, and a round trip through manifests."""

import os
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slowfast.config.defaults import get_cfg
from slowfast.datasets.build import read_items
from slowfast.datasets.columns import Ragged, StringTable
from slowfast.datasets.items import ItemTable
from slowfast.datasets.lists.hmdb51 import read_hmdb51
from slowfast.datasets.lists.kinetics import parse_line, read_kinetics_csv
from slowfast.datasets.lists.text_lists import MissingListError, read_class_names
from slowfast.datasets.lists.ucf101 import read_ucf101
from slowfast.datasets.lists.video_folder import read_video_folder
from slowfast.utils.errors import AnnotationError, ConfigError


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
    for name in ("a/one/000001.jpg", "a/two.gif", "b/three.mts", "b/notes.txt"):
        write(tmp_path, f"train/{name}", "x")
    items = read_video_folder(tmp_path, "train")
    names = [items.paths[k].rpartition("/")[2] for k in range(len(items))]
    assert names == ["one", "two.gif", "three.mts"] and items.labels.tolist() == [0, 0, 1]


def test_kinetics_labels_may_be_names_of_classes(tmp_path):
    listed = write(tmp_path, "train.csv", "b/1.mp4, tying knot (not on a tie)\na,b.mp4, 0\n")
    names = ["abseiling", "tying knot (not on a tie)"]
    videos = read_kinetics_csv(listed, ",", "data", names)
    assert videos.labels.tolist() == [1, 0] and videos.class_names == names
    for label in ("absailing", "50 m run"):
        write(tmp_path, "train.csv", f"a.mp4, {label}\n")
        message = rf"train.csv.*1.*'{label}' is not the name.*CLASS_NAMES"
        with pytest.raises(AnnotationError, match=message):
            read_kinetics_csv(listed, ",", "", names)


def test_a_kinetics_list_takes_names_from_beside_it_or_from_its_key(tmp_path):
    for split in ("train", "val"):
        write(tmp_path, f"{split}.csv", f"{split}.mp4 yoga\n")
    cfg = get_cfg()
    cfg.DATA.PATH_TO_DATA_DIR = str(tmp_path)
    with pytest.raises(AnnotationError, match="'yoga' is not a whole number"):
        read_items(cfg, "train", "kinetics")
    write(tmp_path, "class_names.txt", "archery\nyoga\n")
    assert read_items(cfg, "train", "kinetics").labels.tolist() == [1]
    cfg.DATA.CLASS_NAMES_PATH = "configs/zero_shot/class_names/kinetics700.txt"
    videos = read_items(cfg, "val", "kinetics")
    assert (videos.labels.tolist(), len(videos.class_names)) == ([698], 700)


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
    (tmp_path / "train.csv").write_text("a/v_1.c.avi 3\n")
    cfg = get_cfg()
    cfg.DATA.PATH_TO_DATA_DIR, cfg.DATA.FILE_SUFFIX = str(tmp_path), ".mp4"
    assert read_items(cfg, "train").paths[0] == "a/v_1.c.mp4"


@pytest.mark.parametrize(
    ("line", "separator", "file"),
    [
        ("a.mp4  1", " ", "a.mp4"),
        ("a.mp4 \t 1", " ", "a.mp4"),
        ("a b.mp4   7   1", " ", "a b.mp4"),
        ("a.mp4 ,, 1", ",,", "a.mp4"),
        ("a , b.mp4 , 1", ",", "a , b.mp4"),
        ('"a, b.mp4",1', ",", "a, b.mp4"),
        ('"a, b.mp4" , 3, 1', ",", "a, b.mp4"),
        ('"a ""b"".mp4"  1', " ", 'a "b".mp4'),
        ('"a"b.mp4 1', " ", '"a"b.mp4'),
        ("a:b.mp4 1", " ", "a:b.mp4"),
    ],
)
def test_white_space_and_quotes_are_not_part_of_a_path(line, separator, file):
    assert parse_line("list", 1, line, separator) == (file, 1)


def test_quoted_paths_need_no_label_and_allow_no_words_before_it():
    assert parse_line("list", 1, '"a b.mp4"', " ") == ("a b.mp4", -1)
    with pytest.raises(AnnotationError, match=r"',x' stands between path and label"):
        parse_line("list", 1, '"a b.mp4",x,1', ",")


@pytest.mark.parametrize("label", ["9" * 20, "1000000000", "²", "1_0"])
def test_labels_have_a_range(tmp_path, label):
    path = write(tmp_path, "train.csv", f"a.mp4 0\nb.mp4 {label}\n")
    with pytest.raises(AnnotationError, match=r"line 2: .* whole number"):
        read_kinetics_csv(path)


def test_what_programs_leave_beside_videos_is_no_class_and_no_video(tmp_path):
    for place in ("run", "sit", ".ipynb_checkpoints", "__MACOSX/run", "@eaDir", "run/__MACOSX"):
        for name in ("a.mp4", "._a.mp4", ".b.mp4"):
            write(tmp_path / "train" / place, name, "x")
    write(tmp_path / "__MACOSX/train", "jump.mp4", "x")
    videos = read_video_folder(tmp_path, "train")
    assert videos.class_names == ["run", "sit"]
    assert rows(videos) == [
        (f"{tmp_path}/train/{c}/a.mp4", k) for k, c in enumerate(["run", "sit"])
    ]


def test_hmdb51_passes_over_hidden_lists(tmp_path):
    for name in ("run", "._run", "sit"):
        write(tmp_path, f"{name}_test_split1.txt", "a.avi  1 \n")
    videos = read_hmdb51(tmp_path, 1, True)
    assert videos.class_names == ["run", "sit"] and videos.paths[0] == "run/a.avi"


@pytest.mark.parametrize("listed", ["NFC", "NFD"])
@pytest.mark.parametrize("stored", ["NFC", "NFD"])
def test_accents_are_found_in_either_unicode_form(tmp_path, listed, stored):
    name = "Fußgänger/café 1.mp4"
    path = write(tmp_path, unicodedata.normalize(stored, name), "x")
    given = f"{tmp_path}/{unicodedata.normalize(listed, name)}"
    videos = ItemTable([given, f"{tmp_path}/é.mp4"], [0, 1], [], "list").with_existing_names()
    assert [*videos.paths] == [str(path), f"{tmp_path}/é.mp4"]
    other = ItemTable([str(path), f"{tmp_path}/é.mp4"], [0, 1], [], "list")
    assert videos.fingerprint() == other.fingerprint()


@pytest.mark.parametrize("count", [3, 100])
def test_missing_files_are_found_one_by_one_and_in_whole_folders(tmp_path, count):
    for k in range(count):
        write(tmp_path / "a", f"{k}.mp4", "x")
    (tmp_path / "a/dead.mp4").symlink_to("nowhere")
    (tmp_path / "a/link.mp4").symlink_to("0.mp4")
    there = [f"{tmp_path}/a/{k}.mp4" for k in range(count)] + [f"{tmp_path}/a/link.mp4"]
    ItemTable([*there, *there, f"{tmp_path}/a/"], None, [], "list").check_files()
    lost = [f"{tmp_path}/{name}" for name in ("a/x.mp4", "b/0.mp4", "a/dead.mp4")]
    with pytest.raises(AnnotationError, match=f"3 of {count + 4} listed files") as caught:
        ItemTable([*there, *lost, *lost], None, [], "list").check_files()
    assert all(path in str(caught.value) for path in lost)


def test_class_names_may_be_latin1(tmp_path):
    write(tmp_path, "names.txt", "café\n", encoding="latin-1")
    assert read_class_names(tmp_path / "names.txt") == ["café"]


def test_names_that_are_not_utf8_keep_their_bytes(tmp_path):
    folder = os.fsencode(tmp_path / "train") + b"/caf\xe9"
    os.makedirs(folder)
    with open(folder + b"/\xff.mp4", "wb") as file:
        file.write(b"x")
    videos = read_video_folder(tmp_path, "train")
    assert os.fsencode(videos.paths[0]) == folder + b"/\xff.mp4"
    assert videos.class_names == ["café"]
    videos.check_files().save(tmp_path / "list.npz")
    kept = ItemTable.load(tmp_path / "list.npz")
    assert [*kept.paths] == [*videos.paths] and kept.fingerprint() == videos.fingerprint()
    write(tmp_path, "train.csv", "").write_bytes(folder + b"/\xff.mp4 0\n")
    assert [*read_kinetics_csv(tmp_path / "train.csv").paths] == [*videos.paths]


def _flipped(array):
    return array[::-1]


WRONG_ARRAYS = {
    "labels shorter": ("labels", lambda a: a[:-1]),
    "labels longer": ("labels", lambda a: np.append(a, 0)),
    "labels 2-d": ("labels", lambda a: a[:, None]),
    "labels of floats": ("labels", lambda a: a.astype(float)),
    "labels of text": ("labels", lambda a: a.astype(str)),
    "start shorter": ("start", lambda a: a[:-1]),
    "end of ints": ("end", lambda a: np.zeros(len(a), int)),
    "text of ints": ("text", lambda a: a.astype(int)),
    "ends past the text": ("ends", lambda a: a + 5),
    "ends that descend": ("ends", _flipped),
    "actions 2 wide": ("intervals.interval", lambda a: a[:, :2]),
    "actions of floats": ("intervals.interval", lambda a: a.astype(float)),
    "actions cut off": ("intervals.interval", lambda a: a[:-1]),
    "ends of actions": ("intervals_ends", lambda a: a[:-1]),
    "no ends": ("ends", None),
    "a rate of text": ("frame_rate", lambda a: a.astype(str)),
    "names shorter": ("item_names_ends", lambda a: a[:-1]),
}


@pytest.mark.parametrize("case", WRONG_ARRAYS)
def test_a_manifest_whose_arrays_do_not_fit_is_refused(tmp_path, case):
    actions = Ragged({"interval": np.array([[0, 1, 2], [1, 0, 4], [2, 2, 3]])}, np.array([2, 3]))
    items = ItemTable(
        ["a.mp4", "b.mp4"],
        [0, 1],
        ["x", "y"],
        "list",
        start=np.zeros(2),
        end=np.ones(2),
        names=["a,1", "b,2"],
        intervals=actions,
        frame_rate=24.0,
    )
    items.save(tmp_path / "list.npz")
    assert ItemTable.load(tmp_path / "list.npz").intervals.ends.tolist() == [2, 3]
    with np.load(tmp_path / "list.npz") as stored:
        arrays = dict(stored)
    name, change = WRONG_ARRAYS[case]
    value = arrays.pop(name)
    np.savez(tmp_path / "list.npz", **arrays, **({name: change(value)} if change else {}))
    with pytest.raises(AnnotationError, match="not a usable manifest"):
        ItemTable.load(tmp_path / "list.npz")


@pytest.mark.parametrize("suffix", ["mp4", "./x", ".", ".a/b", ". mp4", ".mp4\n"])
def test_an_ending_is_a_dot_and_a_word(suffix):
    with pytest.raises(ConfigError, match=r"DATA\.FILE_SUFFIX"):
        ItemTable(["a.avi"], [0], [], "list").with_suffix(suffix)
