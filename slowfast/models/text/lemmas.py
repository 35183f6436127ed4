"""The base form of verbs in class names, by WordNet's rules and its list of verbs.

Fellbaum, "WordNet: An Electronic Lexical Database". The list comes with the package.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

ASSETS = Path(__file__).parent / "assets"
ENDINGS = (
    *(("s", ""), ("ies", "y"), ("es", "e"), ("es", "")),
    *(("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", "")),
)
PREFERRED = {"swinging": "swing"}  # WordNet's first, swinge, is to singe, and in no table of words


def verb_lemma(word: str, mode: str = "fixed") -> str:
    """Return the base form of a verb, and any other word as it is.

    Nouns that are also verbs are changed too.

    Args:
        mode: ``fixed`` takes WordNet's first base form (``riding`` is ``ride``); ``legacy`` the
            shortest (``rid``), as the released zero-shot code does.
    """
    found = base_forms(word)
    if not found:
        return word
    return min(found, key=len) if mode == "legacy" else PREFERRED.get(word, found[0])


def base_forms(word: str) -> list[str]:
    """Return the verbs that a word may be a form of, WordNet's first choice first."""
    verbs, irregular = _wordnet()
    if word in irregular:
        return _known([word, *irregular[word]], verbs)
    forms = [word]
    found: list[str] = []
    while forms and not found:
        stems = [
            form[: -len(end)] + new for form in forms for end, new in ENDINGS if form.endswith(end)
        ]
        found = _known(([word] if forms == [word] else []) + stems, verbs)
        forms = stems
    return found


def _known(forms: list[str], verbs: frozenset[str]) -> list[str]:
    return [form for form in dict.fromkeys(forms) if form in verbs]


@lru_cache(maxsize=1)
def _wordnet() -> tuple[frozenset[str], dict[str, list[str]]]:
    content = json.loads((ASSETS / "wordnet_verbs.json").read_text(encoding="utf-8"))
    return frozenset(content["verbs"].split(" ")), content["irregular"]
