"""Action detection on AVA: scores of boxes around people, measured by frame-mAP."""

from __future__ import annotations

import math
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from slowfast.datasets.clips import ClipDataset
from slowfast.datasets.lists.ava import VALIDATION_PERIOD
from slowfast.evaluation.boxes import Boxes
from slowfast.evaluation.predictions import Predictions, save_predictions
from slowfast.tasks.base import Batch, Evaluator, StepOutput
from slowfast.tasks.build import TASK_REGISTRY
from slowfast.tasks.video import VideoTask
from slowfast.utils import distributed as du
from slowfast.utils.errors import AnnotationError, ConfigError
from slowfast.utils.paths import list_file

if TYPE_CHECKING:
    from slowfast.evaluation import ava

SHOWN = 8  # key frames that a report shows


@TASK_REGISTRY.register(name="detection")
class Detection(VideoTask):
    """Several actions for each box of a key frame."""

    primary_metric = "map"
    report_sections = ("detection",)
    losses = (("bce",), "boxes with several actions each learn from activated scores by")

    def __init__(self, cfg) -> None:
        super().__init__(cfg)
        if not cfg.DETECTION.ENABLE:
            raise ConfigError("TASK detection classifies boxes: set DETECTION.ENABLE True.")
        self.truth = GroundTruth(cfg)
        if cfg.MODEL.HEAD_ACT != "sigmoid":
            raise ConfigError(
                f"MODEL.HEAD_ACT is {cfg.MODEL.HEAD_ACT!r}; several actions for a box need sigmoid."
            )

    def bgr_input(self) -> bool:
        """Tell whether the network is handed blue first; ``AVA.BGR`` says so too."""
        return self.cfg.AVA.BGR or super().bgr_input()

    def example(self, model: nn.Module) -> tuple[nn.Module, tuple]:
        """Return the network with a clip and one box."""
        _, (clips,) = super().example(model)
        return model, (clips, torch.tensor([[0.0, 0.0, 0.0, 15.0, 15.0]], device="meta"))

    def training_step(self, model: nn.Module, batch: Batch) -> StepOutput:
        """Return the loss of ``boxes`` ``(N, 5)`` in ``video`` ``(B, 1, 3, T, S, S)``."""
        video = self.training_clips(model, batch)
        scores, labels = model(video, batch["boxes"]), batch["box_label"]
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
            clips = torch.stack([videos[place][0] for place in places]).to(device)
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

    def evaluator(self, dataset: ClipDataset) -> DetectionEvaluator:
        """Return an evaluator; the files of the ground truth are read once.

        Raises:
            AnnotationError: they are missing or wrong.
        """
        self.truth.check(dataset.split)
        return DetectionEvaluator(dataset, self.truth)


class GroundTruth:
    """What detections are evaluated against, as ``AVA.*`` names it."""

    def __init__(self, cfg) -> None:
        node = cfg.AVA
        self.path, self.label_map, self.excluded = (
            list_file(node.ANNOTATION_DIR, name, "AVA.ANNOTATION_DIR")
            for name in (node.GROUNDTRUTH_FILE, node.LABEL_MAP_FILE, node.EXCLUSION_FILE)
        )
        self.every_second = node.FULL_TEST_ON_VAL

    @cached_property
    def boxes(self) -> Boxes:
        """All annotated boxes."""
        from slowfast.evaluation import ava  # needs pandas

        return ava.read_ground_truth(self.path)

    @cached_property
    def excluded_keys(self) -> set[str]:
        """Key frames that do not count."""
        from slowfast.evaluation import ava  # needs pandas

        return ava.read_excluded(self.excluded)

    def of(self, split: str) -> Boxes:
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

    @cached_property
    def names(self) -> dict[int, str]:
        """Names of the classes that count, by their ids."""
        from slowfast.evaluation import ava  # needs pandas

        return ava.read_label_map(self.label_map)

    def check(self, split: str) -> None:
        """Look at all files before anything is computed.

        Raises:
            AnnotationError: one is missing or wrong, or they do not fit together.
        """
        files = {
            "GROUNDTRUTH_FILE": self.path,
            "LABEL_MAP_FILE": self.label_map,
            "EXCLUSION_FILE": self.excluded,
        }
        for key, path in files.items():
            if not path.is_file():
                raise AnnotationError(f"{path}: no such file (AVA.{key}, in AVA.ANNOTATION_DIR).")
        _ = self.excluded_keys
        if not set(self.names) & set(self.of(split).labels.tolist()):
            raise AnnotationError(
                f"None of the {len(self.names)} classes of {self.label_map} (AVA.LABEL_MAP_FILE) "
                f"occurs in {self.path} (AVA.GROUNDTRUTH_FILE): do their numbers agree?"
            )

    def evaluate(self, detections: Boxes, split: str) -> ava.AvaResult:
        """Return the frame-mAP of detections."""
        from slowfast.evaluation import ava  # needs pandas

        return ava.evaluate(
            self.of(split),
            detections,
            self.names,
            self.excluded_keys,
        )


class DetectionEvaluator(Evaluator):
    """Frame-mAP at an IoU of 0.5, in percent.

    Args:
        dataset: its items know the boxes and their key frames.
        truth: the annotated boxes.
    """

    def __init__(self, dataset: ClipDataset, truth: GroundTruth) -> None:
        self.dataset, self.truth = dataset, truth
        self._boxes, self._frames = Predictions(), Predictions()
        self.detections: Boxes | None = None
        self.result: ava.AvaResult | None = None
        self.found: dict[str, np.ndarray] = {}

    def update(self, predictions: dict[str, Any]) -> None:
        """Take ``index``, ``valid`` ``(B,)``, ``box_index`` ``(N,)`` and ``scores`` ``(N, C)``."""
        self._frames.add({key: predictions[key] for key in ("index", "valid")})
        scores = predictions["scores"]
        self._boxes.add({"index": predictions["box_index"], "scores": scores})

    def compute(self) -> dict[str, float]:
        """Return the measures; boxes of unreadable key frames are not detected."""
        self._boxes.gather()
        self._frames.gather()
        measures, self.protocol = du.on_root(self._measure)
        return measures

    def _measure(self) -> tuple[dict[str, float], dict[str, str | float]]:
        """Return the measures, and how detections were matched and what was left out."""
        self.found, frames = self._boxes.join(), self._frames.join()
        found, items = self.found, self.dataset.items
        keys = [items.names[k] for k in items.boxes.item_of_rows()[found["index"]]]
        boxes = items.boxes.arrays["box"][found["index"]]
        self.detections = Boxes.from_scores(keys, boxes, found["scores"])
        self.result = self.truth.evaluate(self.detections, self.dataset.split)
        measured = [ap for ap in self.result.per_class.values() if not math.isnan(ap)]
        result = self.result
        how = {"match_order": result.match_order, "iou_threshold": result.iou_threshold}
        measures = {
            "map": 100 * result.mean_ap,
            "chance_map": 100 * self._chance(),
            "num_classes_measured": len(measured),
            "num_keyframes": len(frames["index"]),
            "num_boxes": len(boxes),
            "num_unreadable": int((~frames["valid"]).sum()),
        }
        return measures, {**how, **result.counts}

    def _chance(self) -> float:
        """Return what random scores reach: the mean share of boxes that show an action."""
        counts = [n for n in self.result.ground_truth.values() if n]
        truth = self.truth.of(self.dataset.split)
        boxes = set(zip(truth.keys, map(tuple, truth.boxes), strict=True))
        return float(np.mean(counts)) / len(boxes) if counts else math.nan

    def save(self, path: Path) -> None:
        """Write boxes of both sides, scores and classes, so that the APs can be computed again.

        ``detections.csv`` beside it has AVA's own format.
        """
        from slowfast.evaluation import ava  # needs pandas

        found, items, result = self.found, self.dataset.items, self.result
        truth = self.truth.of(self.dataset.split)
        frames = items.boxes.item_of_rows()[found["index"]]
        keys = np.array([items.names[k] for k in frames])
        ava.write_detections(path.with_name("detections.csv"), self.detections)
        classes = list(result.per_class)
        save_predictions(
            path,
            {
                "box": items.boxes.arrays["box"][found["index"]],
                "box_scores": found["scores"],
                "box_key": keys,
                "true_box": truth.boxes,
                "true_label": truth.labels,
                "true_key": truth.keys.astype(str),
                "excluded": np.array(sorted(self.truth.excluded_keys), dtype=str),
                "class_ids": np.array(classes),
                "class_names": np.array([result.class_names[k] for k in classes]),
                **self._shown(frames, keys),
            },
        )

    def _shown(self, frames: np.ndarray, keys: np.ndarray) -> dict[str, np.ndarray]:
        """Return where some key frames with boxes can be seen."""
        _, first = np.unique(frames, return_index=True)
        chosen = first[np.linspace(0, len(first) - 1, min(SHOWN, len(first))).astype(int)]
        places = [self._place_of(frames[k]) for k in chosen]
        return {
            "shown_key": keys[chosen],
            "shown_path": np.array([path for path, _ in places]),
            "shown_frame": np.array([frame for _, frame in places], dtype=np.int64),
        }

    def _place_of(self, row: int) -> tuple[str, int]:
        """Return where a key frame can be seen: a file, and a frame of it."""
        items = self.dataset.items
        with items.open(row) as media:
            frame = round(items.time(row) * media.video.fps)
            return media.place_of(min(frame, media.video.num_frames - 1))
