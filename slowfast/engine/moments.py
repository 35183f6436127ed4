"""A user's own video, named second by second: by the classes of a network, or by labels of one's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from slowfast.checkpoint.pretrained import initialise
from slowfast.datasets.build import read_items
from slowfast.datasets.media import open_media
from slowfast.datasets.transforms import ClipPreprocessor, TestGeometry
from slowfast.engine.launch import device_of
from slowfast.engine.test import fill, load_weights, test_weights
from slowfast.engine.video_demo import frames_with_boxes
from slowfast.models.build import build_model
from slowfast.models.text.sentences import open_name_vectors
from slowfast.models.zero_shot import ZeroShot
from slowfast.tasks.base import Task
from slowfast.tasks.recognition import Recognition
from slowfast.tasks.zero_shot_classes import label_words
from slowfast.utils.errors import AnnotationError, CheckpointError, ConfigError, MediaError
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


def build_open_vocabulary(cfg, labels: Sequence[str], only_ckpt: bool = False) -> MomentLabels:
    """Return labels in plain words, scored by their cosine with a zero-shot network's output.

    Args:
        cfg: of TASK zero_shot; weights are found as for testing.
        labels: what a second may be called.
        only_ckpt: take ``MODEL.CKPT`` even where the run's own folder holds weights.

    Raises:
        ConfigError: another model, or fewer than two labels.
        AnnotationError: words without a vector.
        CheckpointError: there are no weights.
    """
    names = list(dict.fromkeys(label.strip() for label in labels if label.strip()))
    if len(names) < 2:
        raise ConfigError("Open vocabularies need at least two different labels.")
    node, data, device = cfg.ZERO_SHOT, cfg.DATA, device_of(cfg)
    table = open_name_vectors(node.VECTORS)
    vectors = table.embed_classes(label_words(cfg, names), node.MISSING_WORDS, "of --labels")
    model = build_model(cfg).to(device).eval()
    if not isinstance(model, ZeroShot):
        raise ConfigError(
            f"MODEL.MODEL_NAME {cfg.MODEL.MODEL_NAME} has no space of words: take a config of TASK "
            "zero_shot."
        )
    if only_ckpt:
        initialise(model, cfg, head=True)
    else:
        _fill(cfg, model)
    preprocess = ClipPreprocessor.from_cfg(data).to(device)

    def score(clip: Tensor) -> np.ndarray:
        return (model(preprocess(clip.to(device))).float().cpu().numpy() @ vectors.T)[0]

    return MomentLabels(data, names, score)


def _fill(cfg, model: ZeroShot) -> None:
    try:
        path, content = test_weights(cfg)
    except CheckpointError:
        if not cfg.MODEL.CKPT:
            raise
        initialise(model, cfg, head=True)
    else:
        load_weights(model, content, path)
