"""A user's own video, named second by second by a network that tells whole clips apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from slowfast.datasets.build import read_items
from slowfast.datasets.media import open_media
from slowfast.datasets.transforms import TestGeometry
from slowfast.engine.launch import device_of
from slowfast.engine.test import fill
from slowfast.engine.video_demo import frames_with_boxes
from slowfast.tasks.base import Task
from slowfast.tasks.recognition import Recognition
from slowfast.utils.errors import AnnotationError, ConfigError, MediaError
from slowfast.utils.logging import get_logger
from slowfast.visualization.box_figures import LabelledBox, write_video

logger = get_logger(__name__)

WHOLE_FRAME = (0.0, 0.0, 1.0, 1.0)


class Moment(NamedTuple):
    """The labels of a second, the best first, with their scores."""

    second: int
    labels: list[str]
    scores: list[float]

    def words(self) -> list[str]:
        """Return a line for each label."""
        return [f"{name} {s:.2f}" for name, s in zip(self.labels, self.scores, strict=True)]


class MomentLabels:
    """What each second of a video is called.

    Args:
        data: the ``DATA`` node of the config, which says what a clip is.
        labels: C names.
        score: from one clip, uint8 ``(1, 3, T, S, S)``, to C scores.
    """

    def __init__(self, data, labels: Sequence[str], score: Callable[[Tensor], np.ndarray]) -> None:
        self.labels, self.score = list(labels), score
        self.geometry = TestGeometry.from_cfg(data, 1)
        seconds = data.NUM_FRAMES * data.SAMPLING_RATE / data.TARGET_FPS
        if data.TEMPORAL_SAMPLING == "duration":
            seconds = data.NUM_FRAMES / data.CLIP_FPS
        self.offsets = (np.arange(data.NUM_FRAMES) + 0.5) / data.NUM_FRAMES * seconds - seconds / 2

    @torch.inference_mode()
    def moment(self, media, second: int, top: int = 3) -> Moment:
        """Return the best labels of the clip around the middle of a second."""
        info = media.video
        wanted = np.clip(second + 0.5 + self.offsets, 0, info.duration)
        clip = media.read_frames(info.nearest(wanted.tolist()), self.geometry.resize)
        (crop,) = self.geometry(clip)
        scores = self.score(crop.transpose(0, 1)[None])
        best = np.argsort(-scores, kind="stable")[:top]
        return Moment(second, [self.labels[k] for k in best], scores[best].tolist())

    def of_video(
        self, video: str | Path, out: str | Path | None = None, top: int = 3
    ) -> list[Moment]:
        """Return the moments of a video; with ``out`` also write it with them on its frames.

        Raises:
            MediaError: the video cannot be read.
        """
        with open_media(video) as media:
            if media.video is None:
                raise MediaError(f"{video}: the file has no video stream.")
            seconds = range(max(1, int(np.ceil(media.video.duration))))
            moments = [self.moment(media, second, top) for second in seconds]
            if out is not None:
                drawn = [[LabelledBox(WHOLE_FRAME, moment.words())] for moment in moments]
                write_video(out, frames_with_boxes(media, drawn), media.video.fps)
        return moments


def build_recognition_labels(cfg, task: Task) -> MomentLabels:
    """Return the labels of a classifier's own classes; weights are found as for testing.

    Raises:
        ConfigError: the task does not classify whole clips.
        CheckpointError: there are no weights.
    """
    if not isinstance(task, Recognition):
        raise ConfigError(
            "The demo writes actions at boxes (TASK detection) or names whole clips (TASK "
            f"recognition), not what TASK {cfg.TASK} finds."
        )
    device = device_of(cfg)
    model = task.build_test_model().to(device).eval()
    source, _ = fill(cfg, task, model)
    logger.info("Weights of %s.", source)

    def score(clip: Tensor) -> np.ndarray:
        return task.score_views(model, clip[None].to(device))[0, 0]

    return MomentLabels(cfg.DATA, _class_names(cfg), score)


def _class_names(cfg) -> list[str]:
    """Return the names that the list gives its classes, or their numbers."""
    try:
        names = read_items(cfg, "test").class_names
    except (AnnotationError, ConfigError):  # the list need not be on this machine
        names = []
    return names + [f"class {k}" for k in range(len(names), cfg.MODEL.NUM_CLASSES)]
