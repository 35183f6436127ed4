"""The part of a report about probes: confusion where there are classes, neighbours, and a map."""

from __future__ import annotations

from pathlib import PurePath

import numpy as np

from slowfast.visualization import classification_report, page
from slowfast.visualization.figures import short
from slowfast.visualization.retrieval_figures import Cloud, class_map
from slowfast.visualization.retrieval_report import principal_plane
from slowfast.visualization.sections import SECTIONS
from slowfast.visualization.strips import Strip, read_strip, strip_table

NUM_QUERIES = 6
NUM_FOUND = 3
FRAMES_PER_STRIP = 4
MAX_NAME, MAX_CLASS = 30, 20
FEWEST_POINTS = 5
PERPLEXITY = 30.0


@SECTIONS.register(name="probe")
def sections(found: dict[str, np.ndarray]) -> list[str]:
    """Return what the rows of a probe allow.

    Args:
        found: ``label``, ``valid``, ``path`` ``(N,)`` and ``class_names``, with ``scores`` ``(N, C)``,
            or with ``near_path`` and ``near_label`` ``(N, k)``, and ``map_vectors`` ``(M, D)`` with
            ``map_label``.
    """
    parts = []
    if "scores" in found:
        parts += classification_report.sections(found)
    names = [str(name) for name in found["class_names"]]
    names += [f"class {k}" for k in range(len(names), int(found["label"].max(initial=-1)) + 1)]
    if "near_path" in found:
        parts += _neighbours(found, names)
    if "map_vectors" in found:
        parts += _map(found["map_vectors"], found["map_label"], names)
    return parts


def _neighbours(found: dict[str, np.ndarray], names: list[str]) -> list[str]:
    """Show some test videos and the training videos that are nearest to them."""
    usable = np.flatnonzero(found["valid"])
    places = np.linspace(0, len(usable) - 1, min(NUM_QUERIES, len(usable))).astype(int)
    rows = []
    for query in usable[places]:
        own = int(found["label"][query])
        first = _strip(str(found["path"][query]), names, own)
        if first.frames is None:
            continue
        near = zip(found["near_path"][query], found["near_label"][query], strict=True)
        rows.append([first, *(_strip(str(p), names, int(label), own) for p, label in near)])
    title = page.heading("Nearest neighbours")
    if not rows:
        return [title, page.paragraph("None of the files can be shown.")]
    columns = min(NUM_FOUND, *(len(row) - 1 for row in rows))
    header = ["test video", *(f"{k + 1}. among the training videos" for k in range(columns))]
    text = "Left a test video, then the training videos nearest to it; a frame marks its own class."
    return [title, page.paragraph(text), strip_table([row[: columns + 1] for row in rows], header)]


def _strip(path: str, names: list[str], label: int, wanted: int | None = None) -> Strip:
    words = short(names[label], MAX_CLASS) if 0 <= label < len(names) else ""
    lines = (short(PurePath(path).name, MAX_NAME), words)
    return Strip(read_strip(path, FRAMES_PER_STRIP), lines, framed=label == wanted)


def _map(vectors: np.ndarray, labels: np.ndarray, names: list[str]) -> list[str]:
    """Draw the vectors in a plane, by principal components and by t-SNE."""
    if len(vectors) < FEWEST_POINTS or vectors.shape[1] < 2:
        return []
    from sklearn.manifold import TSNE  # takes a second to import

    points, shares = principal_plane(vectors)
    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    near = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(vectors)
    clouds = [Cloud("principal components", points, shares, labels)]
    clouds.append(Cloud("t-SNE", near, (), labels))
    text = (
        "Features of test videos, coloured by class: along the two directions in which they differ "
        "most, and by t-SNE, which keeps neighbours together and no distances."
    )
    image = page.image(class_map(clouds, names), "map of the features")
    return [page.heading("Map of the features"), page.paragraph(text), image]
