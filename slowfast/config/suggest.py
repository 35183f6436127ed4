"""Finding the key that a misspelt name was meant to be."""

from __future__ import annotations

from collections.abc import Iterable

from slowfast.utils.errors import nearest

# A name right but for its node (MODEL.BASE_LR) ranks after one slip of a letter, before two.
OTHER_NODE_COST = 1.5
FARTHEST = 4


def edit_distance(first: str, second: str, limit: int) -> int:
    """Count insertions, deletions, substitutions and swaps of neighbours; ``limit`` + 1 if more."""
    if abs(len(first) - len(second)) > limit:
        return limit + 1
    before: list[int] = []
    previous = list(range(len(second) + 1))
    for i, a in enumerate(first, start=1):
        row = [i]
        for j, b in enumerate(second, start=1):
            cost = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a != b))
            if i > 1 and j > 1 and a == second[j - 2] and first[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
        before, previous = previous, row
    return previous[-1]


def nearest_keys(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Return the known dotted names most likely meant by ``name``, best first."""
    known = list(known)
    wanted = name.upper()
    scores = {}
    for candidate in known:
        score = _score(wanted, candidate.upper())
        if score <= FARTHEST:
            scores[candidate] = score
    if not scores:
        return nearest(name, known, count)
    best = min(scores.values())
    close = [key for key, score in scores.items() if score <= best + OTHER_NODE_COST]
    return sorted(close, key=lambda key: scores[key])[:count]


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return "Did you mean ...?" for an unknown key, or how to find the right one."""
    close = nearest_keys(name, known)
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return "No key is like it; --help-config lists them all."


def _score(wanted: str, candidate: str) -> float:
    """Edits from one name to the other, or only from leaf to leaf when the node is another."""
    limit = max(1, min(FARTHEST, len(wanted) // 3))
    whole = float(edit_distance(wanted, candidate, limit))
    if whole > limit:
        whole = FARTHEST + 1.0
    leaf = edit_distance(wanted.rpartition(".")[2], candidate.rpartition(".")[2], 1)
    if leaf > 1:
        return whole
    return min(whole, OTHER_NODE_COST + 2 * leaf)
