"""AVA as a dataset: official lists, boxes and pictures or videos.

Gu et al., "AVA: A Video Dataset of Spatio-temporally Localized Atomic Visual Actions". Training joins
annotated and detected boxes; validation and testing score the detected ones.
"""

from __future__ import annotations

from slowfast.datasets.ava_boxes import read_keyframes, select_seconds
from slowfast.datasets.ava_clips import AvaTestClips, AvaTrainClips, KeyframeTable
from slowfast.datasets.ava_media import ClipSource, ClipWindow, FrameSource, VideoSource
from slowfast.datasets.build import DATASET_REGISTRY
from slowfast.datasets.media import build_media_options
from slowfast.datasets.transforms.boxes import BoxTestGeometry, BoxTrainGeometry
from slowfast.utils.errors import AnnotationError
from slowfast.utils.paths import list_file

# Validation in training looks at each fourth second only.
VALIDATION_PERIOD = 4


@DATASET_REGISTRY.register(name="ava")
def ava(cfg, split: str) -> AvaTrainClips | AvaTestClips:
    """Return the key frames of a split.

    Raises:
        AnnotationError: lists or boxes are missing or wrong.
    """
    data = cfg.DATA
    table = build_table(cfg, split)
    source = build_source(cfg, split)
    if split != "train":
        geometry = BoxTestGeometry(
            data.TEST_CROP_SIZE, cfg.AVA.TEST_FORCE_FLIP, data.RESIZE_ANTIALIAS
        )
        return AvaTestClips(table, source, geometry, split)
    geometry = BoxTrainGeometry(
        data.TRAIN_CROP_SIZE,
        tuple(data.TRAIN_JITTER_SCALES),
        cfg.AVA.MIN_VISIBLE_AREA,
        data.RANDOM_FLIP,
        data.RESIZE_ANTIALIAS,
    )
    return AvaTrainClips(
        table,
        source,
        geometry,
        seed=cfg.RNG_SEED,
        color_jitter=tuple(data.COLOR_JITTER),
        color_probability=data.COLOR_JITTER_PROB,
        max_retries=data.MAX_RETRIES,
    )


def build_table(cfg, split: str) -> KeyframeTable:
    """Read the boxes of a split."""
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
    return KeyframeTable(keyframes, cfg.MODEL.NUM_CLASSES, source)


def build_source(cfg, split: str) -> ClipSource:
    """Return what reads the clips of a split (``AVA.SOURCE``)."""
    node, data = cfg.AVA, cfg.DATA
    window = ClipWindow(data.NUM_FRAMES, data.SAMPLING_RATE, node.FRAME_RATE)
    if node.SOURCE == "video":
        return VideoSource(node.VIDEO_DIR, window, node.VIDEO_START, build_media_options(cfg))
    lists = node.TRAIN_LISTS if split == "train" else node.TEST_LISTS
    lists = [list_file(node.FRAME_LIST_DIR, name, "AVA.FRAME_LIST_DIR") for name in lists]
    return FrameSource(lists, node.FRAME_DIR, window)
