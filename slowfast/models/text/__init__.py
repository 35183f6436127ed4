"""Class names as vectors: words of names, and tables of word vectors."""

from slowfast.models.text.class_names import class_words, excluded_preset
from slowfast.models.text.lemmas import verb_lemma
from slowfast.models.text.word_vectors import WordVectors

__all__ = ["WordVectors", "class_words", "excluded_preset", "verb_lemma"]
