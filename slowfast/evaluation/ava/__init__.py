"""AVA: files, label map, frame-mAP, figures, and the command ``python -m slowfast.evaluation.ava``."""

from slowfast.evaluation.ava.files import (
    read_detections,
    read_excluded,
    read_ground_truth,
    write_detections,
)
from slowfast.evaluation.ava.label_map import read_label_map
from slowfast.evaluation.ava.measure import (
    MATCH_ORDERS,
    AvaResult,
    evaluate,
    evaluate_ava,
    evaluate_files,
)
from slowfast.evaluation.boxes import Boxes, image_key, image_keys

__all__ = [
    "MATCH_ORDERS",
    "AvaResult",
    "Boxes",
    "evaluate",
    "evaluate_ava",
    "evaluate_files",
    "image_key",
    "image_keys",
    "read_detections",
    "read_excluded",
    "read_ground_truth",
    "read_label_map",
    "write_detections",
]
