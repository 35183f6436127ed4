"""Words as numbers: the vocabulary of a text network and the tokeniser that goes with it.

As in the video-text networks of MIL-NCE and GDT (Miech et al., "End-to-End Learning of Visual
Representations from Uncurated Instructional Videos", CVPR 2020): ``word2vec.pth`` holds a vector for
padding and one for each word of ``dict.npy``. Any table of
:class:`~slowfast.models.text.WordVectors` makes a vocabulary too.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from slowfast.models.text.word_vectors import open_vectors
from slowfast.utils.errors import AnnotationError
from slowfast.utils.paths import local_path

WORD = re.compile(r"[\w']+")
RELEASED = (".pth", ".pt")
WORDS_FILE = "dict.npy"
UNREADABLE = (OSError, RuntimeError, ValueError, EOFError, LookupError, pickle.PickleError)


@dataclass(frozen=True)
class Tokeniser:
    """From a text to the numbers of its words.

    Args:
        ids: number of each known word, from 1.
        max_words: W; further words are cut off.
        lower: look words up in lower case. Otherwise case counts, as published.
    """

    ids: Mapping[str, int]
    max_words: int = 20
    lower: bool = False

    def __call__(self, text: str) -> np.ndarray:
        """Return int64 ``(W,)``: known words in their order, then 0; unknown ones are left out."""
        words = WORD.findall(text.lower() if self.lower else text)
        known = [self.ids[word] for word in words if word in self.ids][: self.max_words]
        found = np.zeros(self.max_words, np.int64)
        found[: len(known)] = known
        return found


@dataclass(frozen=True)
class Vocabulary:
    """Words and their vectors.

    Attributes:
        ids: number of each word, from 1; 0 is padding.
        vectors: float32 ``(V + 1, D)``, by number.
    """

    ids: dict[str, int]
    vectors: Tensor


def build_tokeniser(text) -> Tokeniser:
    """Return the tokeniser of the ``TEXT`` node of a config."""
    words = build_vocabulary(text).ids
    return Tokeniser(words, text.MAX_WORDS, lower=text.CASE == "lower")


def build_vocabulary(text) -> Vocabulary:
    """Return the vocabulary of the ``TEXT`` node of a config."""
    return open_vocabulary(text.VECTORS, text.NUM_WORDS)


@lru_cache(maxsize=2)
def open_vocabulary(name: str, num_words: int = 0) -> Vocabulary:
    """Return a vocabulary.

    Args:
        name: ``word2vec.pth`` beside its ``dict.npy``, or what :func:`open_vectors` takes.
        num_words: the first words of the table that are known; 0 for all.

    Raises:
        AnnotationError: no such table, or a damaged one.
    """
    if not name:
        raise AnnotationError(
            "TEXT.VECTORS is empty: name a table of word vectors, such as word2vec.pth of MIL-NCE, or "
            "glove_6b_50d_actions, which comes with the package."
        )
    if Path(name).suffix in RELEASED:
        words, vectors = _read_released(Path(local_path(name, "TEXT.VECTORS")))
    else:
        table = open_vectors(name, "TEXT.VECTORS")
        words = table.words()[: num_words or None]
        rows = np.stack([np.zeros(table.dim, np.float32), *map(table.vector, words)])
        vectors = torch.from_numpy(rows)
    words = words[: num_words or None]
    ids = {word: number for number, word in enumerate(words, 1)}
    return Vocabulary(ids, vectors[: len(words) + 1])


def _read_released(path: Path) -> tuple[list[str], Tensor]:
    """Return the words and vectors of ``word2vec.pth`` and ``dict.npy``; no pickle is run."""
    beside = path.with_name(WORDS_FILE)
    for file in (path, beside):
        if not file.is_file():
            raise AnnotationError(
                f"{file}: no such file; {path.name} needs {WORDS_FILE} beside it."
            )
    try:
        vectors = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        raise AnnotationError(f"{path}: not a tensor of word vectors ({_first(error)}).") from error
    try:
        words = np.load(beside, allow_pickle=False)
    except UNREADABLE as error:
        raise AnnotationError(
            f"{beside}: not an array of words ({_first(error)}). Words that were saved as objects must "
            "be saved anew as an array of strings."
        ) from error
    if not isinstance(vectors, Tensor) or vectors.ndim != 2 or not vectors.is_floating_point():
        raise AnnotationError(f"{path}: holds {type(vectors).__name__}, not a matrix of vectors.")
    if words.ndim != 1 or words.dtype.kind != "U" or len(words) + 1 != len(vectors):
        raise AnnotationError(
            f"{beside}: {words.dtype} {words.shape} for {len(vectors)} vectors; expected a word for "
            "each vector but the first, which is that of padding."
        )
    return words.tolist(), vectors.float()


def _first(error: BaseException) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
