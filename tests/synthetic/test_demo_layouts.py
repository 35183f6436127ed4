"""The lists and trees of the demo world have the form of the real data sets."""

import re
from collections import Counter

import pytest

from slowfast.synthetic import PRESETS
from slowfast.synthetic.layouts import FOLDS, list_videos, split_of


def lines(path):
    """Return the lines of a text file."""
    return path.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", PRESETS)
def test_folds_are_balanced_disjoint_and_split_by_group(name):
    preset = PRESETS[name]
    videos = list_videos(preset)
    assert len(preset.classes) == (2 if name == "directed" else 8)
    tested = Counter()
    for fold in FOLDS:
        train = {(v.class_name, v.group) for v in videos if split_of(v, fold) == "train"}
        test = {(v.class_name, v.group) for v in videos if split_of(v, fold) == "test"}
        assert not train & test
        counts = Counter((v.class_name, split_of(v, fold)) for v in videos)
        assert len(set(counts.values())) == 2 and len(counts) == 2 * len(preset.classes)
        tested.update(v.path for v in videos if split_of(v, fold) == "test")
    assert set(tested.values()) == {1}, "a video is tested in more than one fold"


def test_kinetics_lists_point_to_all_media_once(tiny):
    folder = tiny.folders["kinetics"]
    parts = {
        part: [line.split(" ") for line in lines(folder / f"{part}.csv")]
        for part in ("train", "val", "test")
    }
    assert parts["val"] == parts["test"]
    paths = [path for part in ("train", "test") for path, _ in parts[part]]
    assert len(paths) == len(set(paths)) == 48
    names = lines(folder / "class_names.txt")
    assert tuple(names) == tiny.class_names
    for path, label in parts["train"] + parts["test"]:
        assert (tiny.root / path).is_file()
        assert path.split("/")[1] == names[int(label)]
    assert Counter(label for _, label in parts["train"]) == {str(k): 4 for k in range(8)}
    assert Counter(label for _, label in parts["test"]) == {str(k): 2 for k in range(8)}


def test_ucf101_lists_have_the_official_form(tiny):
    folder = tiny.folders["ucf101"] / "ucfTrainTestlist"
    numbers = dict(reversed(line.split(" ")) for line in lines(folder / "classInd.txt"))
    assert numbers == {name: str(k) for k, name in enumerate(tiny.class_names, start=1)}
    tests = []
    for fold in ("01", "02", "03"):
        train = [line.split(" ") for line in lines(folder / f"trainlist{fold}.txt")]
        test = lines(folder / f"testlist{fold}.txt")
        for path, number in train:
            assert numbers[path.split("/")[0]] == number
        for path in [path for path, _ in train] + test:
            assert re.fullmatch(r"(\w+)/v_\1_g\d\d_c\d\d\.mp4", path)
            assert (tiny.folders["videos"] / path).is_file()
        assert not {path for path, _ in train} & set(test)
        tests += test
    assert len(tests) == len(set(tests))


def test_hmdb51_splits_have_the_official_form(tiny):
    folder = tiny.folders["hmdb51"] / "splits"
    assert len(list(folder.iterdir())) == 3 * 8
    for name in tiny.class_names:
        for fold in FOLDS:
            rows = lines(folder / f"{name}_test_split{fold}.txt")
            assert all(re.fullmatch(r"\S+\.mp4 [012] ", row) for row in rows)
            assert Counter(row.split()[1] for row in rows) == {"1": 4, "2": 2}
            assert all((tiny.folders["videos"] / name / row.split()[0]).is_file() for row in rows)


def test_class_folders_are_links_to_the_same_media(tiny):
    files = [path for path in tiny.folders["folders"].rglob("*.mp4")]
    assert len(files) == 48
    for path in files:
        part, name, file_name = path.relative_to(tiny.folders["folders"]).parts
        assert part in ("train", "val") and not path.is_symlink()
        media = tiny.folders["videos"] / name / file_name
        assert media.samefile(path) or media.read_bytes() == path.read_bytes()
