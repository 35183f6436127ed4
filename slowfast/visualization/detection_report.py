"""The part of a report about detected actions: classes, curves, and boxes on their frames."""

from __future__ import annotations

import numpy as np

from slowfast.datasets.media import open_media
from slowfast.datasets.media.frame_folder import IMAGE_SUFFIXES, read_image
from slowfast.evaluation import ava
from slowfast.evaluation.ava import plots as ava_plots
from slowfast.utils.errors import MediaError
from slowfast.visualization import page
from slowfast.visualization.box_figures import BoxImage, LabelledBox, box_pairs
from slowfast.visualization.sections import SECTIONS

ACTIONS_SHOWN = 3
LEAST_SCORE = 0.1


@SECTIONS.register(name="detection")
def sections(found: dict[str, np.ndarray]) -> list[str]:
    """Return average precisions, curves, confusions, and some key frames.

    Args:
        found: detections ``box`` ``(N, 4)`` as shares of the frame, ``box_scores`` ``(N, C)`` and
            ``box_key``; annotations ``true_box`` ``(M, 4)``, ``true_label`` and ``true_key``;
            ``class_ids``, ``class_names``, ``excluded`` keys, and where to see some key frames.
    """
    names = dict(zip(found["class_ids"].tolist(), map(str, found["class_names"]), strict=True))
    truth = ava.Boxes(found["true_key"], found["true_box"], found["true_label"])
    detections = ava.Boxes.from_scores(found["box_key"], found["box"], found["box_scores"])
    excluded = set(found["excluded"].tolist())
    result = ava.evaluate(truth, detections, names, excluded, with_confusions=True)
    parts = [page.heading("Actions"), page.paragraph(_protocol(result))]
    for name, png in ava_plots.figures(result).items():
        parts.append(page.image(png, name))
    return parts + _key_frames(found, truth, names)


def _protocol(result: ava.AvaResult) -> str:
    counts = {
        name: f"{number:,} {name.replace('_', ' ')}" for name, number in result.counts.items()
    }
    evaluated = [counts.pop(name) for name in ("keyframes", "ground_truth", "detections")]
    single_videos = counts.pop("detections_on_frames_without_ground_truth")
    return (
        f"Detections of a key frame are matched in the order of the file "
        f"('{result.match_order}'), as PySlowFast does. Evaluated: {', '.join(evaluated)}; of these, "
        f"{single_videos}, which are wrong. Left out: {', '.join(counts.values())}."
    )


def _key_frames(found: dict[str, np.ndarray], truth: ava.Boxes, names: dict[int, str]) -> list[str]:
    pairs = []
    places = zip(found["shown_key"], found["shown_path"], found["shown_frame"], strict=True)
    for key, path, frame in places:
        try:
            image = read_frame(str(path), int(frame))
        except (MediaError, OSError):
            continue
        ours = [
            LabelledBox(tuple(box), _best(scores, names))
            for box, scores in zip(
                found["box"][found["box_key"] == key],
                found["box_scores"][found["box_key"] == key],
                strict=True,
            )
        ]
        pairs.append(BoxImage(image, str(key), ours, _annotated(truth, str(key), names)))
    if not pairs:
        return []
    text = f"Left what was detected (the {ACTIONS_SHOWN} surest actions), right what was annotated."
    return [
        page.heading("Key frames"),
        page.paragraph(text),
        page.image(box_pairs(pairs), "detected and annotated boxes"),
    ]


def _best(scores: np.ndarray, names: dict[int, str]) -> list[str]:
    known = [k for k in np.argsort(-scores, kind="stable") if k + 1 in names]
    shown = [k for k in known[:ACTIONS_SHOWN] if scores[k] >= LEAST_SCORE] or known[:1]
    return [f"{names[k + 1]} {scores[k]:.2f}" for k in shown]


def _annotated(truth: ava.Boxes, key: str, names: dict[int, str]) -> list[LabelledBox]:
    rows = np.flatnonzero(truth.keys == key)
    actions: dict[tuple[float, ...], list[str]] = {}
    for row in rows:
        label = int(truth.labels[row])
        if label in names:
            actions.setdefault(tuple(truth.boxes[row]), []).append(names[label])
    return [LabelledBox(box, words) for box, words in actions.items()]


def read_frame(path: str, number: int) -> np.ndarray:
    """Return an image file, or a frame of a video, as uint8 ``(H, W, 3)``.

    Raises:
        MediaError: it cannot be read.
    """
    if any(path.lower().endswith(suffix) for suffix in IMAGE_SUFFIXES):
        return read_image(path).permute(1, 2, 0).numpy()
    with open_media(path) as media:
        return media.read_frames([number])[0].permute(1, 2, 0).numpy()
