"""Sentence encoders in the place of word vectors; the packages that read them are played."""

import json
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from slowfast.models.text.sentences import open_name_vectors, open_sentences
from slowfast.models.text.word_vectors import WordVectors
from slowfast.tasks.zero_shot_classes import NameVectors
from slowfast.utils.errors import AnnotationError, ConfigError


def code(text):
    """Return a vector of a text that its words decide."""
    return np.array([len(text), text.count("a") + 1.0, text.count("i") + 0.5])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return ``make(kind) -> folder``; the packages know folders that hold a config."""
    open_sentences.cache_clear()
    asked = []

    def check(folder, local_files_only):
        asked.append(local_files_only)
        if not (tmp_path / "config.json").is_file():
            raise OSError("no config.json\nmore lines")

    class SentenceTransformer:
        def __init__(self, folder, device, local_files_only):
            check(folder, local_files_only)

        def encode(self, texts, **options):
            return np.stack([code(text) for text in texts])

    class Tokeniser:
        def __call__(self, texts, **options):
            longest = max(map(len, texts))
            mask = torch.tensor([[1] * len(t) + [0] * (longest - len(t)) for t in texts])
            letters = [[ord(c) for c in t] + [7] * (longest - len(t)) for t in texts]
            return {"input_ids": torch.tensor(letters), "attention_mask": mask}

    class Model:
        def eval(self):
            return self

        def __call__(self, input_ids, attention_mask):
            ids = input_ids.float()
            return SimpleNamespace(last_hidden_state=torch.stack([ids, ids**2], dim=-1))

    def loader(made):
        def from_pretrained(folder, local_files_only):
            check(folder, local_files_only)
            return made

        return SimpleNamespace(from_pretrained=from_pretrained)

    def make(kind):
        module = ModuleType(kind)
        module.SentenceTransformer = SentenceTransformer
        module.AutoTokenizer, module.AutoModel = loader(Tokeniser()), loader(Model())
        monkeypatch.setitem(sys.modules, kind, module)
        (tmp_path / "config.json").write_text("{}")
        if kind == "sentence_transformers":
            (tmp_path / "modules.json").write_text(json.dumps([]))
        return str(tmp_path)

    yield make
    assert all(asked), "something was to be fetched"


def test_a_folder_of_sentence_transformers_gives_unit_vectors_of_whole_names(folder):
    vectors = open_name_vectors(folder("sentence_transformers"))
    found = vectors.embed_classes({"a": ["ride", "bike"], "b": ["swim"]})
    wanted = np.stack([code("ride bike"), code("swim")])
    np.testing.assert_allclose(found, wanted / np.linalg.norm(wanted, axis=1, keepdims=True), 1e-6)
    assert vectors.dim == 3 and "zzzzz" in vectors and found.dtype == np.float32
    np.testing.assert_array_equal(vectors.embed_class(["swim"]), found[1])


def test_a_folder_of_transformers_is_averaged_over_the_words_that_are_there(folder):
    vectors = open_name_vectors(folder("transformers"))
    alone, both = vectors.embed_texts(["ab"]), vectors.embed_texts(["ab", "abcdef"])
    np.testing.assert_allclose(both[0], alone[0], rtol=1e-6)  # padding takes no part
    mean = np.array([(97 + 98) / 2, (97**2 + 98**2) / 2])
    np.testing.assert_allclose(alone[0], mean / np.linalg.norm(mean), rtol=1e-6)


def test_names_of_classes_need_no_known_word(folder):
    vectors = NameVectors(open_name_vectors(folder("transformers")), "fixed", "error")
    classes = vectors.of_words(vectors.words(["HorseRiding", "Qqqq"], "ucf101"))
    assert classes.words["HorseRiding"] == ["horse", "ride"] and classes.vectors.shape == (2, 2)


def test_what_is_missing_is_one_message(folder, tmp_path, monkeypatch):
    name = folder("sentence_transformers")
    (tmp_path / "config.json").unlink()
    with pytest.raises(AnnotationError, match=r"not a folder of a sentence encoder \(no config"):
        open_name_vectors(name)
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ConfigError, match="pip install sentence_transformers"):
        open_name_vectors(name)


def test_a_file_is_still_a_table_of_words():
    assert isinstance(open_name_vectors("glove_6b_50d_actions"), WordVectors)
