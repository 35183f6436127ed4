"""Vocabulary, tokeniser and text network: the recorded numbers, and files that are not what they seem."""

import numpy as np
import pytest
import torch

from slowfast.models.heads.pooling import global_pool
from slowfast.models.text.encoder import WordEncoder
from slowfast.models.text.vocabulary import Tokeniser, open_vocabulary
from slowfast.utils.errors import AnnotationError, CheckpointError


@pytest.fixture
def released(tmp_path):
    """Return ``write(words, vectors)``, which writes both files and returns the path of one."""

    def write(words, vectors):
        np.save(tmp_path / "dict.npy", np.array(words))
        torch.save(vectors, tmp_path / "word2vec.pth")
        return tmp_path / "word2vec.pth"

    return write


def test_tokens_are_the_recorded_ones(recorded, released):
    want = recorded("gdt/text_tokens.json")["tokeniser"]
    words = want["vocabulary"]
    vocabulary = open_vocabulary(str(released(words, torch.rand(len(words) + 1, 4))))
    tokenise = Tokeniser(vocabulary.ids, want["max_words"])
    for case in want["cases"]:
        assert tokenise(case["text"] or "").tolist() == case["ids"], case["text"]
    assert Tokeniser(vocabulary.ids, 4, lower=True)("Don't ADD salt").tolist() == [4, 3, 22, 0]


def test_vectors_stand_at_the_numbers_of_their_words(released):
    vectors = torch.arange(12.0).reshape(4, 3)
    path = str(released(["add", "oil", "pan"], vectors))
    whole, part = open_vocabulary(path), open_vocabulary(path, 2)
    assert torch.equal(whole.vectors, vectors) and whole.ids == {"add": 1, "oil": 2, "pan": 3}
    assert torch.equal(part.vectors, vectors[:3]) and part.ids == {"add": 1, "oil": 2}
    shipped = open_vocabulary("glove_6b_50d_actions", 100)
    assert shipped.vectors.shape == (101, 50) and not shipped.vectors[0].any()
    torch.testing.assert_close(shipped.vectors[1:].norm(dim=1), torch.ones(100))


@pytest.mark.parametrize(
    ("words", "vectors", "problem"),
    [
        (["a", "b"], torch.rand(2, 3), r"dict\.npy: .* for 2 vectors"),
        (["a", "b"], {"weight": torch.rand(3, 3)}, r"word2vec\.pth: holds dict"),
        (np.array(["a", "b"], dtype=object), torch.rand(3, 3), "saved anew as an array of strings"),
        ([1, 2], torch.rand(3, 3), r"dict\.npy: int64"),
    ],
)
def test_files_that_do_not_fit_are_one_message(words, vectors, problem, released):
    with pytest.raises(AnnotationError, match=problem):
        open_vocabulary(str(released(words, vectors)))


class Payload:
    def __reduce__(self):
        raise_if_run = "raise SystemExit('it ran')"
        return exec, (raise_if_run,)


def test_no_code_of_a_file_is_run(released):
    path = released(["a"], Payload())
    with pytest.raises(AnnotationError, match="not a tensor of word vectors"):
        open_vocabulary(str(path))


def test_missing_files_are_named(tmp_path, released):
    with pytest.raises(AnnotationError, match="no such file"):
        open_vocabulary(str(tmp_path / "nowhere.pth"))
    path = released(["a"], torch.rand(2, 3))
    (tmp_path / "dict.npy").unlink()
    with pytest.raises(AnnotationError, match=r"word2vec\.pth needs dict\.npy beside it"):
        open_vocabulary(str(path))
    with pytest.raises(AnnotationError, match=r"TEXT\.VECTORS is empty"):
        open_vocabulary("")


def test_the_order_of_words_does_not_matter_and_the_vectors_stay():
    torch.manual_seed(0)
    network = WordEncoder(torch.randn(6, 4), 8).double()
    ids = torch.tensor([[1, 2, 3, 0], [5, 5, 0, 0]])
    found = global_pool(network(ids), network.pooling)
    assert found.shape == (2, 8)
    torch.testing.assert_close(global_pool(network(ids.flip(1)), network.pooling), found)
    slow = torch.stack(
        [
            torch.stack([network.linear(network.embedding.weight[k]) for k in row]).relu().amax(0)
            for row in ids
        ]
    )
    torch.testing.assert_close(found, slow)
    found.sum().backward()
    assert network.embedding.weight.grad is None and network.linear.weight.grad.abs().sum() > 0


def test_weights_of_other_vectors_are_refused():
    own, other = WordEncoder(torch.ones(3, 2), 4), WordEncoder(torch.zeros(3, 2), 4)
    with pytest.raises(CheckpointError, match=r"other word vectors than those of TEXT\.VECTORS"):
        own.load_state_dict(other.state_dict())
    own.load_state_dict(WordEncoder(torch.ones(3, 2), 4).state_dict())
