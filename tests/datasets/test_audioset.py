"""AudioSet: its lists, the folders that stand for them, and which of them a split reads."""

import logging
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slowfast.config import get_cfg
from slowfast.dataprep.verify import write_manifests
from slowfast.datasets import build_dataset
from slowfast.datasets.build import read_items
from slowfast.datasets.lists.audioset import SEGMENT, list_segments, read_audioset, segments_folder
from slowfast.datasets.lists.text_lists import MissingListError
from slowfast.utils.errors import AnnotationError

ROOT = Path(__file__).parents[2]
# Real ids begin with anything and hold hyphens and underscores.
FIRST, SECOND, THIRD = "zK_-4fGh1jQ_30000_40000.mp4", "--aE2O5G5WE_0_10000.mp4", "b_c_0_970.mp4"


@pytest.fixture
def root(tmp_path):
    """Return a folder of lists and media: two files to train on and one to evaluate."""
    for subset, names in {"unbalanced_train": (FIRST, SECOND), "eval": (THIRD,)}.items():
        (tmp_path / f"{subset}.txt").write_text("".join(f"{name}\n" for name in names))
        folder = tmp_path / f"{subset}_segments" / "video"
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).write_bytes(b"x")
    return tmp_path


@pytest.fixture
def cfg(root):
    cfg = get_cfg()
    cfg.TRAIN.DATASET = cfg.TEST.DATASET = "audioset"
    cfg.DATA.PATH_TO_DATA_DIR = cfg.DATA.PATH_PREFIX = str(root)
    return cfg


def names_of(videos):
    return [Path(videos.paths[row]).name for row in range(len(videos))]


def test_a_list_keeps_its_order_and_has_no_labels(root):
    videos = read_audioset(root, "unbalanced_train", "media")
    folder = "media/unbalanced_train_segments/video"
    assert [videos.paths[row] for row in range(2)] == [f"{folder}/{FIRST}", f"{folder}/{SECOND}"]
    assert videos.labels.tolist() == [-1, -1]
    assert videos.class_names == []
    assert videos.source == str(root / "unbalanced_train.txt")


@pytest.mark.parametrize(
    ("subset", "folder"),
    [
        ("eval", "eval_segments"),
        ("balanced_train", "balanced_train_segments"),
        ("unbalanced_train", "unbalanced_train_segments"),
        ("unbalanced_train-100k", "unbalanced_train_segments"),
    ],
)
def test_a_part_of_a_subset_lies_with_the_whole(subset, folder):
    assert segments_folder(subset, "a") == Path("a") / folder / "video"


def test_lists_may_have_empty_lines_and_ends_of_windows(tmp_path):
    path = tmp_path / "eval.txt"
    path.write_bytes(f"\ufeff{FIRST}\r\n\r\n{SECOND}".encode())
    assert list_segments(path) == [FIRST, SECOND]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("--aE2O5G5WE.mp4", "expected '<video id>_<begin in ms>_<end in ms>.mp4'"),
        ("--aE2O5G5WE_0_10000", "expected '<video id>"),
        ("--aE2O5G5WE, 30.000, 40.000", "expected '<video id>"),
        (f"video/{FIRST}", "expected '<video id>"),
        (f"{FIRST} 3", "expected '<video id>"),
        ("--aE2O5G5WE_10000_10000.mp4", "ends before it begins"),
    ],
)
def test_a_line_that_is_no_segment_is_named(tmp_path, line, problem):
    path = tmp_path / "eval.txt"
    path.write_text(f"{FIRST}\n\n{line}\n")
    with pytest.raises(AnnotationError) as caught:
        read_audioset(tmp_path, "eval")
    assert str(caught.value).startswith(f"{path}, line 3: ")
    assert problem in str(caught.value)


IDS = st.text("abcXYZ0189-_", min_size=1, max_size=11)


@given(IDS, st.integers(0, 10**7), st.integers(1, 10**5))
def test_any_video_id_is_a_segment(video_id, begin, length):
    segment = SEGMENT.fullmatch(f"{video_id}_{begin}_{begin + length}.mp4")
    assert (int(segment[1]), int(segment[2])) == (begin, begin + length)


def test_an_empty_list_is_refused(tmp_path):
    (tmp_path / "eval.txt").write_text("\n")
    with pytest.raises(AnnotationError, match="lists no file"):
        read_audioset(tmp_path, "eval")


def test_without_a_list_the_folder_is_read_in_the_order_of_names(root, caplog):
    (root / "unbalanced_train.txt").unlink()
    folder = segments_folder("unbalanced_train", root)
    (folder / "notes.txt").write_text("")
    (folder / f"{FIRST}.part").write_text("")
    (folder / FIRST).with_suffix(".wav").write_text("")
    with caplog.at_level(logging.INFO):
        videos = read_audioset(root, "unbalanced_train", root)
    assert names_of(videos) == sorted([FIRST, SECOND])
    assert videos.source == str(folder)
    assert "the list is its 2 segments by name" in caplog.text
    assert "3 other files are left out" in caplog.text


def test_a_folder_never_stands_for_a_part_of_its_subset(root):
    with pytest.raises(MissingListError, match=r"unbalanced_train-100k\.txt: no such list"):
        read_audioset(root, "unbalanced_train-100k", root)


def test_a_folder_without_segments_is_refused(root):
    (root / "eval.txt").unlink()
    (segments_folder("eval", root) / THIRD).rename(segments_folder("eval", root) / "a.mp4")
    with pytest.raises(AnnotationError, match=r"none of its 1 files is called '<video id>_"):
        read_audioset(root, "eval", root)


def test_neither_list_nor_folder_names_both_and_the_keys(root):
    with pytest.raises(MissingListError) as caught:
        read_audioset(root, "balanced_train", root)
    for words in ("balanced_train.txt", "balanced_train_segments", "PATH_PREFIX", "AUDIOSET"):
        assert words in str(caught.value)


def test_splits_read_the_subsets_of_the_config(root, cfg):
    assert names_of(read_items(cfg, "train")) == [FIRST, SECOND]
    assert names_of(read_items(cfg, "val")) == [THIRD]
    assert names_of(read_items(cfg, "test")) == [THIRD]
    (root / "unbalanced_train-100k.txt").write_text(f"{SECOND}\n")
    cfg.AUDIOSET.TRAIN_SUBSET, cfg.AUDIOSET.EVAL_SUBSET = (
        "unbalanced_train-100k",
        "unbalanced_train",
    )
    assert names_of(read_items(cfg, "train")) == [SECOND]
    assert names_of(read_items(cfg, "val")) == [FIRST, SECOND]


def test_a_listed_file_that_is_absent_is_an_error_with_its_cure(root, cfg):
    (segments_folder("unbalanced_train", root) / FIRST).unlink()
    with pytest.raises(AnnotationError) as caught:
        build_dataset("audioset", cfg, "train")
    assert "1 of 2 listed files do not exist" in str(caught.value)
    assert FIRST in str(caught.value)
    assert "prepare_data.py manifest" in str(caught.value)


@pytest.fixture
def with_media(root, media_factory):
    """Make the second training file and the evaluated file real; the first is absent."""
    train, held_out = segments_folder("unbalanced_train", root), segments_folder("eval", root)
    (train / FIRST).unlink()
    shutil.copy(media_factory(frames=90, audio_rate=16000), train / SECOND)
    shutil.copy(media_factory(shade=1), held_out / THIRD)


def test_a_manifest_leaves_absent_training_files_out(root, cfg, with_media):
    facts = write_manifests(cfg, root / "manifest", workers=0)
    assert (facts["train"]["files"], facts["train"]["left_out"]) == (1, 1)
    assert FIRST in (root / "manifest" / "left_out.csv").read_text()
    cfg.DATA.MANIFEST_DIR = str(root / "manifest")
    assert names_of(build_dataset("audioset", cfg, "train").items) == [SECOND]
    assert names_of(build_dataset("audioset", cfg, "val").items) == [THIRD]


def test_prepare_data_writes_the_manifest_of_a_published_config(root, with_media, run_tool):
    file = ROOT / "configs/main/avid/audioset/Cross-N1024.yaml"
    places = ["DATA.PATH_TO_DATA_DIR", str(root), "DATA.PATH_PREFIX", str(root)]
    words = ["--cfg", str(file), *places, "--out", str(root / "manifest"), "--workers", "0"]
    done = run_tool("prepare_data")("manifest", *words)
    assert done.returncode == 0 and "train: 1 files" in done.stdout
