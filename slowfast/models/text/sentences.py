"""A sentence encoder in the place of word vectors: a folder of a model that is on this machine.

Folders of ``sentence-transformers``, which know their own pooling, or of ``transformers``, whose last
hidden states are averaged over the words of a text (Reimers and Gurevych, "Sentence-BERT", 2019). Both
packages are optional, and nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch

from slowfast.models.text.word_vectors import WordVectors, open_vectors, unit
from slowfast.utils.errors import AnnotationError, ConfigError

MODULES = "modules.json"  # what only folders of sentence-transformers have
Encode = Callable[[list[str]], np.ndarray]


class SentenceVectors:
    """Unit vectors of texts, with the interface of :class:`~slowfast.models.text.WordVectors`.

    Args:
        encode: from texts to float ``(N, D)``.
        source: the folder, for messages.
    """

    def __init__(self, encode: Encode, source: str) -> None:
        self.encode, self.source = encode, source
        self.dim = self.embed_texts(["a"]).shape[1]

    def __contains__(self, word: str) -> bool:
        return True  # words that it does not know are read by their parts

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Return unit vectors float32 ``(N, D)``.

        Raises:
            AnnotationError: the encoder gives something else.
        """
        found = np.asarray(self.encode(list(texts)), dtype=np.float32)
        if found.ndim != 2 or len(found) != len(texts) or not np.isfinite(found).all():
            raise AnnotationError(f"{self.source}: gives {found.shape} for {len(texts)} texts.")
        return unit(found)

    def embed_class(self, words: Sequence[str]) -> np.ndarray:
        """Return the unit vector float32 ``(D,)`` of the words of a class, read as one text."""
        return self.embed_texts([" ".join(words)])[0]

    def embed_classes(
        self, words_of: Mapping[str, Sequence[str]], missing: str = "error", leave_out: str = ""
    ) -> np.ndarray:
        """Return the vectors float32 ``(C, D)`` of classes; no words are missing here."""
        return self.embed_texts([" ".join(words) for words in words_of.values()])


@lru_cache(maxsize=2)
def open_sentences(folder: str) -> SentenceVectors:
    """Return the encoder in a folder.

    Raises:
        ConfigError: the package that reads it is not installed.
        AnnotationError: the folder holds no such model.
    """
    own = (Path(folder) / MODULES).is_file()
    try:
        return SentenceVectors((_sentence_transformer if own else _transformer)(folder), folder)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        first = str(error).partition("\n")[0]
        raise AnnotationError(f"{folder}: not a folder of a sentence encoder ({first}).") from error


def _package(name: str, folder: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"{folder} is the folder of a sentence encoder, which the package {name} reads: pip "
            f"install {name}."
        ) from error


def _sentence_transformer(folder: str) -> Encode:
    package = _package("sentence_transformers", folder)
    model = package.SentenceTransformer(folder, device="cpu", local_files_only=True)
    return lambda texts: model.encode(texts, convert_to_numpy=True, show_progress_bar=False)


def _transformer(folder: str) -> Encode:
    package = _package("transformers", folder)
    tokenise = package.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = package.AutoModel.from_pretrained(folder, local_files_only=True).eval()

    @torch.inference_mode()
    def encode(texts: list[str]) -> np.ndarray:
        batch = tokenise(texts, padding=True, truncation=True, return_tensors="pt")
        hidden = model(**batch).last_hidden_state
        mask = batch["attention_mask"][..., None].to(hidden.dtype)
        return ((hidden * mask).sum(dim=1) / mask.sum(dim=1)).numpy()

    return encode


def open_name_vectors(name: str) -> WordVectors | SentenceVectors:
    """Return what turns class names into vectors: a folder's encoder, or a table of words."""
    return open_sentences(name) if name and Path(name).is_dir() else open_vectors(name)
