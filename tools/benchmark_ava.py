"""AVA's frame-mAP against a loop over key frames and classes.

The loop is the plain way to write the measure, and how the published evaluators are built: it goes
through the key frames and, on each, through all classes; it cuts out the boxes of that class,
computes their overlaps with numpy and walks over the detections; then it ranks each class. It has
none of the bookkeeping of those evaluators, which need about ten times as long again: PySlowFast's took
5.6 CPU-seconds for 1,500 such key frames (measured once, elsewhere). Both get the same tables in
memory and must find the same APs. They take turns, round by round; medians of CPU-seconds of this
process are printed.

Made-up key frames have 1.83 detected people, as AVA's validation set has, who are scored for all
60 classes, and as many annotated people with 2.5 actions each; 5 % of the detections come twice.

    python tools/benchmark_ava.py [--frames 1500] [--classes 60] [--rounds 5] [--full]

``--full`` also evaluates as many key frames as AVA's validation set has (52,391), from memory and
from files, without the loop, and prints how far memory rose.

Goals: at 1,500 frames at most a tenth of the loop's time and 60 CPU-ms, and APs equal to 1e-9;
AVA's validation set in at most 3 CPU-seconds and 1 GB from memory.
"""

import argparse
import ctypes
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from slowfast.evaluation.ava import Boxes, evaluate, evaluate_files, image_keys, write_detections

PEOPLE = 1.83
ACTIONS = 2.5
GOAL_OF_LOOP, GOAL_SECONDS, GOAL_FRAMES, TOLERANCE = 0.1, 0.06, 1500, 1e-9
VAL_FRAMES, VAL_GOAL_SECONDS, VAL_GOAL_MEGABYTES = 52_391, 3.0, 1000.0
FRAMES_PER_VIDEO = 897
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def made_up(frames: int, classes: int) -> tuple[Boxes, Boxes]:
    """Return ground truth and detections."""
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
    found = Boxes.from_scores(keys[of_seen[order]], seen, scores[order].clip(max=1))
    return truth, found


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


def cpu_seconds(work) -> float:
    """Return the CPU-seconds of a work, all threads."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def in_turns(works: dict, rounds: int) -> dict[str, float]:
    """Return median CPU-seconds of works that take turns; nobody always goes first."""
    measured = {name: [] for name in works}
    for number in range(rounds):
        for name in list(works)[:: 1 if number % 2 else -1]:
            measured[name].append(cpu_seconds(works[name]))
    return {name: statistics.median(seconds) for name, seconds in measured.items()}


def peak_megabytes(work) -> float | None:
    """Return how far memory rises during a work, or None where the system does not tell."""
    try:
        ctypes.CDLL(None).malloc_trim(0)  # what was freed earlier must not serve this work
        CLEAR.write_text("5")  # Linux: the highest memory so far becomes the present one
        before = memory("VmRSS")
        work()
        return memory("VmHWM") - before
    except (OSError, AttributeError, TypeError):
        return None


def memory(field: str) -> float:
    """Return a line of the process's status in megabytes."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024 / 1e6


def report_loop(args) -> None:
    """Print the part about the loop."""
    truth, found = made_up(args.frames, args.classes)
    labels = {label: str(label) for label in range(1, args.classes + 1)}
    print(f"{args.frames:,} key frames, {len(truth):,} annotations, {len(found):,} detections")
    ours, theirs = evaluate(truth, found, labels).per_class, loop(truth, found, args.classes)
    works = {
        "evaluate": lambda: evaluate(truth, found, labels),
        "loop": lambda: loop(truth, found, args.classes),
    }
    seconds = in_turns(works, args.rounds)
    for name, value in seconds.items():
        print(f"{name:10}{1e3 * value:10.1f} CPU-ms")
    ratio = seconds["evaluate"] / seconds["loop"]
    pairs = [(ours[label], theirs[label]) for label in labels]
    apart = max((abs(a - b) for a, b in pairs if not np.isnan(b)), default=0.0)
    equal = apart <= TOLERANCE and all(np.isnan(a) == np.isnan(b) for a, b in pairs)
    print(f"of the loop's time: {ratio:.4f} ({1 / ratio:.0f} times as fast)")
    print(f"largest difference of an AP: {apart:.1e}")
    if args.frames == GOAL_FRAMES:
        good = ratio <= GOAL_OF_LOOP and seconds["evaluate"] <= GOAL_SECONDS and equal
        goal = f"<= {GOAL_OF_LOOP:g} of the loop and {1e3 * GOAL_SECONDS:g} CPU-ms, equal APs"
        print(f"goal {goal}: {'yes' if good else 'no'}")


def report_full(args) -> None:
    """Print the part about as many key frames as AVA's validation set has."""
    truth, found = made_up(VAL_FRAMES, args.classes)
    print(f"{VAL_FRAMES:,} key frames, {len(truth):,} annotations, {len(found):,} detections")
    seconds = in_turns({"": lambda: evaluate(truth, found)}, args.rounds)[""]
    peak = peak_megabytes(lambda: evaluate(truth, found))
    print(f"from memory: {seconds:.2f} CPU-s, ", end="")
    print("peak memory not known here" if peak is None else f"peak extra memory {peak:.0f} MB")
    good = seconds <= VAL_GOAL_SECONDS and (peak or 0) <= VAL_GOAL_MEGABYTES
    goal = f"<= {VAL_GOAL_SECONDS:g} CPU-s and {VAL_GOAL_MEGABYTES:g} MB"
    print(f"goal {goal}: {'yes' if good else 'no'}")
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("truth.csv", "found.csv")]
        writing = cpu_seconds(lambda: write_detections(paths[1], found))
        write_detections(paths[0], truth)
        both = cpu_seconds(lambda: evaluate_files(*paths))
        size = paths[1].stat().st_size / 1e6
        print(f"written to {size:.0f} MB in {writing:.1f} CPU-s; from files: {both:.2f} CPU-s")


def main(argv: list[str] | None = None) -> int:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=GOAL_FRAMES)
    parser.add_argument("--classes", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--full", action="store_true", help="also the size of AVA's validation set")
    args = parser.parse_args(argv)
    print(f"medians of {args.rounds} rounds in turns, numpy {np.__version__}")
    report_loop(args)
    if args.full:
        report_full(args)
    return 0


if __name__ == "__main__":
    sys.exit(main())
