"""Checkpoints of this package: a fine-tuned network, or both encoders of a pretraining."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slowfast.checkpoint.formats.base import (
    AUDIO,
    AUDIO_HEAD,
    CLASSIFIER,
    MEMORY,
    POOLING,
    TEXT,
    TEXT_HEAD,
    VIDEO,
    VIDEO_HEAD,
    CheckpointFormat,
    Inputs,
)
from slowfast.checkpoint.formats.registry import register
from slowfast.checkpoint.store import saved_key


def saved_inputs(content: Mapping[str, Any]) -> Inputs | None:
    """Return the inputs of the config that the run had."""
    keys = ("MEAN", "STD", "REVERSE_INPUT_CHANNEL", "TRAIN_CROP_SIZE")
    mean, std, reverse, crop = (saved_key(content, f"DATA.{key}") for key in keys)
    return Inputs(tuple(mean), tuple(std), reverse, crop) if mean else None


register(
    "slowfast",
    CheckpointFormat(
        title="Own run",
        at="model_state",
        parts={
            r"backbone\.": VIDEO,
            r"encoder\.video_backbone\.": VIDEO,
            r"encoder\.audio_backbone\.": AUDIO,
            r"encoder\.text_backbone\.": TEXT,
            r"encoder\.video_projection\.": VIDEO_HEAD,
            r"encoder\.audio_projection\.": AUDIO_HEAD,
            r"encoder\.text_projection\.": TEXT_HEAD,
            r"(encoder\.video_)?pooling\.": POOLING,
            r"criterion\.|searched_epoch": MEMORY,
            r"(head|regressor)\.": CLASSIFIER,
        },
        inputs=saved_inputs,
        arch=lambda content: saved_key(content, "MODEL.ARCH"),
    ),
)
