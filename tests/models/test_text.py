"""Words of class names and tables of word vectors, against recorded ones and files of every kind."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.fills import madeup_vector

from slowfast.evaluation.zero_shot import separate
from slowfast.models.text import WordVectors, class_words, excluded_preset, verb_lemma
from slowfast.models.text.lemmas import base_forms
from slowfast.models.text.word_vectors import open_vectors
from slowfast.utils.errors import AnnotationError, ConfigError

DATASETS = ("ucf101", "hmdb51", "kinetics700", "activitynet200", "sun397")


@pytest.mark.parametrize("dataset", DATASETS)
def test_legacy_words_are_the_recorded_ones(dataset, recorded):
    for name, words in recorded(f"zeroshot/tokens_{dataset}.json")["tokens"]:
        assert class_words(name, dataset, "legacy") == words, name


@pytest.mark.parametrize(
    ("name", "dataset", "fixed", "legacy"),
    [
        ("HorseRiding", "ucf101", ["horse", "ride"], ["horse", "rid"]),
        ("CricketShot", "ucf101", ["cricket", "shoot"], ["cricket", "shoot"]),
        ("Skijet", "ucf101", ["Skyjet"], ["Skyjet"]),
        ("WritingOnBoard", "ucf101", ["write", "on", "board"], ["write", "on", "board"]),
        ("brush_hair", "hmdb51", ["brush", "hair"], ["brush", "hair"]),
        ("claping", "hmdb51", ["clap"], ["clap"]),
        ("hugging (not baby)", "kinetics700", ["hug"], ["hug"]),
        ("massaging person's head", "kinetics700", ["massage", "person", "head"], None),
        ('s head": 1}', "kinetics700", ["s", 'head":', "1}"], ["head"]),
        ("installing carpet", "kinetics700", ["instal", "carpet"], ["instal", "carpet"]),
        ("car_interior/frontseat", "sun397", ["car", "interior", "front", "seat"], None),
        ("Ping-pong", "activitynet200", ["table", "tennis"], ["table", "tennis"]),
        ("zig zag", "plain", ["zig", "zag"], ["zig", "zag"]),
    ],
)
def test_words_in_both_modes(name, dataset, fixed, legacy):
    assert class_words(name, dataset) == fixed
    if legacy is not None:
        assert class_words(name, dataset, "legacy") == legacy


@pytest.mark.parametrize(
    ("word", "fixed", "legacy"),
    [
        *(("riding", "ride", "rid"), ("staring", "stare", "star"), ("shining", "shine", "shin")),
        *(("planing", "plane", "plan"), ("wading", "wade", "wad"), ("dining", "dine", "din")),
        *(("plates", "plate", "plat"), ("pipes", "pipe", "pip"), ("shot", "shoot", "shoot")),
        *(("fencing", "fence", "fence"), ("bowling", "bowl", "bowl"), ("hands", "hand", "hand")),
        *(("stairs", "stairs", "stairs"), ("sausages", "sausages", "sausages")),
        *(("tying", "tie", "tie"), ("guitar", "guitar", "guitar"), ("swinging", "swing", "swing")),
    ],
)
def test_lemmas(word, fixed, legacy):
    assert (verb_lemma(word), verb_lemma(word, "legacy")) == (fixed, legacy)


@given(st.text(max_size=12))
def test_any_word_has_a_lemma(word):
    assert isinstance(verb_lemma(word), str) and len(base_forms(word)) < 20


def test_unknown_rules_are_named():
    with pytest.raises(ConfigError, match="ucf101"):
        class_words("x", "ucf1O1")
    with pytest.raises(ConfigError, match="fixed, legacy"):
        class_words("x", "ucf101", "fix")
    with pytest.raises(ConfigError, match="zsl_664"):
        excluded_preset("zsl_665")


def test_the_preset_is_the_classes_with_the_words_of_a_test_class(recorded):
    found = recorded("zeroshot/kinetics_overlap_exact.json")["kinetics700_lemma"]["ucf_hmdb"]
    assert sorted(excluded_preset("zsl_664")) == sorted(name for name, _ in found["pairs"])


def write(path, vectors):
    words, rows = list(vectors), np.stack(list(vectors.values())).astype("<f4")
    if path.suffix == ".npz":
        np.savez(path, words=np.array(words), vectors=rows)
    elif path.suffix == ".bin":
        with path.open("wb") as file:
            file.write(f"{len(words)} {rows.shape[1]}\n".encode())
            for k, (word, row) in enumerate(zip(words, rows, strict=True)):
                file.write(word.encode() + b" " + row.tobytes() + (b"\n" if k % 2 else b""))
    else:
        lines = [
            f"{w} {' '.join(repr(float(n)) for n in r)}" for w, r in zip(words, rows, strict=True)
        ]
        head = [f"{len(words)} {rows.shape[1]}"] if "w2v" in path.stem else []
        path.write_text("\n".join([*head, *lines]) + "\n")
    return path


TABLE = {"play": np.array([3.0, 4.0, 0.0]), "Skyjet": np.array([0.0, 2.0, 0.0])}
TABLE |= {"guitar": np.array([0.0, 0.0, 5.0]), "café": np.array([1.0, 1.0, 1.0])}


@pytest.mark.parametrize("name", ["a.bin", "a.npz", "glove.txt", "w2v.txt"])
def test_every_kind_of_file_gives_unit_vectors(name, tmp_path):
    table = WordVectors.load(write(tmp_path / name, TABLE))
    assert (len(table), table.dim) == (4, 3)
    for word, row in TABLE.items():
        np.testing.assert_allclose(table.vector(word), row / np.linalg.norm(row), rtol=1e-6)
    np.testing.assert_allclose(table.vector("GUITAR"), [0, 0, 1])  # in lower case
    assert "Play" in table and "skyjet" not in table
    both = table.embed_class(["play", "guitar"])
    np.testing.assert_allclose(both, np.array([0.6, 0.8, 1.0]) / np.sqrt(2), rtol=1e-6)
    assert both.dtype == np.float32


@pytest.mark.parametrize("dataset", ["ucf101", "hmdb51"])
def test_class_vectors_are_the_recorded_ones(dataset, recorded, tmp_path):
    want = recorded("zeroshot/class_embeddings_madeup.json")
    names = [name for name, _ in want[dataset]]
    words_of = {name: class_words(name, dataset, "legacy") for name in names}
    words = {word for own in words_of.values() for word in own}
    table = WordVectors.load(
        write(tmp_path / "a.npz", {word: madeup_vector(word) for word in words})
    )
    found = table.embed_classes(words_of)
    np.testing.assert_allclose(found, [row for _, row in want[dataset]], atol=2e-7)
    assert np.abs(found).sum() == pytest.approx(want["checksums"][dataset]["abs_sum"], rel=1e-6)


def test_all_missing_words_are_named_at_once_with_the_nearest(tmp_path):
    table = WordVectors.load(write(tmp_path / "a.npz", TABLE))
    names = {"a": ["play", "guitars"], "b": ["zzz"]}
    with pytest.raises(AnnotationError, match=r"2 words.*'guitars' \(nearest: guitar\); 'zzz'"):
        table.embed_classes(names)
    with pytest.raises(
        AnnotationError, match=r"1 classes have no word with a vector: 'b'.*TEST_CLASSES"
    ):
        table.embed_classes(names, "skip")
    with pytest.raises(AnnotationError, match="class without any word"):
        table.embed_class([])
    with pytest.raises(AnnotationError, match=r"1 classes have no word with a vector: 'the'"):
        table.embed_classes({"a": ["play"], "the": []})
    np.testing.assert_allclose(
        table.embed_classes({"a": ["play", "zzz"]}, "skip"), [[0.6, 0.8, 0]], rtol=1e-6
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.bin", b"9 4\nplay " + struct.pack("<4f", 1, 2, 3, 4)),
        ("a.bin", b"1 4000000000\nplay "),
        ("a.txt", b"word\nother\n"),
        ("a.txt", b""),
        ("a.txt", b"This page has moved\nto another place\n"),
        ("a.npz", b"PK\x03\x04nothing"),
        ("a.npz", b"{}"),
    ],
)
def test_damaged_files_are_one_message(name, content, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(AnnotationError, match=str(path)):
        WordVectors.load(path)


def test_a_line_that_is_no_vector_is_found_when_it_is_read(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("good 1.0 2.0 3.0\nbad 1.0 x 3.0\nshort 1.0\n")
    table = WordVectors.load(path)
    for word in ("bad", "short"):
        with pytest.raises(AnnotationError):
            table.vector(word)


RULES = {"sun397_minus2": "sun397"}


def test_coverage_of_glove_is_the_recorded_one(recorded):
    """On the small table that comes with the package, which has all words of class names GloVe has."""
    table = open_vectors("glove_6b_50d_actions")
    for dataset, want in recorded("zeroshot/glove6b50d_checks.json")["coverage"].items():
        names = recorded(f"zeroshot/tokens_{RULES.get(dataset, dataset)}.json")["tokens"]
        tokens = {word.lower() for _, words in names for word in words}
        lost = sorted(word for word in tokens if word not in table)
        assert (len(tokens), len(tokens) - len(lost)) == (want["tokens"], want["covered"])
        assert lost == sorted(want["oov"])
        bare = [name for name, words in names if not any(word in table for word in words)]
        assert sorted(bare) == sorted(want["classes_without_any_vector"])
        whole = [name for name, words in names if all(word in table for word in words)]
        assert len(whole) == want["classes_fully_covered"]


def test_the_shipped_table_has_the_words_of_both_modes(recorded):
    table = open_vectors("glove_6b_50d_actions")
    for dataset in ("ucf101", "hmdb51", "kinetics700", "activitynet200"):
        for name, words in recorded(f"zeroshot/tokens_{dataset}.json")["tokens"]:
            fixed = class_words(name, dataset)
            assert all(word in table for word in fixed if word not in words), fixed


@pytest.mark.parametrize("others", [(), ("activitynet200",)])
def test_classes_near_test_classes_by_glove_are_as_many_as_recorded(recorded, others):
    table = open_vectors("glove_6b_50d_actions")

    def vectors(dataset):
        names = recorded(f"zeroshot/tokens_{dataset}.json")["tokens"]
        known = [[w for w in words if w in table] for _, words in names]
        return np.stack([table.embed_class(words) for words in known if words])

    train = vectors("kinetics700")
    test = np.concatenate([vectors(name) for name in ("ucf101", "hmdb51", *others)])
    key = "kinetics700_removed_by_tau_vs_ucf101_hmdb51" + "_activitynet" * bool(others)
    for tau, count in recorded("zeroshot/glove6b50d_checks.json")[key].items():
        assert (~separate(train, test, float(tau)).kept).sum() == count, tau
