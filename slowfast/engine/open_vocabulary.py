"""Labels of one's own for one's own video: what a zero-shot network sees over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from slowfast.checkpoint.pretrained import initialise
from slowfast.datasets.media import open_media
from slowfast.datasets.transforms import ClipPreprocessor, TestGeometry
from slowfast.engine.launch import device_of
from slowfast.engine.test import load_weights, test_weights
from slowfast.engine.video_demo import frames_with_boxes
from slowfast.evaluation.zero_shot import nearest_class
from slowfast.models.build import build_model
from slowfast.models.text import class_words
from slowfast.models.text.sentences import open_name_vectors
from slowfast.models.zero_shot import ZeroShot
from slowfast.utils.errors import CheckpointError, ConfigError, MediaError
from slowfast.visualization.annotate import write_video
from slowfast.visualization.box_figures import LabelledBox

WHOLE_FRAME = (0.0, 0.0, 1.0, 1.0)


class Moment(NamedTuple):
    """The labels of a second, the nearest first, with their cosines."""

    second: int
    labels: list[str]
    cosines: list[float]

    def words(self) -> list[str]:
        """Return a line for each label."""
        return [f"{name} {cos:.2f}" for name, cos in zip(self.labels, self.cosines, strict=True)]


class OpenVocabulary:
    """A zero-shot network and labels in plain words.

    Args:
        cfg: of TASK zero_shot; weights are found as for testing.
        labels: what a second may be called.

    Raises:
        ConfigError: another model, or fewer than two labels.
        AnnotationError: words without a vector.
        CheckpointError: there are no weights.
    """

    def __init__(self, cfg, labels: Sequence[str]) -> None:
        self.labels = [label.strip() for label in labels if label.strip()]
        if len(set(self.labels)) < 2:
            raise ConfigError("Open vocabularies need at least two different labels.")
        node, data = cfg.ZERO_SHOT, cfg.DATA
        words = {label: class_words(label, "plain", node.LEMMAS) for label in self.labels}
        self.vectors = open_name_vectors(node.VECTORS).embed_classes(words, node.MISSING_WORDS)
        self.labels = list(words)
        self.device = device_of(cfg)
        self.model = build_model(cfg).to(self.device).eval()
        if not isinstance(self.model, ZeroShot):
            raise ConfigError(
                f"MODEL.MODEL_NAME {cfg.MODEL.MODEL_NAME} has no space of words: take a config of "
                "TASK zero_shot."
            )
        _fill(cfg, self.model)
        self.preprocess = ClipPreprocessor(data.MEAN, data.STD, data.REVERSE_INPUT_CHANNEL)
        self.geometry = TestGeometry.from_cfg(data, 1)
        seconds = data.NUM_FRAMES * data.SAMPLING_RATE / data.TARGET_FPS
        if data.TEMPORAL_SAMPLING == "duration":
            seconds = data.NUM_FRAMES / data.CLIP_FPS
        self.offsets = (np.arange(data.NUM_FRAMES) + 0.5) / data.NUM_FRAMES * seconds - seconds / 2

    @torch.inference_mode()
    def moment(self, media, second: int, top: int = 3) -> Moment:
        """Return the nearest labels of the clip around the middle of a second."""
        info = media.video
        wanted = np.clip(second + 0.5 + self.offsets, 0, info.duration)
        clip = media.read_frames(info.nearest(wanted.tolist()), self.geometry.resize)
        (crop,) = self.geometry(clip)
        batch = crop.transpose(0, 1)[None].to(self.device)
        found = self.model(self.preprocess.to(self.device)(batch)).float().cpu().numpy()
        nearest = nearest_class(found, self.vectors, top)[0]
        cosines = (found @ self.vectors[nearest].T)[0]
        return Moment(second, [self.labels[k] for k in nearest], cosines.tolist())

    def classify(self, video: str | Path, out: str | Path | None = None, top: int = 3):
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


def _fill(cfg, model: ZeroShot) -> None:
    try:
        path, content = test_weights(cfg)
    except CheckpointError:
        if not cfg.MODEL.CKPT:
            raise
        initialise(model, cfg, head=True)
    else:
        load_weights(model, content, path)
