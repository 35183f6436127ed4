"""AVA: actions of people in boxes around them, at key frames a second apart.

Gu et al., "AVA: A Video Dataset of Spatio-temporally Localized Atomic Visual Actions". Training
joins annotated and detected boxes; validation and testing score the detected ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from slowfast.datasets.build import dataset_list
from slowfast.datasets.columns import FrameNames, Ragged
from slowfast.datasets.items import ItemTable
from slowfast.datasets.lists.ava_boxes import Key, KeyframeBoxes, read_keyframes, select_seconds
from slowfast.datasets.lists.frame_lists import compact, read_frame_list
from slowfast.utils.errors import AnnotationError
from slowfast.utils.needed import Needed
from slowfast.utils.paths import list_file

# Validation in training looks at each fourth second only.
VALIDATION_PERIOD = 4
FIRST_SECOND = 900  # of the movie, where the frame lists begin
VIDEO_SUFFIXES = (".mp4", ".mkv", ".webm", ".avi", ".mov")


SCRIPTS = "bash scripts/prepare-ava"
ANNOTATIONS = f"{SCRIPTS}/download_annotations.sh"
FILE_KEYS = {
    "train": ("TRAIN_GT_BOX_LISTS", "TRAIN_PREDICT_BOX_LISTS"),
    "test": ("TEST_PREDICT_BOX_LISTS", "GROUNDTRUTH_FILE", "LABEL_MAP_FILE", "EXCLUSION_FILE"),
}


def _needs(cfg, split: str) -> Iterator[Needed]:
    node = cfg.AVA
    for key in FILE_KEYS["train" if split == "train" else "test"]:
        for name in [node[key]] if isinstance(node[key], str) else node[key]:
            path = os.path.join(node.ANNOTATION_DIR, name)
            yield Needed(f"AVA.{key} in AVA.ANNOTATION_DIR", path, "annotations", ANNOTATIONS)
    if node.SOURCE == "video":
        origin = f"{SCRIPTS}/download_data.sh, then cut_videos.sh"
        yield Needed("AVA.VIDEO_DIR", node.VIDEO_DIR, "videos of AVA", origin)
        return
    names = node.TRAIN_LISTS if split == "train" else node.TEST_LISTS
    lists = [os.path.join(node.FRAME_LIST_DIR, name) for name in names]
    for path in lists:
        yield Needed("AVA.FRAME_LIST_DIR", path, "frame lists of AVA", ANNOTATIONS)
    if not all(map(os.path.exists, lists)):  # their paths may be absolute
        origin = f"{SCRIPTS}/download_data.sh, then cut_videos.sh and extract_frames.sh"
        yield Needed("AVA.FRAME_DIR", node.FRAME_DIR, "frames of AVA", origin)


@dataset_list("ava", _needs)
def ava(cfg, split: str) -> ItemTable:
    """Return the key frames of a split, read from images or videos (``AVA.SOURCE``).

    Raises:
        AnnotationError: lists or boxes are missing or wrong.
    """
    node = cfg.AVA
    keyframes, source = read_split(cfg, split)
    if node.SOURCE == "video":
        paths = {video: str(file) for video, file in find_videos(node.VIDEO_DIR).items()}
        options = {"frame_start": FIRST_SECOND - node.VIDEO_START}
    else:
        lists = node.TRAIN_LISTS if split == "train" else node.TEST_LISTS
        lists = [list_file(node.FRAME_LIST_DIR, name, "AVA.FRAME_LIST_DIR") for name in lists]
        frames, root = read_frames(lists), node.FRAME_DIR
        paths = {video: str((Path(root) / names[0]).parent) for video, names in frames.items()}
        names_of = {paths[video]: names for video, names in frames.items()}
        options = {"frames": FrameNames(root, names_of)}
    options["frame_rate"] = node.FRAME_RATE
    return table_of(keyframes, cfg.MODEL.NUM_CLASSES, source, paths, **options)


def read_split(cfg, split: str) -> tuple[dict[Key, KeyframeBoxes], str]:
    """Return the boxes of a split by (video, second), and where they were read."""
    node = cfg.AVA
    if split == "train":
        annotated, detected = node.TRAIN_GT_BOX_LISTS, node.TRAIN_PREDICT_BOX_LISTS
        # Published configs name the annotated boxes among the detected ones too.
        detected = [name for name in detected if name not in annotated]
    else:
        annotated, detected = [], node.TEST_PREDICT_BOX_LISTS
    annotated, detected = (
        [list_file(node.ANNOTATION_DIR, name, "AVA.ANNOTATION_DIR") for name in names]
        for names in (annotated, detected)
    )
    keyframes = read_keyframes(
        annotated,
        detected,
        cfg.MODEL.NUM_CLASSES,
        node.DETECTION_SCORE_THRESH,
    )
    source = str((annotated + detected)[0])
    if split == "val" and not node.FULL_TEST_ON_VAL:
        keyframes = select_seconds(keyframes, VALIDATION_PERIOD)
        if not keyframes:
            raise AnnotationError(
                f"{source}: no second is a multiple of {VALIDATION_PERIOD}, which is what "
                "validation looks at. Set AVA.FULL_TEST_ON_VAL True."
            )
    return keyframes, source


def table_of(
    keyframes: Mapping[Key, KeyframeBoxes],
    num_classes: int,
    source: str,
    paths: Mapping[str, str],
    **options,
) -> ItemTable:
    """Return the items of key frames.

    Args:
        keyframes: boxes of each (video, second), in order.
        num_classes: C.
        source: where the boxes were read, for messages.
        paths: file or folder of each video.
        options: of :class:`ItemTable`.

    Raises:
        AnnotationError: there are boxes of videos without a file or folder.
    """
    missing = sorted({video for video, _ in keyframes} - set(paths))
    if missing:
        raise AnnotationError(
            f"{source}: boxes of {len(missing)} videos that no frame list or video file has, such "
            f"as {', '.join(missing[:3])}. Check AVA.TRAIN_LISTS, AVA.TEST_LISTS and AVA.VIDEO_DIR."
        )
    arrays = [boxes.arrays(num_classes) for boxes in keyframes.values()]
    seconds = np.array([second - FIRST_SECOND for _, second in keyframes], dtype=float)
    return ItemTable(
        (paths[video] for video, _ in keyframes),
        None,
        [],
        source,
        start=seconds,
        end=seconds,
        names=(f"{video},{second:04d}" for video, second in keyframes),
        boxes=Ragged.join([{"box": box, "label": label} for box, label in arrays]),
        **options,
    )


def find_videos(folder: str | Path) -> dict[str, Path]:
    """Return the video files of a folder by their names without endings.

    Raises:
        AnnotationError: there is no such folder, or two files of one name.
    """
    if not Path(folder).is_dir():
        raise AnnotationError(f"AVA.VIDEO_DIR {folder}: no such folder.")
    found: dict[str, Path] = {}
    for file in sorted(Path(folder).iterdir()):
        if file.suffix.lower() in VIDEO_SUFFIXES and not file.name.startswith("."):
            if file.stem in found:
                raise AnnotationError(
                    f"AVA.VIDEO_DIR: {found[file.stem]} and {file} are one video."
                )
            found[file.stem] = file
    return found


def read_frames(lists: Sequence[str | Path]) -> dict[str, Sequence[str]]:
    """Return the names of the images of each video, as the frame lists give them.

    Raises:
        AnnotationError: a list is missing or wrong, or two name the same video.
    """
    frames: dict[str, Sequence[str]] = {}
    for path in lists:
        for video, lines in read_frame_list(path):
            if video in frames:
                raise AnnotationError(f"{path}: {video} is in another frame list too.")
            frames[video] = compact([line.path for line in lines])
    return frames
