"""Labels of one's own for one's own video: what a zero-shot network sees over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from slowfast.checkpoint.pretrained import initialise
from slowfast.datasets.transforms import ClipPreprocessor
from slowfast.engine.launch import device_of
from slowfast.engine.moments import MomentLabels
from slowfast.engine.test import load_weights, test_weights
from slowfast.models.build import build_model
from slowfast.models.text.sentences import open_name_vectors
from slowfast.models.zero_shot import ZeroShot
from slowfast.tasks.zero_shot_classes import label_words
from slowfast.utils.errors import CheckpointError, ConfigError


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
    preprocess = ClipPreprocessor(data.MEAN, data.STD, data.REVERSE_INPUT_CHANNEL).to(device)

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
