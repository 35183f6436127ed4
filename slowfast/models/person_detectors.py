"""Boxes around people in a frame, by other people's detectors.

A detector maps a frame, uint8 ``(H, W, 3)`` RGB, to boxes ``(N, 4)`` ``[x1, y1, x2, y2]`` as shares
of the frame, surest first, and their scores ``(N,)``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

import numpy as np
import torch
from torchvision.ops import nms

from slowfast.utils.errors import CheckpointError, ConfigError

Detector = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]

PERSON_IN_TORCHVISION = 1  # of its COCO classes, which begin with the background
OVERLAP = 0.45
KNOWN = "torchvision, detectron2 or onnx:FILE"


def build_detector(name: str, least_score: float, cfg) -> Detector:
    """Return a detector.

    Args:
        name: ``torchvision``, ``detectron2`` or ``onnx:FILE``.
        least_score: boxes below it are left out.
        cfg: the whole config; detectron2 reads its ``DEMO.DETECTRON2_*``.

    Raises:
        ConfigError: unknown, or a package that it needs is not installed.
        CheckpointError: its weights are missing.
    """
    kind, _, file = name.partition(":")
    if kind == "onnx" and file:
        return FastestDet(file, least_score)
    if name == "torchvision":
        return _torchvision(least_score)
    if name == "detectron2":
        return _detectron2(cfg, least_score)
    raise ConfigError(f"--detector {name!r}: choose {KNOWN}.")


class FastestDet:
    """FastestDet in ONNX form (github.com/dog-qiuqiu/FastestDet), small enough for a CPU.

    Args:
        path: the ONNX file: input ``(1, 3, S, S)`` of blue, green, red over 255; output
            ``(1, 85, S/16, S/16)``: whether there is something, its box, and 80 COCO classes.
        least_score: boxes below it are left out.
    """

    def __init__(self, path: str | Path, least_score: float) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise ConfigError(
                "--detector onnx:FILE needs the package onnxruntime: pip install onnxruntime."
            ) from error
        if not Path(path).is_file():
            raise CheckpointError(f"--detector onnx:{path}: no such file.")
        self.session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0]
        self.least_score = least_score

    def __call__(self, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the people of a frame."""
        size = self.input.shape[2:]
        tensor = torch.from_numpy(frame[..., ::-1].copy()).permute(2, 0, 1)[None].float() / 255
        tensor = torch.nn.functional.interpolate(tensor, size, mode="bilinear")
        (output,) = self.session.run(None, {self.input.name: tensor.numpy()})
        return people_of(output[0], self.least_score)


def people_of(output: np.ndarray, least_score: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the people in an output ``(85, h, w)`` of FastestDet, each once."""
    something, box, classes = output[0], output[1:5], output[5:]
    scores = something**0.6 * classes.max(axis=0) ** 0.4
    rows, columns = np.nonzero((scores >= least_score) & (classes.argmax(axis=0) == 0))
    height, width = scores.shape
    x, y, w, h = box[:, rows, columns]
    centre = np.stack([(np.tanh(x) + columns) / width, (np.tanh(y) + rows) / height], axis=1)
    half = 0.5 / (1 + np.exp(-np.stack([w, h], axis=1)))
    boxes = np.clip(np.concatenate([centre - half, centre + half], axis=1), 0, 1)
    boxes, scores = boxes.astype(np.float64), scores[rows, columns].astype(np.float64)
    kept = nms(torch.from_numpy(boxes), torch.from_numpy(scores), OVERLAP).numpy()
    return boxes[kept], scores[kept]


def _torchvision(least_score: float) -> Detector:
    from torchvision.models import detection

    try:
        network = detection.fasterrcnn_resnet50_fpn_v2(weights="DEFAULT").eval()
    except (URLError, OSError) as error:
        raise CheckpointError(
            f"--detector torchvision: its weights cannot be fetched ({error}). Give boxes by "
            "--boxes, or a detector's file by --detector onnx:FILE."
        ) from error

    @torch.inference_mode()
    def detect(frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        tensor = torch.from_numpy(frame).permute(2, 0, 1).float() / 255
        found = network([tensor])[0]
        good = (found["labels"] == PERSON_IN_TORCHVISION) & (found["scores"] >= least_score)
        return _shares(found["boxes"][good], frame), found["scores"][good].numpy()

    return detect


def _detectron2(cfg, least_score: float) -> Detector:
    try:
        from detectron2 import model_zoo
        from detectron2.config import get_cfg
        from detectron2.engine import DefaultPredictor
    except ImportError as error:
        raise ConfigError(
            "--detector detectron2 needs the package detectron2 (install it from its repository)."
        ) from error
    theirs = get_cfg()
    theirs.merge_from_file(model_zoo.get_config_file(cfg.DEMO.DETECTRON2_CFG))
    theirs.MODEL.WEIGHTS = cfg.DEMO.DETECTRON2_WEIGHTS
    theirs.MODEL.ROI_HEADS.SCORE_THRESH_TEST = least_score
    theirs.MODEL.DEVICE = "cuda" if cfg.NUM_GPUS else "cpu"
    predictor = DefaultPredictor(theirs)

    def detect(frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = predictor(frame[..., ::-1])["instances"].to("cpu")
        people = found[found.pred_classes == 0]
        return _shares(people.pred_boxes.tensor, frame), people.scores.numpy()

    return detect


def _shares(boxes: torch.Tensor, frame: np.ndarray) -> np.ndarray:
    height, width = frame.shape[:2]
    return boxes.double().numpy() / np.array([width, height, width, height])
