"""Action detection on AVA: scores of boxes around people, judged by frame-mAP."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from slowfast.datasets.ava import VALIDATION_PERIOD
from slowfast.datasets.ava_clips import AvaTestClips
from slowfast.datasets.build import build_dataset, dataset_name
from slowfast.datasets.loader import construct_loader
from slowfast.evaluation import ava
from slowfast.evaluation.predictions import Predictions, save_predictions
from slowfast.tasks.base import Batch, Evaluator, StepOutput
from slowfast.tasks.registry import TASK_REGISTRY
from slowfast.tasks.video import VideoTask
from slowfast.utils.errors import AnnotationError, ConfigError


@TASK_REGISTRY.register(name="detection")
class Detection(VideoTask):
    """Several actions for each box of a key frame."""

    headline = "map"
    losses = (("bce",), "boxes with several actions each learn from activated scores by")
    unused: ClassVar[Mapping[str, str]] = {
        "AUDIO.ENABLE": "it looks at pictures only",
        "SSL.CHECKPOINT": "name the pretrained network by MODEL.INIT_METHOD and MODEL.CKPT",
        "DATA.RESIZE_SQUARE": "boxes keep the aspect of the picture",
    }

    def __init__(self, cfg) -> None:
        super().__init__(cfg)
        if not cfg.DETECTION.ENABLE:
            raise ConfigError("TASK detection classifies boxes: set DETECTION.ENABLE True.")
        if cfg.MODEL.HEAD_ACT != "sigmoid":
            raise ConfigError(
                f"MODEL.HEAD_ACT is {cfg.MODEL.HEAD_ACT!r}; several actions for a box need sigmoid."
            )

    def blue_first(self) -> bool:
        """Tell whether the network is handed blue first; ``AVA.BGR`` says so too."""
        return self.cfg.AVA.BGR or super().blue_first()

    def build_loader(self, split: str) -> DataLoader:
        """Return the loader of a split."""
        dataset = build_dataset(dataset_name(self.cfg, split), self.cfg, split)
        return construct_loader(self.cfg, split, dataset)

    def example(self, model: nn.Module) -> tuple[nn.Module, tuple]:
        """Return the network with a clip and one box."""
        _, (clips,) = super().example(model)
        return model, (clips, torch.tensor([[0.0, 0.0, 0.0, 15.0, 15.0]], device="meta"))

    def training_step(self, model: nn.Module, batch: Batch) -> StepOutput:
        """Return the loss of ``boxes`` ``(N, 5)`` in ``video`` ``(B, 3, T, S, S)``."""
        video = self.preprocess_on(model)(batch["video"], batch["color"])
        scores, labels = model(video, batch["boxes"]), batch["labels"]
        with torch.autocast(scores.device.type, enabled=False):
            # Without any box there is nothing to learn, but every process must take part.
            loss = self.loss(scores.float(), labels) if len(labels) else scores.sum()
        boxes = torch.tensor(len(labels) / len(batch["index"]))
        return StepOutput({"loss": loss}, {"boxes_per_clip": boxes}, len(batch["index"]))

    def evaluation_step(self, model: nn.Module, batch: Batch) -> dict[str, Any]:
        """Score the boxes of each key frame; clips of one size go through together."""
        videos, boxes = batch["video"], batch["boxes"]
        device = boxes.device
        sizes: dict[tuple[int, ...], list[int]] = {}
        for place, video in enumerate(videos):
            if batch["valid"][place]:
                sizes.setdefault(tuple(video.shape), []).append(place)
        scores = torch.zeros(len(boxes), self.cfg.MODEL.NUM_CLASSES)
        for places in sizes.values():
            clips = torch.stack([videos[place] for place in places]).to(device)
            own = torch.isin(boxes[:, 0].long(), torch.tensor(places, device=device))
            part = boxes[own].clone()
            part[:, 0] = torch.searchsorted(torch.tensor(places, device=device), part[:, 0].long())
            scores[own.cpu()] = model(self.preprocess_on(model)(clips), part).float().cpu()
        return {
            "index": batch["index"].cpu().numpy(),
            "valid": batch["valid"].cpu().numpy(),
            "box_index": batch["box_index"].cpu().numpy(),
            "scores": scores.numpy(),
        }

    def evaluator(self, dataset: AvaTestClips) -> DetectionEvaluator:
        """Return an evaluator that reads the ground truth when it is first needed."""
        return DetectionEvaluator(dataset, GroundTruth(self.cfg))

    def list_fingerprint(self, dataset: AvaTestClips) -> str:
        """Return a hash of the key frames, whose order a resumed run relies on."""
        return dataset.table.fingerprint()


class GroundTruth:
    """What detections are judged against, as ``AVA.*`` names it."""

    def __init__(self, cfg) -> None:
        node = cfg.AVA
        folder = Path(node.ANNOTATION_DIR)
        self.path = folder / node.GROUNDTRUTH_FILE
        self.label_map = folder / node.LABEL_MAP_FILE
        self.excluded = folder / node.EXCLUSION_FILE
        self.every_second = node.FULL_TEST_ON_VAL

    @cached_property
    def boxes(self) -> ava.Boxes:
        """All annotated boxes."""
        return ava.read_ground_truth(self.path)

    def of(self, split: str) -> ava.Boxes:
        """Return the annotated boxes of ``val`` or ``test``.

        Raises:
            AnnotationError: there are none.
        """
        boxes = self.boxes
        if split == "val" and not self.every_second:
            seconds = np.array([int(key.rpartition(",")[2]) for key in boxes.keys])
            boxes = boxes.select(seconds % VALIDATION_PERIOD == 0)
        if not len(boxes):
            raise AnnotationError(f"{self.path}: no annotated box on the key frames of {split}.")
        return boxes

    def judge(self, detections: ava.Boxes, split: str) -> ava.AvaResult:
        """Return the frame-mAP of detections."""
        return ava.evaluate(
            self.of(split),
            detections,
            ava.read_label_map(self.label_map),
            ava.read_excluded(self.excluded),
        )


class DetectionEvaluator(Evaluator):
    """Frame-mAP at an IoU of 0.5, in percent.

    Args:
        dataset: its table knows the boxes and their key frames.
        truth: the annotated boxes.
    """

    def __init__(self, dataset: AvaTestClips, truth: GroundTruth) -> None:
        self.dataset, self.truth = dataset, truth
        self._boxes, self._frames = Predictions(), Predictions()
        self.detections: ava.Boxes | None = None
        self.result: ava.AvaResult | None = None

    def update(self, predictions: dict[str, Any]) -> None:
        """Take ``index``, ``valid`` ``(B,)``, ``box_index`` ``(N,)`` and ``scores`` ``(N, C)``."""
        self._frames.add({key: predictions[key] for key in ("index", "valid")})
        scores = predictions["scores"]
        self._boxes.add({"index": predictions["box_index"], "scores": scores})

    def compute(self) -> dict[str, float]:
        """Return the measures; boxes of unreadable key frames are not detected."""
        found, frames = self._boxes.gather(), self._frames.gather()
        table = self.dataset.table
        keys = [ava.image_key(*table.keys[k]) for k in table.keyframe_of_boxes()[found["index"]]]
        boxes = table.boxes[found["index"]]
        self.detections = ava.Boxes.from_scores(keys, boxes, found["scores"])
        self.result = self.truth.judge(self.detections, self.dataset.split)
        measured = [ap for ap in self.result.per_class.values() if not math.isnan(ap)]
        return {
            "map": 100 * self.result.mean_ap,
            "num_classes_measured": len(measured),
            "num_keyframes": len(frames["index"]),
            "num_boxes": len(boxes),
            "num_unreadable": int((~frames["valid"]).sum()),
        }

    def save(self, path: Path) -> None:
        """Write boxes, scores and APs, and ``detections.csv`` in AVA's own format beside them."""
        found, table, result = self._boxes.gather(), self.dataset.table, self.result
        frames = table.keyframe_of_boxes()[found["index"]]
        ava.write_detections(path.with_name("detections.csv"), self.detections)
        classes = list(result.per_class)
        save_predictions(
            path,
            {
                "box": table.boxes[found["index"]],
                "box_scores": found["scores"],
                "key": np.array([ava.image_key(*table.keys[k]) for k in frames]),
                "path": np.array([self.dataset.videos.paths[int(k)] for k in frames]),
                "class_ids": np.array(classes),
                "class_names": np.array([result.class_names[k] for k in classes]),
                "class_ap": np.array([result.per_class[k] for k in classes]),
                "ground_truth": np.str_(self.truth.path),
                "match_order": np.str_(result.match_order),
            },
        )
