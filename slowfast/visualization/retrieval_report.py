"""The part of a report about embeddings: does the audio of a file lead to its frames, and back?"""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import numpy as np

from slowfast.evaluation import retrieval
from slowfast.visualization import page
from slowfast.visualization.figures import short
from slowfast.visualization.retrieval_figures import Cloud, class_map
from slowfast.visualization.sections import SECTIONS
from slowfast.visualization.strips import Strip, read_strip, strip_table

RANKS = (1, 5, 10)
NUM_QUERIES = 5
NUM_FOUND = 3
FRAMES_PER_STRIP = 4
MAX_NAME = 34
MAX_CLASS = 17
MAX_POINTS = 3000
WORDS = {
    "video_embedding": "frames",
    "audio_embedding": "audio",
    "text_embedding": "text",
    "other_embedding": "another clip",
}


@SECTIONS.register(name="retrieval")
def sections(found: dict[str, np.ndarray]) -> list[str]:
    """Return how well files are found, some examples, and a map.

    Args:
        found: two of ``video_embedding``, ``audio_embedding`` ... ``(N, D)`` of unit length,
            ``label``, ``valid``, ``path`` ``(N,)`` and ``class_names``.
    """
    one, two = sides = _sides(found)
    valid = found["valid"].astype(bool)
    usable = valid.copy()
    for side in sides:
        usable &= np.isfinite(found[side]).all(axis=1)
    title = f"Retrieval between {WORDS[one]} and {WORDS[two]}"
    parts = [page.heading(title), _table(found, valid)]
    if not usable.any():
        return parts
    seen = {key: value[usable] for key, value in found.items() if key != "class_names"}
    names = _class_names(found)
    return parts + _examples(seen, names) + _map(seen, names)


def _sides(found: dict[str, np.ndarray]) -> tuple[str, str]:
    """Return the keys of the two sides, queries first."""
    one, two = (key for key in WORDS if key in found)
    return one, two


def _class_names(found: dict[str, np.ndarray]) -> list[str]:
    names = [str(name) for name in found["class_names"]]
    return names + [f"class {k}" for k in range(len(names), found["label"].max(initial=-1) + 1)]


def _table(found: dict[str, np.ndarray], valid: np.ndarray) -> str:
    count = len(valid)
    one, two = _sides(found)
    rows: list[list[Any]] = []
    for query, target in ((one, two), (two, one)):
        name = f"{WORDS[query]} \u2192 {WORDS[target]}"
        ranks = retrieval.ranks(found[query][valid], found[target][valid])
        recall = retrieval.recall(ranks, count, RANKS)
        rows.append([name, *recall.values(), retrieval.median_rank(ranks, count)])
    guess = [min(100.0, 100.0 * k / count) for k in RANKS]
    rows.append(["chance", *guess, (count + 1) / 2])
    text = f"Each of {count} files is looked for among all of them, by the cosine of embeddings."
    header = ["", *(f"R@{k} %" for k in RANKS), "median rank"]
    return page.paragraph(text) + page.table(header, rows)


def _examples(seen: dict[str, np.ndarray], names: list[str]) -> list[str]:
    """Show what some files find by one side among the other, from the best query to the worst."""
    one, two = _sides(seen)
    queries, gallery = seen[one].astype(np.float64), seen[two].astype(np.float64)
    ranks = retrieval.ranks(queries, gallery)
    order = np.argsort(ranks, kind="stable")
    chosen = order[np.linspace(0, len(order) - 1, min(NUM_QUERIES, len(order))).astype(int)]
    rows = []
    for query in chosen:
        first = _strip(seen, names, query, f"own {WORDS[two]}: rank {ranks[query]} of {len(ranks)}")
        if first.frames is None:
            continue
        scores = gallery @ queries[query]
        # As in the ranks, the own file stands behind those that score the same.
        best = np.lexsort((np.arange(len(scores)) == query, -scores))[:NUM_FOUND]
        found = [_strip(seen, names, k, f"cosine {scores[k]:.2f}", query) for k in best]
        rows.append([first, *found])
    title = page.heading(f"Files found by their {WORDS[two]}")
    if not rows:
        return [title, page.paragraph("None of the files can be opened here.")]
    columns = min(NUM_FOUND, len(queries))
    header = [f"query: its {WORDS[one]}"]
    header += [f"{k + 1}. found by its {WORDS[two]}" for k in range(columns)]
    text = (
        f"Left the query, then the files whose {WORDS[two]} fits best. A frame and \u2713 mark "
        "the file itself. The queries go in even steps from the best ranked to the worst."
    )
    return [title, page.paragraph(text), strip_table(rows, header)]


def _strip(
    seen: dict[str, np.ndarray], names: list[str], row: int, note: str, query: int | None = None
) -> Strip:
    labels = seen["label"]
    words = [short(names[labels[row]], MAX_CLASS)] if labels[row] >= 0 else []
    own = query is not None and row == query
    if own:
        words = ["\u2713 the file itself"]
    elif query is not None and labels[row] >= 0 and labels[row] == labels[query]:
        words = ["same class"]
    words.append(note)
    path = str(seen["path"][row])
    lines = (short(PurePath(path).name, MAX_NAME), ", ".join(words))
    return Strip(read_strip(path, FRAMES_PER_STRIP), lines, framed=own)


def _map(seen: dict[str, np.ndarray], names: list[str]) -> list[str]:
    sides = _sides(seen)
    count, dim = seen[sides[0]].shape
    if count < 3 or dim < 2:
        return []
    rows = np.unique(np.linspace(0, count - 1, min(MAX_POINTS, count)).astype(int))
    clouds = []
    for side in sides:
        points, shares = principal_plane(seen[side])
        clouds.append(Cloud(WORDS[side], points[rows], shares, seen["label"][rows]))
    text = "The two directions in which the embeddings differ most (principal components)."
    if (seen["label"] >= 0).any():
        text += " Colours and markers are classes; training did not see them."
    return [
        page.heading("Map of the embeddings"),
        page.paragraph(text),
        page.image(class_map(clouds, names), "map of the embeddings"),
    ]


def principal_plane(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Project ``(N, D)`` onto its first two principal components.

    Returns:
        ``(N, 2)``, with a sign that does not depend on the library, and the share of the variance
        along each.
    """
    centred = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    variances, directions = np.linalg.eigh(centred.T @ centred)
    plane = directions[:, :-3:-1]
    plane = plane * np.sign(plane[np.abs(plane).argmax(axis=0), [0, 1]])
    total = max(float(variances.sum()), np.finfo(np.float64).tiny)
    return centred @ plane, variances[:-3:-1].clip(min=0) / total
