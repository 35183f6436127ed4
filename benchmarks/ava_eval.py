"""AVA's frame-mAP against a plain loop over key frames and classes.

The loop is how per-image evaluators are built: it goes through the key frames and, on each, through
all classes; it cuts out the boxes of that class, computes their overlaps and walks over the
detections; then it ranks each class. It has none of the bookkeeping of published evaluators, which
need longer. Both get the same tables in memory and must find the same APs.

Made-up data have the size of AVA's validation set: 57,664 key frames with 1.83 detected people, each
with its surest classes (about 600,000 detections), and 190,000 annotations; 5 % of the people are
detected twice. The loop is timed on a slice of 1,500 key frames and scaled. Medians of CPU-seconds of
this process are printed, of rounds in which the two take turns.

    python benchmarks/ava_eval.py [--frames 57664] [--slice 1500] [--top 5] [--rounds 3]

``--top 60`` keeps all classes of every person, which is what a run of this package writes.

Goals: 100 times as fast as the loop, 3 CPU-seconds, 2 GiB, APs of the slice equal to 1e-9.
"""

import argparse
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
from timing import in_turns, median, peak_megabytes, setting, table_row, timed

from slowfast.evaluation.ava import Boxes, evaluate, evaluate_files, image_keys, write_detections

PEOPLE, ACTIONS, CLASSES = 1.83, 1.8, 60
GOAL_RATIO, GOAL_SECONDS, GOAL_MEGABYTES, TOLERANCE = 100, 3.0, 2147.0, 1e-9
FRAMES_PER_VIDEO = 897


def made_up(frames: int, top: int, classes: int = CLASSES) -> tuple[Boxes, Boxes]:
    """Return ground truth, and the ``top`` surest classes of every detected person."""
    rng = np.random.default_rng(0)
    numbers = np.arange(frames)
    videos = [f"video{number:06d}" for number in numbers // FRAMES_PER_VIDEO]
    keys = image_keys(videos, 902 + numbers % FRAMES_PER_VIDEO)
    of_person = np.sort(rng.integers(frames, size=round(PEOPLE * frames)))
    low, size = rng.uniform(0, 0.6, (len(of_person), 2)), rng.uniform(0.2, 0.4, (len(of_person), 2))
    people = np.round(np.concatenate([low, low + size], axis=1), 3)
    popularity = 1 / np.arange(1, classes + 1)
    does = rng.random((len(people), classes)) < ACTIONS * popularity / popularity.sum()
    person, action = np.nonzero(does)
    truth = Boxes(keys[of_person[person]], people[person], action + 1)
    seen = people + rng.normal(0, 0.03, people.shape)
    twice = rng.random(len(people)) < 0.05
    seen, of_seen = (
        np.concatenate([seen, seen[twice]]),
        np.concatenate([of_person, of_person[twice]]),
    )
    scores = rng.beta(1, 8, (len(seen), classes)) + 0.3 * np.concatenate([does, does[twice]])
    order = np.argsort(of_seen, kind="stable")
    seen = seen[order].clip(0, 1)
    scores = scores[order].clip(max=1)
    found = Boxes.from_scores(keys[of_seen[order]], seen, scores)
    rank = np.argsort(np.argsort(-scores, axis=1), axis=1)
    return truth, found.select((rank < top).reshape(-1))


def loop(truth: Boxes, found: Boxes, classes: int, threshold: float = 0.5) -> dict[int, float]:
    """Return the AP of each class, frame by frame and class by class."""
    truth_of, found_of = by_frame(truth), by_frame(found)
    scores, hits = defaultdict(list), defaultdict(list)
    for key, (boxes, labels, values) in found_of.items():
        frame_truth, truth_labels, _ = truth_of.get(key, (np.empty((0, 4)), np.empty(0), None))
        for label in range(1, classes + 1):
            mine = labels == label
            hits[label] += matched(boxes[mine], frame_truth[truth_labels == label], threshold)
            scores[label] += values[mine].tolist()
    labels = range(1, classes + 1)
    relevant = {label: int((truth.labels == label).sum()) for label in labels}
    return {label: area(scores[label], hits[label], relevant[label]) for label in labels}


def by_frame(table: Boxes) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return boxes, labels and scores of each key frame."""
    rows = defaultdict(list)
    for row, key in enumerate(table.keys):
        rows[key].append(row)
    return {key: (table.boxes[r], table.labels[r], table.scores[r]) for key, r in rows.items()}


def matched(found: np.ndarray, boxes: np.ndarray, threshold: float) -> list[bool]:
    """Return which detections of one frame and class are right."""
    if not len(boxes):
        return [False] * len(found)
    left, right = found[:, None], boxes[None]
    sides = np.minimum(left[..., 2:], right[..., 2:]) - np.maximum(left[..., :2], right[..., :2])
    shared = np.maximum(sides, 0).prod(axis=2)
    areas = [(side[..., 2:] - side[..., :2]).prod(axis=2) for side in (left, right)]
    overlap = shared / (areas[0] + areas[1] - shared)
    taken, right_ones = set(), []
    for row in overlap:
        best = int(row.argmax())
        right_ones.append(bool(row[best] >= threshold) and best not in taken)
        if right_ones[-1]:
            taken.add(best)
    return right_ones


def area(scores: list[float], hits: list[bool], relevant: int) -> float:
    """Return the area under the envelope of precision, summed over all steps of recall."""
    if not relevant:
        return float("nan")
    order = np.argsort(scores, kind="stable")[::-1]
    right = np.cumsum(np.array(hits, dtype=float)[order])
    precision = np.concatenate([[0], right / np.arange(1, len(right) + 1), [0]])
    recall = np.concatenate([[0], right / relevant, [1]])
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall) * precision[1:]).sum())


def compare(args) -> None:
    """Print both times, their ratio, the memory, and whether the goals are met."""
    labels = {label: str(label) for label in range(1, CLASSES + 1)}
    whole, part = made_up(args.frames, args.top), made_up(args.slice, args.top)
    print(
        f"{args.frames:,} key frames, {len(whole[0]):,} annotations, {len(whole[1]):,} detections"
    )
    ours, theirs = evaluate(*part, labels).per_class, loop(*part, CLASSES)
    works = {
        "evaluate, all": lambda: evaluate(*whole, labels),
        f"loop, {args.slice:,} key frames": lambda: loop(*part, CLASSES),
    }
    measured = in_turns(works, args.rounds).values()
    ours_seconds, slice_seconds = (median(rounds).cpu for rounds in measured)
    loop_seconds = slice_seconds * args.frames / args.slice
    peak = peak_megabytes(works["evaluate, all"])
    pairs = [(ours[label], theirs[label]) for label in labels]
    apart = max((abs(a - b) for a, b in pairs if not np.isnan(b)), default=0.0)
    ratio = loop_seconds / ours_seconds
    print(
        f"evaluate {ours_seconds:.3f} CPU-s, loop {loop_seconds:.1f} CPU-s (scaled): {ratio:.0f} to 1"
    )
    print("peak memory not known here" if peak is None else f"peak extra memory {peak:.0f} MB")
    print(f"largest difference of an AP on the slice: {apart:.1e}")
    what = f"AVA's frame-mAP, {args.frames:,} key frames"
    table_row(what, ratio, "times as fast as a plain loop", least=GOAL_RATIO, form=".0f")
    table_row("the same", ours_seconds, "CPU-s", most=GOAL_SECONDS)
    if peak is not None:
        table_row("the same", peak, "MB of memory", most=GOAL_MEGABYTES, form=".0f")
    table_row("the same", apart, "largest difference of an AP", most=TOLERANCE, form=".0e")


def from_files(args) -> None:
    """Print how long the same takes from csv files."""
    truth, found = made_up(args.frames, args.top)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("truth.csv", "found.csv")]
        writing = timed(lambda: write_detections(paths[1], found)).cpu
        write_detections(paths[0], truth)
        both = timed(lambda: evaluate_files(*paths)).cpu
        size = paths[1].stat().st_size / 1e6
        print(f"written to {size:.0f} MB in {writing:.1f} CPU-s; from files: {both:.2f} CPU-s")


def main(argv: list[str] | None = None) -> int:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=57_664, help="(%(default)s)")
    parser.add_argument("--slice", type=int, default=1500, help="of the loop (%(default)s)")
    parser.add_argument("--top", type=int, default=5, help="classes of a person (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(%(default)s)")
    args = parser.parse_args(argv)
    print(setting())
    print(f"medians of {args.rounds} rounds in turns")
    compare(args)
    from_files(args)
    return 0


if __name__ == "__main__":
    sys.exit(main())
