"""Tables of word vectors in the files that people have, memory-mapped.

word2vec binary and text files (a first line ``count dim``), GloVe text files (none), and ``.npz``
archives with ``words`` and ``vectors``. Every vector is brought to unit length when it is read.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

import numpy as np

from slowfast.models.text.lemmas import ASSETS
from slowfast.utils.errors import AnnotationError
from slowfast.utils.input_files import reading_arrays

SHOWN = 20
MAX_DIM = 10_000


class WordVectors:
    """Unit vectors by word.

    A word that is missing is looked up in lower case too.

    Args:
        places: word -> place in the file.
        read: place -> vector ``(D,)``, of any length.
        dim: D.
        source: the file, for messages.
    """

    def __init__(
        self, places: Mapping[str, int], read: Callable[[int], np.ndarray], dim: int, source: str
    ) -> None:
        self._places, self._read = places, read
        self.dim, self.source = dim, source

    @classmethod
    def load(cls, path: str | Path) -> WordVectors:
        """Open a table; the vectors stay on disk, except those of an archive.

        Raises:
            AnnotationError: the file is missing or not such a table.
        """
        path = Path(path)
        if not path.is_file() or not path.stat().st_size:
            raise AnnotationError(f"{path}: no such file of word vectors, or an empty one.")
        if path.suffix == ".npz":
            return _from_archive(path)
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        header = data[: data.find(b"\n") + 1].split()
        if len(header) != 2 or not all(word.isdigit() for word in header):
            return _from_text(path, data, 0)
        count, dim = map(int, header)
        if not 0 < dim <= MAX_DIM:
            raise AnnotationError(f"{path}: vectors of {dim} numbers are not word vectors.")
        start = data.find(b"\n") + 1
        if path.suffix == ".bin" or not _is_text_row(data, start, dim):
            return _from_binary(path, data, start, count, dim)
        return _from_text(path, data, start)

    def __len__(self) -> int:
        return len(self._places)

    def words(self) -> list[str]:
        """Return all words in the order of the file."""
        return list(self._places)

    def __contains__(self, word: str) -> bool:
        return word in self._places or word.lower() in self._places

    def vector(self, word: str) -> np.ndarray:
        """Return the unit vector float32 ``(D,)`` of a word.

        Raises:
            AnnotationError: it is not in the table; names the nearest words.
        """
        place = self._places.get(word, self._places.get(word.lower()))
        if place is None:
            raise AnnotationError(f"{self.source}: no vector of {self._with_suggestion(word)}.")
        vector = np.asarray(self._read(place), dtype=np.float32)
        if vector.shape != (self.dim,) or not np.isfinite(vector).all():
            raise AnnotationError(f"{self.source}: the vector of {word!r} is damaged.")
        return unit(vector)

    def embed_class(self, words: Sequence[str]) -> np.ndarray:
        """Return the unit vector float32 ``(D,)`` of a class: of the mean of its words' vectors.

        Raises:
            AnnotationError: a word is not in the table, or there is none.
        """
        if not words:
            raise AnnotationError(f"{self.source}: a class without any word has no vector.")
        return unit(np.mean([self.vector(word) for word in words], axis=0, dtype=np.float32))

    def embed_classes(
        self,
        words_of: Mapping[str, Sequence[str]],
        missing: str = "error",
        leave_out: str = "by ZERO_SHOT.TEST_CLASSES, with a minus before its name",
    ) -> np.ndarray:
        """Return the vectors float32 ``(C, D)`` of classes.

        Args:
            words_of: class -> its words, see :func:`slowfast.models.text.class_words`.
            missing: ``error``, or ``skip`` to make do with the other words of a class.
            leave_out: how a class is left out, for messages.

        Raises:
            AnnotationError: words are not in the table (all of them are named), or a class is left
                without a word.
        """
        lost = {word for words in words_of.values() for word in words if word not in self}
        what = f"{len(lost)} words of class names have no vector"
        if missing == "skip":
            words_of = {c: [w for w in words if w not in lost] for c, words in words_of.items()}
            lost = set()
        cure = f"leave the class out {leave_out}"
        if missing == "error":
            cure = f"ZERO_SHOT.MISSING_WORDS skip to make do with the other words, or {cure}"
        if not lost:
            lost = {c for c, words in words_of.items() if not words}
            what = f"{len(lost)} classes have no word with a vector"
        if lost:
            shown = "; ".join(map(self._with_suggestion, sorted(lost)[:SHOWN]))
            more = f"; and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
            raise AnnotationError(
                f"{self.source}: {what}: {shown}{more}. Take a larger table, or {cure}."
            )
        return np.stack([self.embed_class(words) for words in words_of.values()])

    def _with_suggestion(self, word: str) -> str:
        alike = [known for known in self._places if known[:2] == word[:2]][:20_000]
        near = get_close_matches(word, alike, n=2)
        return f"{word!r}" + (f" (nearest: {', '.join(near)})" if near else "")


@lru_cache(maxsize=2)
def open_vectors(name: str, key: str = "ZERO_SHOT.VECTORS") -> WordVectors:
    """Return a table by its path or, of those that come with the package, by its name.

    Args:
        key: of the config that names it, for messages.

    Raises:
        AnnotationError: there is none; names what to do.
    """
    if not name:
        raise AnnotationError(
            f"{key} is empty: name a file of word vectors (GoogleNews word2vec, GloVe), or "
            f"one that comes with the package: {', '.join(_shipped())}."
        )
    shipped = _shipped()
    return WordVectors.load(shipped.get(name, Path(name)))


def _shipped() -> dict[str, Path]:
    return {path.stem: path for path in ASSETS.glob("*.npz")}


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors ``(..., D)`` at unit length; a zero vector stays zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(length > 0, length, 1).astype(vectors.dtype)


def _from_archive(path: Path) -> WordVectors:
    problem = "not an archive with 'words' and 'vectors'"
    with reading_arrays(path, AnnotationError, problem) as archive:
        words, vectors = archive["words"].tolist(), archive["vectors"]
    if vectors.ndim != 2 or len(words) != len(vectors) or not len(words):
        raise AnnotationError(f"{path}: {len(words)} words for vectors of shape {vectors.shape}.")
    places = {str(word): row for row, word in enumerate(words)}
    return WordVectors(places, vectors.__getitem__, vectors.shape[1], str(path))


def _from_binary(path: Path, data: mmap.mmap, start: int, count: int, dim: int) -> WordVectors:
    size, places = 4 * dim, {}
    for number in range(count):
        blank = data.find(b" ", start, start + 4096)
        if blank < 0 or blank + 1 + size > len(data):
            raise AnnotationError(
                f"{path}: ends after {number} of {count} words; copy or download it again."
            )
        word = data[start:blank].lstrip(b"\n").decode("utf-8", "replace")
        places.setdefault(word, blank + 1)
        start = blank + 1 + size
    return WordVectors(places, lambda at: np.frombuffer(data, "<f4", dim, at), dim, str(path))


def _from_text(path: Path, data: mmap.mmap, start: int) -> WordVectors:
    places, dim = {}, 0
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        blank = data.find(b" ", start, end)
        if blank > start:
            places.setdefault(data[start:blank].decode("utf-8", "replace"), blank + 1)
            dim = dim or len(data[blank + 1 : end].split())
        start = end + 1

    def read(at: int) -> np.ndarray:
        end = data.find(b"\n", at)
        try:
            return np.array(data[at : end if end >= 0 else len(data)].split(), dtype=np.float32)
        except ValueError as error:
            raise AnnotationError(f"{path}: a line is not a word with {dim} numbers.") from error

    try:
        first = read(next(iter(places.values()), len(data)))
    except AnnotationError:  # prose, or a page that says why a download failed
        first = np.empty(0)
    if len(first) < 2:
        raise AnnotationError(f"{path}: does not begin with a line of a word and its numbers.")
    return WordVectors(places, read, dim, str(path))


def _is_text_row(data: mmap.mmap, start: int, dim: int) -> bool:
    row = data[start : data.find(b"\n", start)].split()
    try:
        return len(row) == dim + 1 and all(np.isfinite(float(number)) for number in row[1:])
    except ValueError:
        return False
